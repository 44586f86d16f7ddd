"""The function ``put``, which adds adapters to the layers that they fit, and its report."""

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from torch import nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.layer import walk
from ioadapt_theory.adapters.model import function_of, install
from ioadapt_theory.adapters.rules.correspondence import Correspondence, RenumberedWarning
from ioadapt_theory.checkpoints.alignment import Origins
from ioadapt_theory.errors import IoAdaptError, UnsupportedError

NO_LAYER = "the model has no layer of this name"
SHOWN, LINES = 5, 10
"""Maximum number of layers to name in a sentence, and to print in lines of their own."""


@dataclass(frozen=True, slots=True)
class TransferReport:
    """The outcome of a transfer for each layer.

    Attributes:
        matched: layers of the target that received an adapter or, in a ``TransferError``, could receive it.
        unmatched: layer without an adapter -> the reason.
        altered: tensors of the target's base that were changed; see ``load``.
        sources: matched layer -> the layer, in the source or the file, that its adapter comes from.
        how: how the layers were matched, by "name" or by the "contents" of the weights; "inputs" for fitted adapters.
        with_block: layers matched by the other layers of their block, without evidence from their own weights.
        unproven: layers matched only by name, without evidence.
        warning: a warning about the matching, or None.
        left_out: other component of the adapter's file, such as "text_encoder" -> its number of layers.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, transfer
        >>> wide, narrow = ([nn.Linear(16, 8), nn.Linear(8, n)] for n in (4, 2))
        >>> source = adapt(nn.Sequential(*wide), target_modules=["0", "1"], placement="output")
        >>> print(transfer(source, nn.Sequential(*narrow), strict=False))
        1 of 2 layers matched: 1 by name without evidence.
          1: the output adapter has size 4 -> 4, but the layer needs 2 -> 2
    """

    matched: tuple[str, ...]
    unmatched: Mapping[str, str]
    altered: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    how: str = "name"
    with_block: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    warning: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        weak = {"by the other layers of their block": self.with_block, "by name without evidence": self.unproven}
        rest = len(self.matched) - sum(map(len, weak.values()))
        ways = [f"{rest} by {'name and evidence' if self.how == 'name' else self.how}"] if rest else []
        ways += [f"{len(names)} {how}" for how, names in weak.items() if names]
        uniform = "" if self.how == "name" else f", by {self.how}"
        way = uniform if rest == len(self.matched) else f": {'; '.join(ways)}"
        lines = [f"{len(self.matched)} of {len(self.matched) + len(self.unmatched)} layers matched{way}."]
        lines += [f"  {self.warning}"] if self.warning else []
        for how, names in weak.items() if len(ways) > 1 else ():
            more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            lines += [f"  {how}: {', '.join(names[:SHOWN])}{more}"] if names else []
        renamed = [f"{name}: from {old}" for name in self.matched if (old := self.sources.get(name, name)) != name]
        for some in renamed, [f"{name}: {why}" for name, why in self.unmatched.items()]:
            lines += [f"  {line}" for line in some[:LINES]]
            lines += [f"  and {len(some) - LINES} more"] if len(some) > LINES else []
        lines += [f"  {n} layers of {part} are left out." for part, n in self.left_out.items()]
        return "\n".join(lines)


class TransferError(IoAdaptError, ValueError):
    """Error: an adapter does not fit the model; ``report`` has the reason for each layer that does not fit."""

    def __init__(self, report: TransferReport) -> None:
        self.report = report
        some = "; ".join(f"{name}: {why}" for name, why in list(report.unmatched.items())[:SHOWN])
        more = len(report.unmatched) - SHOWN
        rest = " Pass strict=False to use the layers that fit." if report.matched else ""
        super().__init__(
            f"The adapter fits {len(report.matched)} of {len(report.matched) + len(report.unmatched)} layers ({some}"
            f"{f'; and {more} more' if more > 0 else ''}).{f' {report.warning}' if report.warning else rest}"
        )


def put(
    model: nn.Module,
    adapters: Mapping[str, Adapter],
    name: str,
    *,
    strict: bool = True,
    correspondence: Correspondence | None = None,
    sources: Mapping[str, str] = MappingProxyType({}),
    lost: Mapping[str, str] = MappingProxyType({}),
    trainable: bool = False,
) -> TransferReport:
    """Return the outcome of adding ``adapters`` to the layers named by their keys.

    ``correspondence`` is None if the caller chose the layers. ``sources`` maps layers to those that their adapters come
    from (by default, of the same name), and ``lost`` maps layers without a counterpart to the reason.

    Raises:
        TransferError: a layer does not fit and ``strict`` is set, or no layer fits; the model is unchanged.
    """
    named = dict(walk(model))
    matching = correspondence or Correspondence({}, {}, Origins(dict.fromkeys(adapters, ""), "name"))
    evidence = matching.origins
    reasons = {layer: misfit(named, layer, adapter) for layer, adapter in adapters.items()}
    if strict:
        reasons |= {layer: why for layer, why in evidence.contradicted.items() if reasons.get(layer, "") is None}
    matched = tuple(layer for layer, why in reasons.items() if why is None)
    unmatched = {layer: why for layer, why in reasons.items() if why is not None} | {**lost}
    origins = {layer: sources.get(layer, layer) for layer in matched}
    warning, by_block = matching.warning(), tuple(n for n in matched if n in evidence.with_block)
    ways = evidence.how, by_block, matching.unproven(matched)
    report = TransferReport(matched, unmatched, (), origins, *ways, warning)
    if not matched or (strict and report.unmatched):
        raise TransferError(report)
    install(model, {n: _copy(adapters[n], named[n]) for n in matched}, name, trainable=trainable)
    if warning:
        warnings.warn(warning, RenumberedWarning, stacklevel=3)
    return report


def misfit(named: Mapping[str, nn.Module], layer: str, adapter: Adapter) -> str | None:
    if layer not in named:
        return NO_LAYER
    try:
        return adapter.misfit(function_of(named[layer]))
    except UnsupportedError as error:
        return error.reason


def _copy(adapter: Adapter, module: nn.Module) -> Adapter:
    new = copy.deepcopy(adapter)
    for part in new.modules():
        for key, p in part._parameters.items():
            if p is not None and hasattr(p, "full_tensor"):  # a sharded source: every rank gathers the whole tensor
                part._parameters[key] = nn.Parameter(p.full_tensor(), requires_grad=p.requires_grad)
    return new.to(device=function_of(module).like.device)
