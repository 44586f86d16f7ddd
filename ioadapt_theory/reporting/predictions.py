"""Predictions from inputs: how far two models are apart, what a copied adapter keeps of its gain, and what to do."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from ioadapt_theory.adapters.model import disable, layers, remove
from ioadapt_theory.effect import Compared, Prediction, measured, run, undisturbed, whole
from ioadapt_theory.effect.batches import listed
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.moving.carrying.trial import only
from ioadapt_theory.moving.put import TransferError
from ioadapt_theory.moving.transfer import transfer

TIE = 0.02
"""Difference from the largest share of the gain up to which a way counts as equally good."""
ROUNDING: Final = 1e-4
"""Largest relative difference of outputs that is attributed to rounding."""
CARRY: Final = (
    "carry the adapter over with `ioadapt transfer ADAPTER SOURCE TARGET --inputs BATCH --out FILE` (in Python,"
    " `transfer` with inputs=)"
)


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
    inputs, target_inputs = listed(inputs), None if target_inputs is None else listed(target_inputs)
    batches = whole(inputs, target_inputs, size=batch)
    with disable(source), disable(target):
        otherwise = "change" if adapter is None else None  # without an adapter, nothing depends on it
        compared = Compared.of(source, target, batches[0], call=call, need=need, otherwise=otherwise)
        batches = whole(inputs, target_inputs, size=compared.rows_at_once(batch))
        difference = _difference(source, target, batches, compared.call)
    copied = None
    if adapter is not None:
        with suppress(TransferError), _copied(source, target, adapter, names):  # no layer fits: no copy
            copied = measured(source, target, batches, disable, lambda m: only(layers(m), adapter), compared)
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


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommended action.

    Attributes:
        how: the action, as a clause.
        why: the reason for the action, which may contain a predicted share of the gain.
        kept: predicted share of the adapter's gain (its reduction of the loss) that this action keeps; 0 to retrain
            the adapter instead, None if it is not known.
    """

    how: str
    why: str
    kept: float | None = None

    def __str__(self) -> str:
        return f"{self.how[0].upper()}{self.how[1:]}: {self.why}."


ELSEWHERE: Final = Advice(
    'add `--match effect` to `ioadapt transfer` (in Python, match="effect") if no layer names match',
    "each adapted layer is then paired with the layer of the target that keeps most of the gain",
)


def advise(predictions: Predictions, *, adapted: bool) -> list[Advice]:
    """Return the recommended actions, best first; ``adapted`` is whether there is an adapter to move."""
    if not adapted:
        return []
    if predictions.copied is None:
        return [Advice(CARRY, "a copy fits no layer of the target"), ELSEWHERE]
    advice = _of_effect(predictions.copied)
    if predictions.same and predictions.copied.kept < 1 - TIE:
        kept = f"a copy is predicted to keep only {predictions.copied.kept:z.2f} of the adapter's gain"
        why = f"the models compute the same function with different weights, and {kept}"
        advice = [Advice(CARRY, why), *(one for one in advice if one.how != CARRY)]
    return advice


def _of_effect(copied: Prediction) -> list[Advice]:
    names = {"labels": "the adapter's gain in log-likelihood (R_KL)", "outputs": "the adapter's gain (R_out)"}
    gain = names.get(copied.need, "the adapter's gain (R)")
    span = "" if copied.interval is None else "80 % interval {:z.2f} to {:z.2f}, ".format(*copied.interval)
    rows = f"{span}from {copied.rows} row{'s' * (copied.rows != 1)}"
    why = f"a copy is predicted to keep {copied.kept:z.2f} of {gain}, {rows}"
    options = [Advice("copy the adapter unchanged", why, copied.kept)]
    if copied.need == "change" and copied.at_best_strength > copied.kept + TIE:  # c² does not apply to labels
        how = f"copy the adapter at strength {copied.cosine / copied.ratio:z.2f}"
        best = f"this is predicted to keep {copied.at_best_strength:z.2f} of the gain (c²), not {copied.kept:z.2f} (R)"
        options.insert(0, Advice(how, best, copied.at_best_strength))
    if options[0].kept is not None and options[0].kept <= TIE:
        options = [Advice("retrain the adapter on the target", why, 0.0)]
    return [*options, Advice(CARRY, "this tries several candidates, including a copy, and uses the best one")]
