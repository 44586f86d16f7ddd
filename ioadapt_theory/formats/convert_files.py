"""Whole adapter files converted or baked, one layer in memory at a time, for `ioadapt adapters`."""

from pathlib import Path

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import naming
from ioadapt_theory.adapters.moving.convert import Fidelity, convert
from ioadapt_theory.adapters.rules.fingerprint import fingerprint, pack
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats import own
from ioadapt_theory.formats.match import Match


def convert_to(
    folder: Path | str, matched: Match, placement: Placement | str, *, partial: bool = False, **tamed: float
) -> dict[str, Fidelity | str]:
    """Write LoRAs trained on the base as input or output adapters (Eq. 5), in our own folder.

    Args:
        folder: to write.
        matched: the LoRA and the base that it was trained on.
        placement: "input" or "output".
        partial: leave out layers that have no such form, saying why, instead of refusing.
        **tamed: ridge and cutoff, see ``Inverse.of``.

    Returns:
        What each layer lost, or why it was left out.

    Raises:
        UnsupportedError: a layer, or with ``partial`` every layer, has no such form.
    """
    converted: dict[str, Adapter] = {}
    outcome: dict[str, Fidelity | str] = {}
    prints = {}
    for layer, adapter, base in matched.adapters():
        try:
            with naming(layer):
                converted[layer], outcome[layer] = convert(adapter, base.matrix, placement, base.bias, **tamed)
        except UnsupportedError as error:
            if not partial:
                raise
            outcome[layer] = f"left out: {str(error).removeprefix(f'{layer}: ')}"
            continue
        prints[layer] = fingerprint(base)
    if not converted:
        msg = f"{matched.file.path}: {next(iter(outcome.values()))}"
        raise UnsupportedError(msg)
    own.write(folder, converted, pack(prints, matched.file.base))
    return outcome


def rewrite_to(path: Path | str, matched: Match) -> None:
    """Write the same adapter in our own folder."""
    adapters, prints = {}, {}
    for layer, adapter, base in matched.adapters():
        adapters[layer], prints[layer] = adapter, fingerprint(base)
    own.write(path, adapters, pack(prints, matched.file.base))
