"""Two models layer by layer: what each pair shares on either side, what came before it, what may be said of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer, Weights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import LoRA
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.rules.facing import Sides, channels, sides
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Changed, Verdict, judge, reaches
from ioadapt_theory.checkpoints.names.kinds import kind
from ioadapt_theory.null import Null
from ioadapt_theory.report.kin.branches import branches
from ioadapt_theory.report.kin.counterparts import Counterparts, changed_norms, corresponding, matrices, same
from ioadapt_theory.report.kin.traces import Traces, traces
from ioadapt_theory.similarity.report.order import place

CLOSELY = 8
"""Changed layers whose singular values are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The adapter on a layer.

    Attributes:
        placement: of it; of a sum one part each.
        converts: whether Eq. 5 has an input form for it: a LoRA, on a layer without kernel taps.
        verdict: whether it can move.
        met: what the two layers share in the directions in which it meets them; None for families without factors.
    """

    placement: Placement
    converts: bool
    verdict: Verdict
    met: Null | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPair:
    """A layer of the source and its counterpart.

    Attributes:
        name, counterpart: in the source and in the target.
        size: channels in and out, of the source.
        sides: what the two share.
        before: the first earlier layer whose output the target does not share.
        verdicts: for an adapter on either side and on the weight.
        parts: of the adapter at hand.
        equal: whether the weights are the same, in the coarser of the two precisions.
        traces: what the change looks like; None where the sizes differ.
        there: channels in and out, of the target.
    """

    name: str
    counterpart: str
    size: tuple[int, int]
    sides: Sides
    before: Changed | None
    verdicts: Mapping[Placement, Verdict]
    equal: bool
    parts: tuple[Part, ...] = ()
    traces: Traces | None = None
    there: tuple[int, int] = (0, 0)


def pairs(
    source: Weights,
    target: Weights,
    *,
    adapters: Mapping[str, Adapter] | None = None,
    counterparts: Counterparts | None = None,
) -> Iterator[LayerPair]:
    """Compare two models, one layer at a time.

    Args:
        source: whose adapter it is.
        target: where it would go.
        adapters: by the source's names.
        counterparts: what of the target stands for what; by default see ``corresponding``.
    """
    here, there = matrices(source), matrices(target)
    if counterparts is None:
        counterparts = corresponding(source, target)
    widths = [size for pair in here.values() for size in pair]
    branch = branches(list(here))
    changed: dict[str, Changed] = {}
    norms = changed_norms(source, target, counterparts.layers)
    left = CLOSELY
    for name in sorted([*here, *norms], key=place):
        if name in norms:
            changed.setdefault(branch.get(name, ""), norms[name])
            continue
        size = here[name]
        other = counterparts.layers.get(name)
        before = changed.get(branch[name])
        if other is None or other not in there:
            changed.setdefault(branch[name], Changed(name, None))
            continue
        one, two = read(source, name), counterparts.ordered(read(target, other), other)
        found = sides(one, two, widths)
        alike = one.matrix.shape == two.matrix.shape
        traced = traces(one.matrix, two.matrix, closely=left > 0) if alike else None
        left -= traced is not None and (traced.rank, traced.spectrum) != (None, None)
        if kind(f"{name}.weight", 2) == "embed":
            found = Sides(None, found.output, found.cosine, found.ratio)
        yield LayerPair(
            name=name,
            counterpart=other,
            size=size,
            there=there[other],
            sides=found,
            before=before,
            verdicts={p: judge(found.of(p), p, before) for p in Placement},
            equal=same(one.matrix, two.matrix),
            parts=tuple(_parts((adapters or {}).get(name), one, two, found, before)),
            traces=traced,
        )
        if (change := _change(name, found)) is not None:
            changed.setdefault(branch[name], change)


def _change(name: str, found: Sides) -> Changed | None:
    """Whether later layers read another space than in the source; where the output has no angle, weights tell."""
    if found.output is None:
        return None if (found.cosine or 0.0) >= THRESHOLDS.before else Changed(name, found.cosine)
    return None if reaches(found.output, THRESHOLDS.before) else Changed(name, found.output.excess)


def read(weights: Weights, name: str) -> BaseLayer:
    """A layer as W, an embedding's table too."""
    layer = weights.layer(name)
    if kind(f"{name}.weight", 2) == "embed":  # stored as W itself
        return BaseLayer(layer.matrix.mT, None)
    return layer


def _parts(
    adapter: Adapter | None, one: BaseLayer, two: BaseLayer, found: Sides, before: Changed | None
) -> Iterator[Part]:
    """The rule, on what the adapter itself meets where it has factors."""
    if adapter is None:
        return
    for placement, phi in adapter.parts():
        met = None
        if isinstance(phi, LoRA):
            reads, writes = balanced(phi.A.detach().double(), phi.B.detach().double())
            near, far = ([c for c in pair] for pair in zip(channels(one), channels(two), strict=True))
            near_null = _met(near, writes if placement is Placement.INPUT else reads)
            far_null = _met(far, reads if placement is Placement.OUTPUT else writes)
            met = Sides(near_null, far_null, None, None).of(placement)
        verdict = judge(found.of(placement), placement, before)
        rows, _, inputs = phi.size
        converts = adapter.family == "lora" and placement is Placement.WEIGHT and rows == inputs
        yield Part(placement=placement, converts=converts, verdict=verdict, met=met)


def _met(pair: list[Tensor], directions: Tensor) -> Null | None:
    a, b = pair
    if len(a) != len(b) or len(directions) != len(a):
        return None
    return directed(a, b, directions)


def balanced(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of AB that do not depend on how it was factored: U√S (c x r) and V√S (d x r) of AB = USVᵀ."""
    qa, ra = torch.linalg.qr(a)
    qb, rb = torch.linalg.qr(b.mT)
    u, s, vh = torch.linalg.svd(ra @ rb.mT)
    return qa @ u * s.sqrt(), qb @ vh.mT * s.sqrt()
