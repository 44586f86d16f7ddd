"""Two models layer by layer: what each pair shares on either side, what came before it, what may be said of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer, Weights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import LoRA
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.rules.facing import Sides, channels, directed, sides
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Changed, Verdict, judge, reaches
from ioadapt_theory.checkpoints.names.kinds import kind
from ioadapt_theory.checkpoints.names.layer import Name
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.null import Null
from ioadapt_theory.report.branches import branches
from ioadapt_theory.similarity.report.order import place

UPDATE = 2048
"""Largest side of a layer whose update's rank is looked at."""
RANKED = 8
"""Layers whose update's rank is looked at."""


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
        rank: singular values of W' - W above 5 % of its largest, as a fraction of all; None where it was not looked at.
    """

    name: str
    counterpart: str
    size: tuple[int, int]
    sides: Sides
    before: Changed | None
    verdicts: Mapping[Placement, Verdict]
    equal: bool
    parts: tuple[Part, ...] = ()
    rank: float | None = None


def matrices(weights: Weights) -> dict[str, tuple[int, int]]:
    """Layers that have a matrix, in the network's order, and their channels in and out."""
    found = {}
    for name in sorted(weights.names, key=place):
        try:
            f = weights.outline(name)
        except IoAdaptError:
            continue
        found[name] = (f.channels, f.columns)
    return found


def pairs(
    source: Weights,
    target: Weights,
    *,
    adapters: Mapping[str, Adapter] | None = None,
    counterparts: Mapping[str, str] | None = None,
) -> Iterator[LayerPair]:
    """Compare two models, one layer at a time.

    Args:
        source: whose adapter it is.
        target: where it would go.
        adapters: by the source's names.
        counterparts: the target's name for each layer of the source that it has; by default see ``corresponding``.
    """
    here, there = matrices(source), matrices(target)
    if counterparts is None:
        counterparts = corresponding(source, target)
    widths = [size for pair in here.values() for size in pair]
    branch = branches(list(here))
    changed: dict[str, Changed] = {}
    norms = changed_norms(source, target, counterparts)
    ranked = 0
    for name in sorted([*here, *norms], key=place):
        if name in norms:
            changed.setdefault(branch.get(name, ""), norms[name])
            continue
        size = here[name]
        other = counterparts.get(name)
        before = changed.get(branch[name])
        if other is None or other not in there:
            changed.setdefault(branch[name], Changed(name, None))
            continue
        one, two = _read(source, name), _read(target, other)
        found = sides(one, two, widths)
        rank = _rank(one, two) if ranked < RANKED else None
        ranked += rank is not None
        if kind(f"{name}.weight", 2) == "embed":
            found = Sides(None, found.output, found.cosine, found.ratio)
        yield LayerPair(
            name=name,
            counterpart=other,
            size=size,
            sides=found,
            before=before,
            verdicts={p: judge(found.of(p), p, before) for p in Placement},
            equal=same(one.matrix, two.matrix),
            parts=tuple(_parts((adapters or {}).get(name), one, two, found, before)),
            rank=rank,
        )
        if (change := _change(name, found)) is not None:
            changed.setdefault(branch[name], change)


def corresponding(source: Weights, target: Weights, told: Mapping[str, str] | None = None) -> dict[str, str]:
    """The target's name for each layer of the source: as told, by contents where blocks were renumbered, or by name."""
    names = [name for name in matrices(source) if name not in (told or {})]
    found = correspond([Name("", name) for name in names], target, "auto", source=source)
    return {key.path: places[0] for key, places in found.layers.items() if len(places) == 1} | {**(told or {})}


def changed_norms(source: Weights, target: Weights, counterparts: Mapping[str, str]) -> dict[str, Changed]:
    """Norms that the target lacks or has with other gains, by module: what they scale is read by later layers."""
    here, there = source.vectors(), target.vectors()
    found = {}
    for name, other in vectors(here, counterparts).items():
        module, _, leaf = name.rpartition(".")
        if kind(name, 1) != "norm" or leaf != "weight":
            continue
        cosine = _cosine(here[name](), there[other]()) if other in there else None
        if cosine is None or cosine < THRESHOLDS.before:
            found[module] = Changed(module, cosine)
    return found


def differing(source: Weights, target: Weights, counterparts: Mapping[str, str]) -> tuple[int, int]:
    """How many of the norms and biases of one place differ, and how many there are."""
    here, there = source.vectors(), target.vectors()
    common = {name: other for name, other in vectors(here, counterparts).items() if other in there}
    apart = 0
    for name, other in common.items():
        apart += not same(here[name](), there[other]())
    return apart, len(common)


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal once both are in the coarser of their precisions."""
    if a.shape != b.shape:
        return False
    coarse = max((a.dtype, b.dtype), key=lambda dtype: torch.finfo(dtype).eps if dtype.is_floating_point else 0.0)
    return torch.equal(a.detach().to(coarse), b.detach().to(a.device, coarse))


def vectors(names: Iterable[str], counterparts: Mapping[str, str]) -> dict[str, str]:
    """The target's names for norms and biases: they move with the block that they stand in."""
    blocks = {"": ""}
    for one, two in counterparts.items():
        parts, others = one.split("."), two.split(".")
        while parts and others:
            blocks[".".join(parts)] = ".".join(others)
            if parts.pop() != others.pop():
                break
    found = {}
    for name in names:
        parts = name.split(".")
        at = next(k for k in range(len(parts), -1, -1) if ".".join(parts[:k]) in blocks)
        found[name] = ".".join(x for x in (blocks[".".join(parts[:at])], *parts[at:]) if x)
    return found


def _cosine(a: Tensor, b: Tensor) -> float | None:
    a, b = a.detach().double(), b.detach().double()
    if a.shape != b.shape:
        return None
    norms = float(a.norm() * b.norm())
    return float(a @ b) / norms if norms else 1.0 if not a.any() and not b.any() else None


def _change(name: str, found: Sides) -> Changed | None:
    """Whether later layers read another space than in the source; where the output has no angle, weights tell."""
    if found.output is None:
        return None if (found.cosine or 0.0) >= THRESHOLDS.before else Changed(name, found.cosine)
    return None if reaches(found.output, THRESHOLDS.before) else Changed(name, found.output.excess)


def _read(weights: Weights, name: str) -> BaseLayer:
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


def _rank(one: BaseLayer, two: BaseLayer) -> float | None:
    """Part of the singular values of W' - W that are above 5 % of the largest, from the Gram of the smaller side."""
    if one.matrix.shape != two.matrix.shape or not 8 <= min(one.matrix.shape) <= UPDATE:
        return None
    update = two.matrix.detach().double() - one.matrix.detach().double()
    if not update.any():
        return None
    update /= update.abs().max()
    gram = update.mT @ update if update.shape[0] >= update.shape[1] else update @ update.mT
    values = torch.linalg.eigvalsh(gram)
    return float((values > 0.05**2 * values[-1]).double().mean())
