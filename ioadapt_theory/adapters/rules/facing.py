"""How much two layers share of the space that an adapter on either side meets, beside what unrelated layers share.

An input adapter meets W (c x d) only through K = WWᵀ, since ‖xTW‖² = xTWWᵀTᵀxᵀ, an output adapter through WᵀW. What
every matrix has, the multiple of I, is removed; what unrelated networks have in common is the null of
``ioadapt_theory.null``. Of a side with many channels a fixed draw of them is compared: K without the other rows and
columns, against permutations of the channels that are left.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.linalg import ROUNDING
from ioadapt_theory.null import Null, Profile, beside, parts, profile

CHANNELS = 512
"""Channels of a side that are compared; of more, so many are drawn. The null then scatters by about 1/512."""
TILE = 2048
"""Rows of K that are held at once."""
MOST_PARTS = 16
"""Parts of a side that are told apart; with more, as of a vocabulary, it counts as one."""
LARGE = 1 << 20
"""Elements from which matrices are multiplied in float32, unless they are stored in more."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sides:
    """Two layers of one name, side by side.

    Attributes:
        input: of the input sides' Grams; None where the sizes differ or one is a multiple of I.
        output: likewise of the output sides.
        cosine: of the weights; None where a size differs or a weight is zero.
        ratio: ‖W'‖_F / ‖W‖_F; None where W is zero.
    """

    input: Null | None
    output: Null | None
    cosine: float | None
    ratio: float | None

    def of(self, placement: Placement) -> Null | None:
        """The side that a placement faces; a weight adapter faces both, so the one that shares less counts."""
        match placement:
            case Placement.INPUT:
                return self.input
            case Placement.OUTPUT:
                return self.output
            case Placement.WEIGHT if self.input is None or self.output is None:
                return None
            case Placement.WEIGHT:
                return min(self.input, self.output, key=lambda null: -math.inf if null.excess is None else null.excess)


def sides(source: BaseLayer, target: BaseLayer, widths: Sequence[int] = ()) -> Sides:
    """Compare both sides of two layers; ``widths`` are the sides of all layers, see ``null.parts``."""
    (near, far), (near_target, far_target) = channels(source), channels(target)
    one, two = source.matrix.detach().mT, target.matrix.detach().mT  # as torch stores them
    norms = [math.sqrt(_inner(w, w)) for w in (one, two)]
    cosine = _inner(one, two) / math.prod(norms) if one.shape == two.shape and all(norms) else None
    return Sides(
        facing(near, near_target, _cuts(len(near), widths)) if len(near) == len(near_target) else None,
        facing(far, far_target, _cuts(len(far), widths)) if len(far) == len(far_target) else None,
        None if cosine is None else max(-1.0, min(1.0, cosine)),
        norms[1] / norms[0] if norms[0] else None,
    )


def channels(layer: BaseLayer) -> tuple[Float[Tensor, "c taps d"], Float[Tensor, "d n"]]:
    """Return W with the input's channels first, and with the output's first; neither is a copy."""
    taps = math.prod(layer.kernel)
    return layer.matrix.view(len(layer.matrix) // taps, taps, -1), layer.matrix.mT


def _inner(a: Tensor, b: Tensor) -> float:
    """⟨A, B⟩, some rows at a time in a wider precision."""
    rows = max(1, LARGE // max(a.shape[1], 1))
    return math.fsum(
        float(torch.linalg.vecdot(_wide(x, a.numel()), _wide(y, a.numel())).double().sum())
        for x, y in zip(torch.split(a, rows), torch.split(b, rows), strict=True)
    )


def _cuts(f: int, widths: Sequence[int]) -> Sequence[int]:
    found = parts(f, widths)
    return found if len(found) <= MOST_PARTS + 1 else (0, f)


def facing(a: Float[Tensor, "f ..."], b: Float[Tensor, "f ..."], cuts: Sequence[int] | None = None) -> Null | None:
    """Return the cosine of AAᵀ and BBᵀ, each without its multiple of I, beside its null.

    None where nothing but that multiple is left. Large matrices are multiplied in float32 and summed in float64: a
    cosine is off by 1e-6 at most.
    """
    cuts = (0, len(a)) if cuts is None else cuts
    if len(a) > CHANNELS:
        drawn = torch.randperm(len(a), generator=torch.Generator().manual_seed(0))[:CHANNELS].sort().values
        cuts = sorted({*torch.searchsorted(drawn, torch.tensor(cuts)).tolist()})
        a, b = (w[drawn.to(w.device)] for w in (a, b))
    a, b = _scaled(a.flatten(1)), _scaled(b.flatten(1))
    squares, inner = _products(a, b, list(pairwise(cuts)))
    one, two = (_profile(w, square, cuts) for w, square in zip((a, b), squares, strict=True))
    if one is None or two is None:
        return None
    norms = one[1] * two[1]
    inner -= float(_squares(a).sum() * _squares(b).sum()) / len(a)
    return beside(inner, norms, one[0], two[0])


def _wide(w: Tensor, numel: int) -> Tensor:
    """W in float64, or in float32 where it is large and stored in no more."""
    large = w.dtype != torch.float64 and numel >= LARGE
    return w.detach().to(torch.float32 if large else torch.float64)


def _squares(w: Tensor) -> Tensor:
    return torch.linalg.vecdot(w, w).double()


def _scaled(w: Tensor) -> Tensor:
    """W over its largest element: the Gram's square is of the fourth power."""
    w = _wide(w, w.numel())
    top = w.abs().max() if w.numel() else w.new_zeros(())
    return w / top if top > 0 else w


def _profile(w: Tensor, squares: Tensor, cuts: Sequence[int]) -> tuple[Profile, float] | None:
    """What the null needs of K°, and ‖K°‖; None where it is zero up to rounding. ``squares`` are those of K."""
    spans = list(pairwise(cuts))
    diagonal = _squares(w)
    mean = float(diagonal.sum()) / len(w)
    rows = torch.stack([w @ w[i:j].sum(0) for i, j in spans], 1).double()
    whole = float(squares.sum())
    for p, (i, j) in enumerate(spans):
        rows[i:j, p] -= mean
        squares[p, p] += (j - i) * mean**2 - 2 * mean * diagonal[i:j].sum()
    norm_sq = float(squares.sum())
    if not norm_sq > ROUNDING * torch.finfo(torch.float64).eps * whole:
        return None

    def times(x: np.ndarray) -> np.ndarray:
        columns = torch.from_numpy(x).to(w)
        product: np.ndarray = (w @ (w.mT @ columns)).double().cpu().numpy() - mean * x
        return product

    sums = ((diagonal - mean).cpu().numpy(), rows.cpu().numpy(), squares.cpu().numpy())
    return profile(*sums, cuts, times), math.sqrt(norm_sq)


def _products(a: Tensor, b: Tensor, spans: Sequence[Span]) -> tuple[tuple[Tensor, Tensor], float]:
    """Sums of squares of AAᵀ, and of BBᵀ, over the rows of one part and the columns of another; and ⟨AAᵀ, BBᵀ⟩."""
    if 2 * max(a.shape[1], b.shape[1]) <= len(a):  # ‖W_pW_qᵀ‖² = ⟨W_pᵀW_p, W_qᵀW_q⟩ is less work
        inner = math.fsum(float((part.mT @ b).double().square().sum()) for part in torch.split(a, TILE, 1))
        return (_small(a, spans), _small(b, spans)), inner
    squares = [torch.zeros(len(spans), len(spans), dtype=torch.float64) for _ in "ab"]
    pieces = [(p, i, min(i + TILE, end)) for p, (start, end) in enumerate(spans) for i in range(start, end, TILE)]
    inner = 0.0
    for one, two in combinations_with_replacement(pieces, 2):
        (p, *rows), (q, *columns) = one, two
        tiles = [(w[slice(*rows)] @ w[slice(*columns)].mT).double() for w in (a, b)]
        for square, tile in zip(squares, tiles, strict=True):
            sum_ = float(tile.square().sum())
            square[p, q] += sum_
            if one != two:
                square[q, p] += sum_
        inner += (1 + (one != two)) * float((tiles[0] * tiles[1]).sum())
    return (squares[0], squares[1]), inner


def _small(w: Tensor, spans: Sequence[Span]) -> Tensor:
    grams = [(w[i:j].mT @ w[i:j]).double() for i, j in spans]
    return torch.tensor([[float((x * y).sum()) for y in grams] for x in grams], dtype=torch.float64)
