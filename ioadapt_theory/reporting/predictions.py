"""Predictions from inputs: how far apart two models are, and the share of its gain that a copied adapter keeps."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from ioadapt_theory.adapters.model import disable, layers, remove
from ioadapt_theory.effect import Compared, Prediction, measured, run, undisturbed, whole
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.moving.put import TransferError
from ioadapt_theory.moving.transfer import transfer

TIE = 0.02
"""Difference from the largest share of the gain up to which a way counts as equally good."""
ROUNDING: Final = 1e-4
"""Largest relative difference of outputs that is attributed to rounding."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions for an adapter that is moved, from running both models on inputs.

    Attributes:
        copied: prediction for a copy of the given adapter; None without an adapter, or if no layer of the target fits.
        difference: ‖f_T - f_S‖ / ‖f_S‖ for the outputs f_S of the source and f_T of the target, without adapters.
        explained: share of the source's loss that the adapter removed, which ``bound`` needs.
        compared: which output is compared, what both models need of it, and why.
    """

    copied: Prediction | None
    difference: float
    explained: float
    compared: Compared

    @property
    def same(self) -> bool:
        """Whether the plain models give the same outputs, up to rounding."""
        return self.difference < ROUNDING

    @property
    def bound(self) -> float | None:
        """Bound on the error of ``copied.R``, a share of the gain (claim `effect-retained`); None without a copy."""
        return None if self.copied is None else self.copied.bound(self.explained)


def predict_move(
    source: nn.Module,
    target: nn.Module,
    inputs: Any,
    names: Mapping[str, str],
    *,
    target_inputs: Any = None,
    adapter: str | None = None,
    call: Call | None = None,
    need: str | None = None,
    explained: float = 0.5,
    batch: int = 64,
) -> Predictions:
    """Return how far apart the models' outputs are, and a prediction for a copy of ``adapter``; see ``report``."""
    batches = whole(inputs, target_inputs, size=batch)
    with disable(source), disable(target):
        otherwise = "change" if adapter is None else None  # without an adapter, nothing depends on it
        compared = Compared.of(source, target, batches[0], call=call, need=need, otherwise=otherwise)
        batches = whole(inputs, target_inputs, size=compared.rows_at_once(batch))
        difference = _difference(source, target, batches, compared.call)
    copied = None
    if adapter is not None:
        with suppress(TransferError), _copied(source, target, adapter, names):  # no layer fits: no copy
            copied = measured(source, target, batches, disable, compared)
    return Predictions(copied, difference, explained, compared)


def _difference(source: nn.Module, target: nn.Module, batches: Sequence[tuple[Any, Any]], call: Call | None) -> float:
    apart = size = 0.0
    with undisturbed(source), undisturbed(target), torch.no_grad():
        for one, two in batches:
            f, f2 = run(source, one, call, 0), run(target, two, call, 0)
            apart += float((f.float() - f2.to(f.device).float()).square().sum(-1).sum(dtype=torch.float64))
            size += float(f.float().square().sum(-1).sum(dtype=torch.float64))
    return (apart / size) ** 0.5 if size else 0.0


@contextmanager
def _copied(source: nn.Module, target: nn.Module, name: str, names: Mapping[str, str]) -> Iterator[None]:
    """Copy an adapter to the target during the block, then undo all changes; do nothing if the target is the source."""
    if target is source:
        yield
        return
    frozen = {p: p.requires_grad for p in target.parameters()}
    if any(name in layer.adapters for layer in layers(target).values()):
        msg = f"The target already has an adapter {name!r}; remove it with remove(target, {name!r})."
        raise InvalidValueError(msg)
    transfer(source, target, name=name, strict=False, rename={n: m for n, m in names.items() if n != m}, match="auto")
    try:
        yield
    finally:
        remove(target, name)
        for p, flag in frozen.items():
            p.requires_grad_(flag)
