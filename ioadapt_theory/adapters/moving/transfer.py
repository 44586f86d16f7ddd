"""The same adapter on another model, checked layer by layer before anything is changed."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import function_of, install, layers
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.errors import IoAdaptError, UnsupportedError


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What became of each layer's adapter.

    Attributes:
        matched: layers of the target that got theirs.
        unmatched: layers that did not, and why.
        altered: tensors of the target itself that were changed, see ``load``.
    """

    matched: tuple[str, ...]
    unmatched: Mapping[str, str]
    altered: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{len(self.matched)} of {len(self.matched) + len(self.unmatched)} layers matched."
        return "\n".join([head, *(f"  {name}: {why}" for name, why in self.unmatched.items())])


class TransferError(IoAdaptError, ValueError):
    """An adapter does not fit the model; ``report`` has every layer."""

    def __init__(self, report: TransferReport) -> None:
        """Name the first few layers that do not fit."""
        self.report = report
        some = "; ".join(f"{name}: {why}" for name, why in list(report.unmatched.items())[:5])
        more = len(report.unmatched) - 5
        super().__init__(
            f"The adapter fits {len(report.matched)} of {len(report.matched) + len(report.unmatched)} layers ({some}"
            f"{f'; and {more} more' if more > 0 else ''}). Pass strict=False for those that fit."
        )


def transfer(
    source: nn.Module,
    target: nn.Module,
    *,
    name: str = "default",
    strict: bool = True,
    share: bool = False,
    rename: Mapping[str, str] | None = None,
) -> TransferReport:
    """Put the source model's adapter on another model, as it is.

    An input adapter needs an equal input size only, an output adapter an equal output size, a weight adapter both. The
    target is frozen, the adapter on it can be trained further.

    Args:
        source: a model with the adapter.
        target: the model to put it on, changed in place.
        name: of the adapter, on both models.
        strict: raise unless every layer fits; otherwise take those that do.
        share: let both models use the same parameters, instead of copies on the target's device.
        rename: target name for those of the source's layers that are called otherwise there.

    Raises:
        TransferError: a layer does not fit (or none does); the target is as it was.
    """
    rename = rename or {}
    given = {rename.get(n, n): layer.adapters[name] for n, layer in layers(source, name).items()}
    return put(target, given, name, strict=strict, share=share)  # type: ignore[arg-type]


def put(
    model: nn.Module, adapters: Mapping[str, Adapter], name: str, *, strict: bool = True, share: bool = False
) -> TransferReport:
    """Put adapters on the layers of these names; see ``transfer``."""
    named = dict(walk(model))
    reasons = {layer: misfit(named, layer, adapter) for layer, adapter in adapters.items()}
    matched = tuple(layer for layer, why in reasons.items() if why is None)
    report = TransferReport(matched, {layer: why for layer, why in reasons.items() if why is not None})
    if not matched or (strict and report.unmatched):
        raise TransferError(report)
    install(model, {n: adapters[n] if share else _copy(adapters[n], named[n]) for n in matched}, name)
    return report


def misfit(named: Mapping[str, nn.Module], layer: str, adapter: Adapter) -> str | None:
    """Why an adapter cannot act on the layer of this name, None if it can."""
    if layer not in named:
        return "the model has no such layer"
    try:
        return adapter.misfit(function_of(named[layer]))
    except UnsupportedError as error:
        return str(error)


def _copy(adapter: Adapter, module: nn.Module) -> Adapter:
    return copy.deepcopy(adapter).to(device=function_of(module).like.device)
