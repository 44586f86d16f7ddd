"""Our entries in an adapter's metadata: the command that wrote it, and whether the command may replace it."""

from collections.abc import Mapping
from pathlib import Path

from ioadapt_theory.errors import InvalidValueError, IoAdaptError
from ioadapt_theory.formats.kinds import ioadapt, peft
from ioadapt_theory.formats.tensors import OURS, TARGET, TensorFile

KEPT = f"{OURS}kept"
"""Key of the predicted share of the gain, which may differ between two runs of the same command."""


def notes(command: str, adapter: object, target: object, source: object = None) -> dict[str, str]:
    """Return the entries for an adapter that a command writes."""
    entries = {f"{OURS}command": command, f"{OURS}adapter": adapter, f"{OURS}source": source, TARGET: target}
    return {key: str(value) for key, value in entries.items() if value is not None}


def require_replaceable(path: Path, entries: Mapping[str, str], *, force: bool) -> None:
    """Raise InvalidValueError if an adapter exists at ``path`` that was not written with these entries."""
    inside = (path / name for name in (ioadapt.FILE, *peft.WEIGHTS, peft.CONFIG))
    there = next((p for p in inside if p.exists()), None) if path.is_dir() else path if path.exists() else None
    if force or there is None:
        return
    try:
        found = TensorFile(there).metadata
    except IoAdaptError:
        found = {}
    if any(found.get(key) != value for key, value in entries.items()):
        msg = f"{there} exists and was not written by this command; pass --force to replace it, or another --out."
        raise InvalidValueError(msg)
