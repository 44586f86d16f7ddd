"""Similarity of the input and output sides of two layers, compared with that of unrelated layers.

The cosines are those of `ioadapt_theory.similarity.spaces`, but of many channels, only a fixed sample is used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer
from toys.transfer.chance import ROUNDING, Null, beside, of_matrix, parts

CHANNELS = 512
"""Maximum number of channels to compare. If there are more, this many are sampled, and the null distribution of the
cosine has a standard deviation of about 1/512."""
LARGE = 1 << 20
"""Matrices with at least this many elements are multiplied in float32, unless they are stored in float64."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Similarity of two layers on their input and output sides.

    Attributes:
        input: for the weights W of the source and W' of the target (inputs x outputs), the cosine of WWᵀ and W'W'ᵀ,
            each minus the multiple of I with the same trace; None if the sizes differ or one is a multiple of I.
        output: the same for WᵀW and W'ᵀW'.
        cosine: cosine of W and W'; None if a size differs or a weight is zero.
        ratio: ‖W'‖_F / ‖W‖_F; None if W is zero.
    """

    input: Null | None
    output: Null | None
    cosine: float | None
    ratio: float | None


def sides(source: BaseLayer, target: BaseLayer, widths: Sequence[int] = ()) -> Sides:
    """Compare two layers; ``widths`` are the numbers of channels of all layers, see ``chance.parts``."""
    near, near_target = (m.matrix.reshape(len(m.matrix) // math.prod(m.kernel), -1) for m in (source, target))
    far, far_target = source.matrix.mT, target.matrix.mT
    one, two = source.matrix.detach().mT, target.matrix.detach().mT  # in torch's layout
    norms = [math.sqrt(_inner(w, w)) for w in (one, two)]
    cosine = _inner(one, two) / math.prod(norms) if one.shape == two.shape and all(norms) else None
    return Sides(
        side(near, near_target, parts(len(near), widths)) if len(near) == len(near_target) else None,
        side(far, far_target, parts(len(far), widths)) if len(far) == len(far_target) else None,
        None if cosine is None else max(-1.0, min(1.0, cosine)),
        norms[1] / norms[0] if norms[0] else None,
    )


def side(a: Float[Tensor, "f ..."], b: Float[Tensor, "f ..."], cuts: Sequence[int] | None = None) -> Null | None:
    """Return the cosine of AAᵀ and BBᵀ, each minus the multiple of I with the same trace, with its null distribution.

    ``cuts`` are the boundaries of the groups of channels that are permuted separately, see ``chance.parts``. At most
    CHANNELS channels are used. Large matrices are multiplied in float32; the cosine has an error of at most 1e-6. The
    result is None if AAᵀ or BBᵀ is a multiple of I.
    """
    cuts = (0, len(a)) if cuts is None else cuts
    if len(a) > CHANNELS:
        drawn = torch.randperm(len(a), generator=torch.Generator().manual_seed(0))[:CHANNELS].sort().values
        cuts = sorted({*torch.searchsorted(drawn, torch.tensor(cuts)).tolist()})
        a, b = (w[drawn.to(w.device)] for w in (a, b))
    one, two = _gram(a.flatten(1)), _gram(b.flatten(1))
    if one is None or two is None:
        return None
    norms = float(np.linalg.norm(one) * np.linalg.norm(two))
    return beside(float((one * two).sum()), norms, of_matrix(one, cuts), of_matrix(two, cuts))


def _gram(w: Tensor) -> Float[np.ndarray, "f f"] | None:
    """Return WWᵀ minus the multiple of I with the same trace, for W / max |W|; None if this is zero up to rounding."""
    w = _wide(w, w.numel())
    top = w.abs().max() if w.numel() else w.new_zeros(())
    w = w / top if top > 0 else w  # its squared norm has fourth powers, which could overflow
    k: np.ndarray = (w @ w.mT).double().cpu().numpy()
    whole = np.linalg.norm(k)
    k[np.diag_indices(len(k))] -= np.trace(k) / len(k)
    return k if np.linalg.norm(k) ** 2 > ROUNDING * np.finfo(k.dtype).eps * whole**2 else None


def _inner(a: Tensor, b: Tensor) -> float:
    """Return ⟨A, B⟩, computed in blocks of rows; the sums of the rows are added in float64."""
    rows = max(1, LARGE // max(a.shape[1], 1))
    return math.fsum(
        float(torch.linalg.vecdot(_wide(x, a.numel()), _wide(y, a.numel())).double().sum())
        for x, y in zip(torch.split(a, rows), torch.split(b, rows), strict=True)
    )


def _wide(w: Tensor, numel: int) -> Tensor:
    """Return W in float64, or in float32 if it is not stored in float64 and belongs to a matrix of many elements."""
    large = w.dtype != torch.float64 and numel >= LARGE
    return w.detach().to(torch.float32 if large else torch.float64)
