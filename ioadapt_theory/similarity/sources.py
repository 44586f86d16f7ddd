"""One door for all sources: `open_checkpoint` takes an alias, a path or a hub id."""

from pathlib import Path

from ioadapt_theory.similarity.checkpoint import Checkpoint


def open_checkpoint(
    source: str,
    *,
    revision: str | None = None,
    subfolder: str | None = None,
    variant: str | None = None,
    component: str | None = None,
    ema: bool | None = None,
    offline: bool = False,
    verify: bool = False,
    progress: bool = True,
    aliases: Path | None = None,
    cache: Path | None = None,
) -> Checkpoint:
    """Open a checkpoint and return it with its names and shapes known."""
    raise NotImplementedError
