"""The whole report: two models, an adapter and a batch in; kinship, layers, what fits and advice out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import ModelWeights, Weights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.adapters.rules.verdict import Word
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.report.advice import Advice, advise
from ioadapt_theory.report.effect import Call, Effect, effect
from ioadapt_theory.report.kin.counterparts import corresponding, differing, matrices
from ioadapt_theory.report.kin.kinship import Kinship, kinship
from ioadapt_theory.report.kin.narrowed import narrowed
from ioadapt_theory.report.layers import LayerPair, pairs, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is known of a move.

    Attributes:
        names: of source, target and adapter, the last None without one.
        kinship: of the target to the source.
        layers: those that both have, in the network's order.
        missing: of the source, without a counterpart.
        extra: of the target, which the source lacks.
        lost: layers of the adapter that do not fit the target, and why.
        effect: on a batch, if there was one.
        advice: the first first.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory.report import report
        >>> source, target = nn.Sequential(nn.Linear(64, 48)), nn.Sequential(nn.Linear(64, 48))
        >>> _ = target.load_state_dict(source.state_dict())
        >>> found = report(source, target)
        >>> str(found.kinship.kin), found.last.startswith("Advice: ")
        ('same', True)
    """

    names: tuple[str, str, str | None]
    kinship: Kinship
    layers: tuple[LayerPair, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    lost: Mapping[str, str]
    effect: Effect | None
    advice: tuple[Advice, ...]

    @property
    def last(self) -> str:
        """The answer in one line."""
        return f"Advice: {self.advice[0]}."

    def words(self, placement: Placement | None = None) -> Counter[Word]:
        """How many layers have each verdict, for a placement or for the adapter at hand."""
        if placement is None:
            return Counter(part.verdict.word for pair in self.layers for part in pair.parts)
        return Counter(pair.verdicts[placement].word for pair in self.layers)

    def __str__(self) -> str:
        """The answer; ``to_text`` gives the whole screen."""
        return self.last


def report(
    source: nn.Module | Weights,
    target: nn.Module | Weights,
    *,
    adapter: str | Mapping[str, Adapter] | None = None,
    inputs: Iterable[Any] | None = None,
    call: Call | None = None,
    counterparts: Mapping[str, str] | None = None,
    names: tuple[str, str, str | None] = ("source", "target", None),
    lost: Mapping[str, str] | None = None,
) -> Report:
    """Will my adapter move? Compare two models, and the adapter's effect on a batch if there is one.

    Args:
        source: the model that the adapter was trained on, or is to be, or its weights.
        target: the other one.
        adapter: the name of one on the source model, or the adapters by layer; without it the report says where to put
            one. A source with a single adapter needs no name.
        inputs: batches of inputs without labels, see ``effect``; needs both models, and the adapter on the source.
        call: runs a model on a batch, see ``effect``.
        counterparts: the target's name for layers that are called otherwise there.
        names: for people.
        lost: layers of an adapter's file that do not fit the target, and why.

    Raises:
        InvalidValueError: no layer in common, or inputs without two models and an adapter.

    Example:
        >>> import copy
        >>> from torch import nn
        >>> from ioadapt_theory.report import report
        >>> model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        >>> report(model, copy.deepcopy(model)).kinship.kin
        <Kin.SAME: 'same'>
    """
    given, name = _adapters(source, adapter)
    one, two = (ModelWeights(m) if isinstance(m, nn.Module) else m for m in (source, target))
    here, there = matrices(one), matrices(two)
    places = corresponding(one, two, counterparts)
    found = tuple(pairs(one, two, adapters=given, counterparts=places))
    if not found:
        some = [next(iter(m), "none") for m in (here, there)]
        there_are = f"the source has {len(here)} such as {some[0]}, the target {len(there)} such as {some[1]}"
        msg = f"No layer in common: {there_are}."
        raise InvalidValueError(msg)
    reached = {pair.name: pair.counterpart for pair in found}
    missing = tuple(n for n in here if n not in reached)
    extra = tuple(n for n in there if n not in {*reached.values()})
    measured = None
    if inputs is not None:
        if not isinstance(source, nn.Module) or not isinstance(target, nn.Module) or name is None:
            msg = "The effect on inputs needs two models that run and an adapter on the source."
            raise InvalidValueError(msg)
        measured = effect(source, target, inputs, name=name, call=call, counterparts=counterparts)
    kin = kinship(
        found,
        missing,
        extra,
        differing(one, two, places),
        within=narrowed(_uneven(one, two, found)),
        neurons=len(places.neurons),
        quantised=(one.quantised, two.quantised),
    )
    gone = {n: "the target has no such layer" for n in given if n in missing}
    for pair in found:
        for part in pair.parts:
            if part.verdict.word is Word.UNDECIDED and pair.sides.of(part.placement) is None:
                gone |= _misfit(pair, given[pair.name], two)
    return Report(
        names=names if given or names[2] is None else (*names[:2], None),
        kinship=kin,
        layers=found,
        missing=missing,
        extra=extra,
        lost={**gone, **(lost or {})},
        effect=measured,
        advice=tuple(advise(found, kin, measured)),
    )


def _uneven(one: Weights, two: Weights, found: Iterable[LayerPair]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Layers of unequal sizes, those that tell most about what a width kept first: from and to what is outside."""
    uneven = [p for p in found if p.traces is None]
    for pair in sorted(uneven, key=lambda p: sum(a != b for a, b in zip(p.size, p.there, strict=True))):
        yield pair.name, read(one, pair.name).matrix, read(two, pair.counterpart).matrix


def _misfit(pair: LayerPair, adapter: Adapter, weights: Weights) -> dict[str, str]:
    why = adapter.misfit(weights.outline(pair.counterpart))
    return {pair.name: why} if why else {}


def _adapters(
    source: nn.Module | Weights, adapter: str | Mapping[str, Adapter] | None
) -> tuple[Mapping[str, Adapter], str | None]:
    """The adapters by layer, and their name on a live source."""
    if isinstance(adapter, Mapping):
        return adapter, None
    if not isinstance(source, nn.Module):
        if adapter is not None:
            msg = f"The adapter {adapter!r} is looked for on the source, which is not a model in memory."
            raise InvalidValueError(msg)
        return {}, None
    there = {key for layer in layers(source).values() for key in layer.adapters}
    if adapter is None:
        if len(there) != 1:
            return {}, None
        (adapter,) = there
    return {n: layer.adapters[adapter] for n, layer in layers(source, adapter).items()}, adapter  # type: ignore[misc]
