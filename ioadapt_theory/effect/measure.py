"""The finite effect of the adapters that are active on two models, row by row."""

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.passes import Call, named_output, run, undisturbed
from ioadapt_theory.effect.retention import Prediction, RowSums, needed, predict
from ioadapt_theory.errors import InvalidValueError

Off = Callable[[nn.Module], AbstractContextManager[None]]
"""Switches the adapters of a model off for the duration, as ``adapters.disable`` does."""


def measured(
    source: nn.Module,
    target: nn.Module,
    batches: Iterable[Pair],
    off: Off,
    *,
    call: Call | None = None,
    need: str | None = None,
    seed: int = 0,
) -> Prediction:
    """Predict what the target's active adapters keep of the effect of the source's; four forward passes a batch.

    Args:
        source: with its adapters active.
        target: with its adapters active.
        batches: pairs of batches, see ``effect.batches.whole``; no row that anything was fitted on.
        off: switches a model's adapters off.
        call: runs a model where a plain call does not, and picks the output that both share.
        need: "labels" or "change"; by default as the outputs look, see ``needed``.
        seed: of what the models draw, and of the bootstrap.

    Raises:
        InvalidValueError: outputs that do not compare or are not finite, or an adapter that does nothing.
    """
    parts = []
    for number, (one, two) in enumerate(batches):
        with undisturbed(source), undisturbed(target), torch.no_grad():
            on = [run(model, batch, call, seed + number) for model, batch in ((source, one), (target, two))]
            plain = []
            for model, batch in ((source, one), (target, two)):
                with off(model):
                    plain.append(run(model, batch, call, seed + number))
        require_comparable(plain[0], plain[1])
        if need is None:
            with undisturbed(source), torch.no_grad(), off(source):
                need = needed(*named_output(source, one, call, seed + number))
        parts.append(RowSums.of(plain[0], on[0], plain[1], on[1]))
    if not parts or need is None:
        msg = "There are no inputs: the effect of an adapter needs a batch at least."
        raise InvalidValueError(msg)
    return predict(RowSums.joined(parts), need, seed=seed)


def require_comparable(source: Tensor, target: Tensor) -> None:
    """Raise InvalidValueError where two models have no outputs in common."""
    if source.shape != target.shape:
        msg = (
            f"The models have no outputs in common: {[*source.shape]} and {[*target.shape]} on the same inputs. Give"
            " call= that returns what both share, as the scores of common tokens."
        )
        raise InvalidValueError(msg)


def positions(output: Tensor) -> int:
    """Return how many positions a sample of an output has: tokens, or pixels of an image whose channels come first."""
    return math.prod(output.shape[2:] if output.ndim > 3 else output.shape[1:-1])
