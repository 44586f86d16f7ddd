"""What a change of weights looks like, W' beside W: the traces of training, adapters, pruning, codes, and other bases.

Training away from W at right angles leaves -⟨W, D⟩ = 0 for D = W' - W, the way back ‖D‖², two ways from a third model
what the first of them moved. Decay and growth of all weights add a multiple of ‖W‖², so both are fitted to the rows and
columns of a layer: with m half way from w to w', -⟨m, d⟩ = (s - 1/2) ‖d‖² + g ‖m‖², and s tells parent (0), sibling
(between) and child (1). From the other side it is 1 - s.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

UPDATE: Final = 2048
"""Largest side of a layer whose singular values are looked at."""
DECAY: Final = 0.2
"""What decay or growth usually is of ‖D‖²."""
NOISE: Final = 1.5
"""Times the rounding of the coarser precision, above which a singular value of D is not rounding."""
SEGMENTS: Final = ((64, 32), (1024, 256), (65536, 256))
"""Numbers that lie one after the other, and how many different ones there are among them at most if they are codes."""


@dataclass(frozen=True, slots=True)
class Traces:
    """The traces in one layer of equal sizes.

    Attributes:
        share: s, see above; None where nothing changed.
        certainty: 1 / variance of s.
        rank: of D, as a part of all directions; 1 where it has no end. None where it was not looked at.
        count: numbers in W.
        zeros: part of the numbers that are zero, in W and in W'.
        kept: cosine of W and W' where neither is zero.
        codes: what rounding to the codes that W or W' consists of leaves, of ‖W‖; None where neither shows any.
        spectrum: distance of the singular values, of their norm; None where it was not looked at.
    """

    share: float | None
    certainty: float
    rank: float | None
    count: int
    zeros: tuple[float, float]
    kept: float
    codes: float | None
    spectrum: float | None


def traces(one: Float[Tensor, "c d"], two: Float[Tensor, "c d"], *, closely: bool) -> Traces:
    """Look at W and W', ``closely`` at singular values too."""
    w, w2 = one.detach().double(), two.detach().double()
    zeros = (float((w == 0).double().mean()), float((w2 == 0).double().mean()))
    both = (w != 0) & (w2 != 0)
    inner = float((w * w2).sum())
    norms = float((w[both].norm() * w2[both].norm()).clamp_min(torch.finfo(w.dtype).tiny))
    s, certainty = _share(w, w2 - w)
    related = inner > 0.3 * float(w.norm() * w2.norm())
    small = closely and 8 <= min(w.shape) and max(w.shape) <= UPDATE and bool((w != w2).any())
    errors = [_codes(m) for m in (one, two)] if related and s is not None else []
    found = [e**2 for e in errors if e is not None]
    return Traces(
        s,
        certainty,
        _rank(w2 - w, _rounding(one, two)) if small and related else None,
        one.numel(),
        zeros,
        inner / norms,
        math.sqrt(sum(found)) if found else None,
        _apart(w, w2) if small and not related else None,
    )


def _share(w: Tensor, d: Tensor) -> tuple[float | None, float]:
    """The s of rows and columns, and 1 / its variance: ⟨m, d⟩ of n numbers scatters by ‖m‖‖d‖ / √n."""
    if not d.any():
        return None, 0.0
    slopes, weights = 0.0, 0.0
    m = w + d / 2
    for axis in (0, 1):
        inner, moved, size = -(m * d).sum(axis), d.square().sum(axis), m.square().sum(axis)
        some = (moved > 0) & (size > 0)
        certain = w.shape[axis] / (moved * size)[some]
        x, g, y = moved[some], size[some], inner[some]
        xx, xg, gg = ((certain * p).sum() for p in (x * x, x * g, g * g))
        gg = gg + (DECAY * x.sum() / g.sum()) ** -2  # where rows changed alike, g is what is usual
        left = float(xx - xg**2 / gg) if len(x) > 2 else 0.0  # what tells ‖d‖² from ‖m‖²
        if left > 1e-9 * float(xx):
            slopes += float((certain * x * y).sum() - xg / gg * (certain * g * y).sum())
            weights += left
    return (0.5 + slopes / weights, weights) if weights else (None, 0.0)


def _rounding(one: Tensor, two: Tensor) -> float:
    """The largest singular value that rounding alone leaves of a difference of two."""
    eps = max(torch.finfo(m.dtype).eps for m in (one, two))
    return eps / 4 * float(one.detach().double().square().mean().sqrt()) * sum(math.sqrt(n) for n in one.shape)


def _rank(d: Tensor, floor: float) -> float:
    """The directions in which D goes, where the others are rounding or far below, and half at least; else 1."""
    s = torch.linalg.svdvals(d)
    n, floor = len(s), max(NOISE * floor, 1e-6 * float(s[0]))
    kept = int((s > floor).sum())
    return kept / n if 0 < kept <= n / 2 else 1.0


def _apart(w: Tensor, w2: Tensor) -> float:
    """How far the singular values of two layers are apart; 0 for W and QWP with orthogonal Q and P."""
    s, s2 = torch.linalg.svdvals(w), torch.linalg.svdvals(w2)
    return float((s - s2).norm() / s.norm().clamp_min(torch.finfo(s.dtype).tiny))


def _codes(matrix: Tensor) -> float | None:
    """What rounding to the codes that a matrix consists of leaves, of its norm; None where it has none to be seen."""
    flat = matrix.mT.detach().flatten().double()  # as it lies in memory
    flat = flat[flat != 0]
    for length, most in SEGMENTS:
        pieces = [flat[k : k + length] for k in range(0, len(flat) - length + 1, max(length, len(flat) // 16))]
        if not pieces and len(flat) > 4 * most:
            pieces = [flat]
        values = [torch.unique(piece) for piece in pieces]
        if pieces and sorted(map(len, values))[len(values) // 2] <= most:
            return math.sqrt(
                sum(_left(piece, codes) for piece, codes in zip(pieces, values, strict=True))
                / sum(float(piece.square().sum()) for piece in pieces)
            )
    return None


def _left(piece: Tensor, codes: Tensor) -> float:
    """Sum of squares that rounding to the nearest of these codes leaves, if numbers lie evenly around each."""
    if len(codes) < 2:
        return 0.0
    gaps = codes.diff()
    left, right = (torch.cat(parts) for parts in ((gaps[:1], gaps), (gaps, gaps[-1:])))
    each = (left**3 + right**3) / (12 * (left + right))
    return float(each[torch.searchsorted(codes, piece)].sum())
