"""What can be said of a move that fits by sizes: the last line of a report, made when somebody prints the outcome."""

import weakref
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from torch import nn

from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.rules.fingerprint import kinship
from ioadapt_theory.errors import IoAdaptError

Outlook = Callable[[], str]
Given = str | Mapping[str, Adapter]
QUICK: Final = 10**10
"""Multiplications for the Grams of both models, about a second, up to which they are made without being asked for."""


def of_models(source: nn.Module, target: nn.Module, adapter: Given) -> Outlook:
    """Of the source's adapter of this name, or of these by its layers, on the target; no model is kept alive by it."""
    here, there = weakref.ref(source), weakref.ref(target)

    def told() -> str:
        one, two = here(), there()
        if one is None or two is None or not (_at_hand(one) and _at_hand(two)):
            return ""
        if _work(one) + _work(two) > QUICK:
            return "Matched by size; whether it can move takes a while: ioadapt_theory.report.report(source, target)."
        try:
            # by name, as it stands above this package, and here, as few moves are printed
            return import_module("ioadapt_theory.report.assemble").last_line(one, two, adapter)
        except IoAdaptError:  # the adapter is gone, or there is nothing to compare
            return ""

    return told


def of_prints(prints: Mapping[str, Any], model: nn.Module) -> Outlook:
    """Of an adapter whose file says what it was trained on, for models that are not that."""
    there = weakref.ref(model)

    def told() -> str:
        target = there()
        if target is None or not prints or not _at_hand(target):
            return ""
        try:
            found = kinship(prints, ModelWeights(target))
        except IoAdaptError:
            return ""
        if found.verdict != "foreign":
            return ""
        return f"Matched by size; the weights are not those it was trained on, nor made from them: {found}."

    return told


def _at_hand(model: nn.Module) -> bool:
    """Whether the numbers are here: neither on other ranks nor only sizes."""
    return not any(p.is_meta or hasattr(p, "full_tensor") for p in model.parameters())


def _work(model: nn.Module) -> int:
    return sum(p.numel() * sum(p.flatten(1).shape) for p in model.parameters() if p.ndim > 1)
