"""How two models are compared: decided once, on a few rows of the first batch, and the same for all others."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import Pair, row_count, row_counts, rows_of
from ioadapt_theory.effect.outputs import common, needed, require_need, selected
from ioadapt_theory.effect.passes import Call, called, named_output
from ioadapt_theory.effect.undisturbed import HALVES, undisturbed
from ioadapt_theory.errors import InvalidValueError

COARSE = 0.02
"""Largest share of an adapter's squared effect that may be rounding; models run in float32 if it is larger."""
LIKE = 0.02, 0.1
"""Largest change of a row's outputs with other rows in the batch, relative to their size, in float32 and in halves."""
BYTES = 1 << 26
"""Size of a batch's outputs in float32, up to which rows are put into one batch."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The compared output of two models, and what both ``need``, "labels", "change" or "outputs", with the reason.

    Attributes:
        output: name of the tensor that is compared, such as "logits"; "" if the models return one tensor.
        classes: number of classes that are compared if one vocabulary extends the other, else None.
        size: number of entries of the outputs of one row.
        call: function that runs a model on a batch and returns what is compared; None for a plain call.
        rounding: share of the adapter's squared effect that is rounding in half precision, once it is measured.
    """

    output: str
    need: str
    why: str
    classes: int | None
    size: int
    call: Call | None
    rounding: float | None = None

    @classmethod
    def of(
        cls,
        source: nn.Module,
        target: nn.Module,
        pair: Pair,
        *,
        call: Call | None = None,
        need: str | None = None,
        otherwise: str | None = None,
        seed: int = 0,
    ) -> "Compared":
        """Return what is compared, decided on two rows of a pair of batches; the caller switches the adapters off.

        ``need`` is as given, else as the outputs tell, else ``otherwise``.
        """
        few = [first_rows(batch, 2) for batch in pair]
        with undisturbed(source), undisturbed(target), torch.no_grad():
            s, name = named_output(source, few[0], call, seed)
            t, other = named_output(target, few[1], call, seed)
            classes = common(s, t, name, other)
            need, why = require_need(need, needed(source, s, name), s, otherwise)
            for model, batch in zip((source, target), few, strict=True):
                _require_rows(model, batch, call, seed)
        cut = call if classes is None else _cut(call, classes)
        return cls(name, need, why, classes, s[:1, ..., :classes].numel(), cut)

    def rounded(self, both: Callable[[], tuple[Tensor, Tensor]], *models: nn.Module) -> "Compared":
        """Return this with ``rounding`` measured, unless no model has half-precision weights in memory.

        ``both`` returns the outputs of a model without and with the adapter.
        """
        if not any(p.dtype in HALVES and not p.is_meta for model in models for p in model.parameters()):
            return self
        with ExitStack() as stack, torch.no_grad():
            coarse = self.effect(*both())
            for model in models:
                stack.enter_context(undisturbed(model, precise=True))
            fine = self.effect(*both())
        return replace(self, rounding=float((coarse - fine).square().sum() / fine.square().sum()))

    @property
    def coarse(self) -> bool:
        """Whether too much of the effect is rounding, so that the models must run in float32."""
        return self.rounding is not None and not self.rounding <= COARSE  # NaN is coarse

    def effect(self, plain: Tensor, adapted: Tensor) -> Tensor:
        """Return the change of the outputs by an adapter, or of log-probabilities, weighted by √p, if labels."""
        if self.need != "labels":
            return adapted.float() - plain.float()
        before, after = (x.float().log_softmax(-1) for x in (plain, adapted))
        return after.exp().sqrt() * (after - before)

    def rows_at_once(self, size: int) -> int:
        """Return the number of rows, at most ``size``, whose outputs have at most ``BYTES`` bytes in float32."""
        return max(1, min(size, BYTES // (4 * self.size)))

    def __str__(self) -> str:
        first = f"the first {self.classes} classes of " if self.classes is not None else ""
        text = f"Compared: {first}{self.output or 'the output'}; need: {self.need} ({self.why})."
        if self.rounding is None:
            return text
        dtype = "in float32" if self.coarse else "in half precision"
        return f"{text} Run {dtype}, since half precision changes {self.rounding:.1%} of the squared effect."


def first_rows(batch: Any, count: int) -> Any:
    """Return the first rows of a batch, or the whole batch if its tensors have different numbers of rows."""
    return batch if _is_ragged(batch) else rows_of(batch, torch.arange(min(count, row_count(batch))))


def _is_ragged(batch: Any) -> bool:
    """Return whether the tensors of a batch have different numbers of rows, apart from single rows for all samples."""
    return len({n for n in row_counts(batch) if n > 1}) > 1


def _cut(call: Call | None, classes: int) -> Call:
    def cut(model: nn.Module, batch: Any) -> Tensor:
        return selected((call or called)(model, batch), row_counts(batch), type(model).__name__)[1][..., :classes]

    return cut


def _require_rows(model: nn.Module, two: Any, call: Call | None, seed: int) -> None:
    """Raise InvalidValueError if the outputs of the second of two rows change when the first row is left out."""
    if _is_ragged(two) or row_count(two) != 2:
        return
    (both, _), (one, _) = (named_output(model, batch, call, seed) for batch in (two, rows_of(two, torch.tensor([1]))))
    if both.shape[1:] != one.shape[1:] or len(both) != 2 * len(one):  # padded to the longest row, for example
        return
    kept = both[len(one) :].float()
    apart = float((kept - one).norm() / kept.norm().clamp_min(1e-30))
    if not apart > LIKE[any(p.dtype in HALVES for p in model.parameters())]:  # NaN is told elsewhere
        return
    if not torch.equal(both, named_output(model, two, call, seed + 1)[0]):  # the model draws random numbers
        return
    msg = (
        f"The outputs of the {type(model).__name__} for a row change with the other rows of its batch; put samples in"
        " the first dimension (batch_first=True or, in Python, a call= that transposes)."
    )
    raise InvalidValueError(msg)
