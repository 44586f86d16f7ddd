"""The same adapter on another model, checked layer by layer before anything is changed."""

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from torch import nn

from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import function_of, install, layers, naming
from ioadapt_theory.adapters.moving.correspondence import Correspondence, RenumberedWarning, correspond
from ioadapt_theory.adapters.moving.neurons import faces, reordered
from ioadapt_theory.adapters.moving.outlook import Outlook, of_models
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.checkpoints.names.layer import Name
from ioadapt_theory.errors import IoAdaptError, UnsupportedError

NO_LAYER = "the model has no such layer"


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What became of each layer's adapter.

    Attributes:
        matched: layers of the target that got theirs.
        unmatched: layers that did not, and why.
        altered: tensors of the target itself that were changed, see ``load``.
        sources: for each matched layer the one whose adapter it got, as the source or the file names it.
        how: what decided that: "name", or "contents" or "layout" of the models.
        warning: what has to be said of the matching, None if nothing.
        outlook: what the weights of both say of the move; asked when this is printed.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, transfer
        >>> wide, narrow = ([nn.Linear(16, 8), nn.Linear(8, n)] for n in (4, 2))
        >>> source = adapt(nn.Sequential(*wide), target_modules=["0", "1"], placement="output")
        >>> print(transfer(source, nn.Sequential(*narrow), strict=False))
        1 of 2 layers matched.
          1: its output side has 2 -> 2, the adapter 4 -> 4
    """

    matched: tuple[str, ...]
    unmatched: Mapping[str, str]
    altered: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    how: str = "name"
    warning: str | None = None
    outlook: Outlook | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        way = "" if self.how == "name" else f", by {self.how}"
        head = f"{len(self.matched)} of {len(self.matched) + len(self.unmatched)} layers matched{way}."
        moved = [f"  {name}: from {old}" for name in self.matched if (old := self.sources.get(name, name)) != name]
        told = [f"  {self.warning}"] if self.warning else []
        lost = [f"  {name}: {why}" for name, why in self.unmatched.items()]
        line = self.outlook() if self.outlook else ""
        return "\n".join([head, *told, *moved, *lost, *([line] if line else [])])


class TransferError(IoAdaptError, ValueError):
    """An adapter does not fit the model; ``report`` has every layer."""

    def __init__(self, report: TransferReport) -> None:
        """Name the first few layers that do not fit."""
        self.report = report
        some = "; ".join(f"{name}: {why}" for name, why in list(report.unmatched.items())[:5])
        more = len(report.unmatched) - 5
        super().__init__(
            f"The adapter fits {len(report.matched)} of {len(report.matched) + len(report.unmatched)} layers ({some}"
            f"{f'; and {more} more' if more > 0 else ''}). {report.warning or 'Pass strict=False for those that fit.'}"
        )


def transfer(
    source: nn.Module,
    target: nn.Module,
    *,
    name: str = "default",
    strict: bool = True,
    share: bool = False,
    trainable: bool = False,
    rename: Mapping[str, str] | None = None,
    match: str = "name",
) -> TransferReport:
    """Put the source model's adapter on another model, as it is.

    An input adapter needs an equal input size only, an output adapter an equal output size, a weight adapter both. The
    target is frozen, unless it has adapters already: what it trains goes on training.
    That it fits does not say that it is of use there: the outcome ends with what the weights of both say of that, where
    it is printed.

    Args:
        source: a model with the adapter.
        target: the model to put it on, changed in place.
        name: of the adapter, on both models.
        strict: raise unless every layer fits; otherwise take those that do.
        share: let both models use the same parameters, instead of copies on the target's device.
        trainable: whether the adapter is to be trained further on the target.
        rename: target name for those of the source's layers that are called otherwise there; it comes first.
        match: "name"; "provenance", the layer that was made from the source's, by what the two contain, which follows
            layers of pruned and renumbered models; "auto", provenance where it is known and names otherwise. By name,
            layers that hold the weights of another one are an error if strict, and a warning if not.

    Raises:
        TransferError: a layer does not fit (or none does); the target is as it was.
        NoProvenanceError: ``match="provenance"`` and nothing of the source is in the target.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, transfer
        >>> source, target = nn.Sequential(nn.Linear(16, 8)), nn.Sequential(nn.Linear(16, 32))
        >>> _ = adapt(source, target_modules=["0"], placement="input")
        >>> transfer(source, target).matched
        ('0',)
    """
    given: Mapping[str, Adapter] = {n: layer.adapters[name] for n, layer in layers(source, name).items()}  # type: ignore[misc]
    for layer, adapter in given.items():
        with naming(layer):
            adapter.require_whole()
    renamed = {n: (new,) for n, new in (rename or {}).items() if n in given}
    names = [Name("", n) for n in given if n not in renamed]
    found = correspond(names, ModelWeights(target), match, source=ModelWeights(source))
    places = renamed | {key.path: layers_ for key, layers_ in found.layers.items()}
    sources = {layer: n for n, layers_ in places.items() for layer in layers_}
    lost = {key.path: found.reasons.get(key, NO_LAYER) for key in names if key.path not in places}
    moved, stuck = ordered({layer: given[n] for layer, n in sources.items()}, found)
    lost |= stuck
    report = put(
        target, moved, name, strict=strict, share=share, found=found, sources=sources, lost=lost, trainable=trainable
    )
    return replace(report, outlook=of_models(source, target, name))


def ordered(adapters: Mapping[str, Adapter], found: Correspondence) -> tuple[dict[str, Adapter], dict[str, str]]:
    """The adapters in the order of the target's neurons, where layers follow the weights, and why some cannot be."""
    moved, stuck = dict(adapters), dict[str, str]()
    for layer in () if found.how == "name" else found.neurons.keys() & adapters.keys():
        try:
            moved[layer] = reordered(adapters[layer], found.neurons[layer])
        except UnsupportedError as error:
            del moved[layer]
            stuck[layer] = str(error)
    return moved, stuck


def put(
    model: nn.Module,
    adapters: Mapping[str, Adapter],
    name: str,
    *,
    strict: bool = True,
    share: bool = False,
    found: Correspondence | None = None,
    sources: Mapping[str, str] = MappingProxyType({}),
    lost: Mapping[str, str] = MappingProxyType({}),
    trainable: bool = False,
) -> TransferReport:
    """Put adapters on the layers of these names; see ``transfer``.

    Args:
        model: changed in place.
        adapters: layer of the model -> what it gets.
        name: of the adapter.
        strict: see ``transfer``.
        share: likewise.
        found: how the layers were found.
        sources: layer of the model -> where its adapter comes from; by default the layer of that name.
        lost: layers of the source for which there is none, and why.
        trainable: whether they are to be trained; shared parameters stay as they are unless they are.
    """
    if found:  # what faces the stream alone does not meet the neurons
        facing = {n: order for n, order in found.neurons.items() if n in adapters and faces(adapters[n], order)}
        found = replace(found, neurons=facing)
    named, other = dict(walk(model)), found.other if found else {}
    reasons = {layer: misfit(named, layer, adapter) for layer, adapter in adapters.items()}
    if strict and found:
        odd = {layer: "its neurons stand in another order" for layer in found.neurons if found.how == "name"}
        odd |= {layer: f"holds what was {old}" for layer, old in other.items()}
        reasons |= {layer: why for layer, why in odd.items() if reasons.get(layer, "") is None}
    matched = tuple(layer for layer, why in reasons.items() if why is None)
    unmatched = {layer: why for layer, why in reasons.items() if why is not None} | {**lost}
    origins = {layer: sources.get(layer, layer) for layer in matched}
    warning = found.warning() if found else None
    report = TransferReport(matched, unmatched, (), origins, found.how if found else "name", warning)
    if not matched or (strict and report.unmatched):
        raise TransferError(report)
    ready = {n: adapters[n] if share else _copy(adapters[n], named[n]) for n in matched}
    install(model, ready, name, trainable=trainable or (None if share else False))
    if warning:
        warnings.warn(warning, RenumberedWarning, stacklevel=3)
    return report


def misfit(named: Mapping[str, nn.Module], layer: str, adapter: Adapter) -> str | None:
    """Why an adapter cannot act on the layer of this name, None if it can."""
    if layer not in named:
        return NO_LAYER
    try:
        return adapter.misfit(function_of(named[layer]))
    except UnsupportedError as error:
        return str(error)


def _copy(adapter: Adapter, module: nn.Module) -> Adapter:
    new = copy.deepcopy(adapter)
    for part in new.modules():
        for key, p in part._parameters.items():
            if p is not None and hasattr(p, "full_tensor"):  # of a source that is sharded: every rank gathers all of it
                part._parameters[key] = nn.Parameter(p.full_tensor(), requires_grad=p.requires_grad)
    return new.to(device=function_of(module).like.device)
