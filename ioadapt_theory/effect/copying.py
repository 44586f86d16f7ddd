"""The share of its gain (loss reduction) that a copied adapter retains, measured on unlabelled inputs."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.compared import Compared, first_rows
from ioadapt_theory.effect.goal import Goal
from ioadapt_theory.effect.likelihood import read
from ioadapt_theory.effect.retained import Prediction, RowSums, predict, trust
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError

Switch = Callable[[nn.Module], AbstractContextManager[Any]]
"""Function, such as ``disable``, that returns a context manager for a model; inside it, adapters are off or on."""


def measured(
    source: nn.Module,
    target: nn.Module,
    batches: Iterable[Pair],
    off: Switch,
    on: Switch,
    compared: Compared,
    *,
    seed: int = 0,
) -> Prediction:
    """Return a prediction of the share of the source's gain that the adapters of the target, copies, retain.

    Inside ``on(model)``, only the compared adapters of a model are active, inside ``off(model)`` none are.

    Raises:
        InvalidValueError: the inputs are empty.
    """
    parts, weight = list[RowSums](), None

    def both(model: nn.Module, batch: Any, number: int) -> tuple[Tensor, Tensor, Any, Any]:
        with off(model):
            plain, known = read(model, batch, compared.call, seed + number)
        with on(model):
            adapted, other = read(model, batch, compared.call, seed + number)
        return plain, adapted, known, other

    def outputs(batch: Any) -> tuple[Tensor, Tensor]:
        return both(source, batch, 0)[:2]

    with ExitStack() as stack, torch.no_grad():
        for model in (source, target):
            stack.enter_context(undisturbed(model))
        for number, (one, two) in enumerate(batches):
            if not parts and compared.rounded(partial(outputs, first_rows(one, 2)), source, target).coarse:
                for model in (source, target):
                    stack.enter_context(undisturbed(model, precise=True))
            (s, sa, *known), (t, ta, *other) = both(source, one, number), both(target, two, number)
            if weight is None:  # from the first batch, for all batches
                weight = trust(*Goal(s, sa, t, compared.need).divergences()) if compared.need == "labels" else 0.0
            told: Any = None if known[0] is None or other[0] is None else (*known, other[0])
            parts.append(Goal(s, sa, t, compared.need, weight, known=told).sums(ta, other[1]))
    if not parts:
        msg = "The inputs are empty; give at least one batch."
        raise InvalidValueError(msg)
    return predict(RowSums.joined(parts), compared.need, seed=seed)
