"""Predictions from inputs: the share of its gain that a copied adapter keeps, or a new adapter would keep if copied."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import torch
from torch import nn

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import base_of, walk
from ioadapt_theory.adapters.model import disable, layers, remove
from ioadapt_theory.effect import Compared, Expected, Prediction, expected, measured, run, undisturbed, whole
from ioadapt_theory.effect.batches import row_count
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.lineage import damaged
from ioadapt_theory.moving.put import TransferError
from ioadapt_theory.moving.transfer import transfer

SIDES: Final = (Placement.INPUT, Placement.OUTPUT, Placement.WEIGHT)
ENOUGH, LEAST = 64, 4
"""Rows that are enough for what is expected of a new adapter; one of n positions counts as √n, but take the least."""


TIE = 0.02
"""Difference from the largest share of the gain up to which a side or a way counts as equally good."""
ROUNDING: Final = 1e-4
"""Largest relative difference of outputs that is attributed to rounding."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What an adapter is predicted to do if it is moved, from running both models on inputs.

    Attributes:
        expected: for each layer of the source and side ("input", "output" or "weight"), the effect expected of a copy,
            relative to the original, for an adapter that is not trained yet.
        copied: prediction for a copy of the given adapter; None without an adapter, or if no layer of the target fits.
        difference: ‖f_T - f_S‖ / ‖f_S‖ for the outputs f_S of the source and f_T of the target, without adapters.
        explained: share of the source's loss that the adapter removed, which ``bound`` needs.
        compared: which output is compared, what both models need of it, and why.
        damaged: whether the target is a rounded or pruned copy of the source. Nothing is then expected of new adapters,
            since the effects of random changes there do not resemble those of trained adapters.
    """

    expected: Mapping[tuple[str, str], Expected]
    copied: Prediction | None
    difference: float
    explained: float
    compared: Compared
    damaged: bool = False

    @property
    def same(self) -> bool:
        """Whether the plain models give the same outputs, up to rounding."""
        return self.difference < ROUNDING

    @property
    def bound(self) -> float | None:
        """Bound on the error of ``copied.R``, a share of the gain (claim `effect-retained`); None without a copy."""
        return None if self.copied is None else self.copied.bound(self.explained)

    def of(self, side: str) -> float | None:
        """Return the median over layers of the share of its gain that a new adapter on ``side`` would keep if copied.

        The result is None if no layer has a prediction for this side.
        """
        shares = [one.R for (_, other), one in self.expected.items() if other == side]
        return median(shares) if shares else None

    def best(self) -> dict[str, Placement]:
        """Return the side of each layer, input or output, on which a copy should keep most of its gain, if any of it.

        ``adapt`` takes them as ``placement_pattern``, where the first name that fits counts, so long names come first.
        """
        best = dict[str, Placement]()
        for name in sorted({name for name, _ in self.expected}, key=lambda name: (-len(name), name)):
            sides = (Placement.INPUT, Placement.OUTPUT)
            shares = {side: self.expected[name, side].R for side in sides if (name, side) in self.expected}
            if (most := max(shares.values(), default=0.0)) > 0:
                best[name] = next(side for side, share in shares.items() if share >= most - TIE)
        return best


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
    """Return predictions for copies of new adapters and of ``adapter``, from running both models; see ``report``."""
    batches = whole(inputs, target_inputs, size=batch)
    with disable(source), disable(target):
        compared = Compared.of(source, target, batches[0], call=call, need=need)
        fewer = compared.rows_at_once(batch)
        batches = whole(inputs, target_inputs, size=fewer)
        difference = _difference(source, target, batches, compared.call)
        here, there = _base_layers(source), _base_layers(target)
        modules = {n: (here[n], there[m]) for n, m in names.items() if n in here and m in there}
        options: dict[str, Any] = {"sides": tuple(map(str, SIDES)), "call": compared.call, "need": compared.need}
        enough = max(LEAST, round(ENOUGH / compared.positions**0.5))
        few = whole(inputs, target_inputs, size=min(fewer, enough))
        apart = max(1, sum(row_count(one) for one, _ in few) // enough)
        copied_weights = damaged(modules.values())
        shares = {} if copied_weights else expected(source, target, modules, few[::apart], **options)
    copied = None
    if adapter is not None:
        with suppress(TransferError), _copied(source, target, adapter, names):  # no layer fits: no copy
            copied = measured(source, target, batches, disable, compared)
    return Predictions(shares, copied, difference, explained, compared, copied_weights)


def _base_layers(model: nn.Module) -> dict[str, nn.Module]:
    return {n: base_of(m) for n, m in {"": model, **dict(walk(model))}.items()}


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
