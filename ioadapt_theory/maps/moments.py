"""Gram and cross matrices of the activations and gradients of two models at one place, accumulated over batches."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.errors import IoAdaptError, ShapeError
from ioadapt_theory.maps.solve import TINY, Relation, Rule, explained, polar, solve

Place = tuple[str, str, str, str]
"""Layer and side ("input", "output" or, in a grouped convolution, "weight") in the source, and both in the target."""
Factors = tuple[Tensor, Tensor]
Three = tuple[Tensor, Tensor, Tensor]
READS: Final = {"weight": "input", "input": "input", "output": "output"}
"""Placement of an adapter -> side of the layer whose activations it multiplies."""
WRITES: Final = {"weight": "output", "input": "input", "output": "output", "bias": "output"}
"""Placement of an adapter -> side of the layer to which it adds."""


@dataclass(slots=True)
class Moments:
    """Sums over rows of the target's activations x and gradients h, and of the source's, u and k.

    Attributes:
        C: xᵀx, xᵀu and uᵀu.
        K: hᵀh, hᵀk and kᵀk.
        rows: number of rows of activations.
        polar: the polar factor of the joint cross matrix, once it is computed.
        alike: whether activations and gradients are those of one thing, so that one matrix maps both; not if the sides
            of the layers differ, or in grouped convolutions.
    """

    C: Three | None = None
    K: Three | None = None
    rows: int = 0
    alike: bool = True
    polar: Tensor | None = field(default=None, init=False, repr=False)

    def add(self, x: Tensor, u: Tensor, h: Tensor, k: Tensor) -> None:
        """Add activations and gradients of both models, each rows x features."""
        self.rows += len(x)
        self.polar = None
        self.C, self.K = grams(x, u, self.C), grams(h, k, self.K)

    def map(self, role: str, rule: Rule, *, same: bool = False) -> Tensor:
        """Return P if ``role`` is "reads", or Q if it is "writes"; see ``solve``.

        If the weights show the ``same`` bases, the two-way map is the identity: what differs is not another basis.
        """
        if same and rule.kind == "two-way":
            gram = self.relations(role)[0].gram
            return torch.eye(len(gram)).to(gram)
        return solve(*self.relations(role), rule, isometry=self._isometry if self.alike else None)

    def _isometry(self, joint: Tensor) -> Tensor:
        if self.polar is None:  # P and Q have the same joint cross matrix
            self.polar = polar(joint)
        return self.polar

    def relations(self, role: str) -> tuple[Relation, Relation | None]:
        """Return the equations for P, xP = u and kPᵀ = h, or those for Q, hQ = k and uQᵀ = x."""
        first, second = (self.C, self.K) if role == "reads" else (self.K, self.C)
        assert first is not None
        assert second is not None
        forward = Relation(first[0], first[1], float(first[2].trace()))
        return forward, Relation(second[2], second[1], float(second[0].trace())) if self.alike else None

    def explained(self, role: str, matrix: Tensor) -> tuple[float, float]:
        """Return the shares of the activations and of the gradients that a map explains."""
        forward, backward = self.relations(role)
        other = 0.0 if backward is None else explained(backward._replace(cross=backward.cross.mT), matrix.mT)
        shares = explained(forward, matrix), other
        return shares if role == "reads" else shares[::-1]

    @property
    def idle(self) -> bool:
        """Whether the target's gradients are 0, or nearly, on all rows: the place does not influence the outputs."""
        return self.K is not None and float(self.K[0].trace()) <= TINY


def grams(x: Tensor, u: Tensor, before: Three | None = None) -> Three:
    """Return xᵀx, xᵀu and uᵀu, added to those of other rows."""
    x, u = (t if t.dtype == torch.float64 else t.float() for t in (x, u))
    u = u.to(x.device)
    new = x.mT @ x, x.mT @ u, u.mT @ u
    return new if before is None else (before[0] + new[0], before[1] + new[1], before[2] + new[2])


def effects(ours: Factors, theirs: Factors, c: Three, k: Three) -> tuple[float, float, float]:
    """Return ‖e_S‖², ⟨e_S, e_T⟩ and ‖e_T‖² of a change's first-order effects on the source and on the target.

    ``ours`` and ``theirs`` are its factors in the two models, c and k the matrices C and K of what it reads and writes.
    Activations and gradients are taken to be uncorrelated over rows, and the taps of a kernel to see equal rows.
    """
    (tt, ts, ss), (k_tt, k_ts, k_ss) = c, k
    (a, b), (a2, b2) = (tuple(x.to(ss) for x in pair) for pair in (ours, theirs))

    def product(x: Tensor, gram: Tensor, y: Tensor, s: Tensor, other: Tensor, t: Tensor) -> float:
        x, y = (m.reshape(n, -1, m.shape[1]).movedim(1, 0) for m, n in ((x, len(gram)), (y, gram.shape[1])))
        return float(((x.mT @ gram @ y).sum(0) * (s @ other @ t.mT)).sum())

    return product(a, ss, a, b, k_ss, b), product(a2, ts, a, b2, k_ts, b), product(a2, tt, a2, b2, k_tt, b2)


def features(module: nn.Module, side: str) -> int:
    """Return the number of features at a side of a layer, as in a ``Place``."""
    f = operator(module)
    return {"output": f.columns, "input": f.channels, "weight": max(f.rows, f.columns)}[side] or 0


def grouped(
    asked: Mapping[Any, Collection[Place]], target: Mapping[str, nn.Module], gigabytes: float
) -> Iterator[list[Any]]:
    """Yield the keys in groups, so that the moments of a group's places fit into memory; a single key may need more."""
    group, held = list[Any](), set[Place]()

    def size(some: Collection[Place]) -> float:
        return sum(6 * 4e-9 * features(target[place[2]], place[3]) ** 2 for place in some)

    for key, some in asked.items():
        if group and size(held.union(some)) > gigabytes:
            yield group
            group, held = [], set()
        group.append(key)
        held.update(some)
    if group:
        yield group


@dataclass(slots=True)
class Gathered:
    """Moments of several places; layers of a model that share an input share its moments.

    Attributes:
        places: the places.
        of: place -> the place under which its moments are stored.
        moments: the moments of different places.
        lost: place -> why its rows cannot be paired.
    """

    places: list[Place]
    of: dict[Place, Place] = field(default_factory=dict)
    moments: dict[Place, Moments] = field(default_factory=dict)
    lost: dict[Place, str] = field(default_factory=dict)

    def add(self, here: Mapping[str, Rows], there: Mapping[str, Rows]) -> None:
        """Add the activations and gradients of one batch; layers missing from ``here`` or ``there`` are left out."""
        if not self.of:
            self._group(here, there)
        for first in {*self.of.values()}:
            members = [place for place, one in self.of.items() if one == first]
            try:
                rows = paired(members, here, there)
            except IoAdaptError as error:
                self.lost |= dict.fromkeys(members, error.reason)
                self.of = {place: one for place, one in self.of.items() if one != first}
                self.moments.pop(first, None)
                continue
            alike = first[1] == first[3] != "weight"
            self.moments.setdefault(first, Moments(alike=alike)).add(*rows)

    def _group(self, here: Mapping[str, Rows], there: Mapping[str, Rows]) -> None:
        seen: dict[tuple[object, ...], Place] = {}
        for place in (p for p in self.places if p[0] in here and p[2] in there and p not in self.lost):
            one, two = here[place[0]].calls, there[place[2]].calls
            shared = (id(one[0][0]), id(two[0][0]), len(one), len(two)) if place[1] == place[3] == "input" else place
            self.of[place] = seen.setdefault(shared, place)


def paired(
    members: list[Place], here: Mapping[str, Rows], there: Mapping[str, Rows]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return x, u, h and k of one batch, rows x features, for layers that share a place; their gradients are added.

    Positions without gradients, such as padding, are left out.

    Raises:
        ShapeError: the two models have different numbers of samples or positions.
        UnsupportedError: the layer is a convolution with many groups or of an unknown type.
    """
    first, side, second, other = members[0]
    u, x = here[first].reader(side), there[second].reader(other)
    k, h = (torch.stack([rows[p[n]].writer(p[n + 1]) for p in members]).sum(0) for n, rows in ((0, here), (2, there)))
    u, k = u.to(x.device), k.to(h.device)
    if odd := [(a, b) for a, b in ((x, u), (h, k)) if a.shape[:-1] != b.shape[:-1]]:
        (n, m), (n2, m2) = (t.shape[-3:-1] for t in odd[0])
        both = f"{n} x {m} in the target but {n2} x {m2} in the source"
        msg = f"the layer's activations or gradients (samples x positions) cannot be paired, since they are {both}"
        raise ShapeError(msg)
    live = (h != 0).any(-1).any(0) & (k != 0).any(-1).any(0)
    seen = live if live.shape == x.shape[:-1] else torch.ones_like(x[..., 0], dtype=torch.bool)
    return x[seen], u[seen], h[:, live].flatten(0, -2), k[:, live].flatten(0, -2)


def places(
    source: Mapping[str, nn.Module], target: Mapping[str, nn.Module], one: str, two: str, side: str, other: str
) -> tuple[Place, Place]:
    """Return the places that an adapter of a layer reads and writes, with its placements in source and target."""

    def at(table: Mapping[str, str]) -> Place:
        sides = []
        for module, own, far in ((source[one], side, other), (target[two], other, side)):
            kernel = getattr(module, "kernel_size", ())
            apart = getattr(module, "groups", 1) > 1 or (own != far and table is not WRITES and math.prod(kernel) > 1)
            sides.append("weight" if own == "weight" and apart else table[own])
        return one, sides[0], two, sides[1]

    return at({**READS, "bias": "input"}), at(WRITES)
