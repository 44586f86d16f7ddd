"""The norms of the columns of W + s AB from those of W and from W A: one reading of W, and nothing of its size."""

import torch
from torch import Tensor

BLOCK = 1 << 18
"""Entries of a weight in another dtype that are converted at a time: 1 MB in float32, which stays in a core's cache."""
CANCELS = 0.1
"""Part of ‖W_j‖² below which a column is built: what is left of ‖W_j‖² + 2s ⟨W_j, Ab_j⟩ + ... has lost a digit."""


def squares(w: Tensor) -> Tensor:
    """‖W_j‖² of the rows of Wᵀ, in float64."""
    wide = torch.promote_types(w.dtype, torch.float32)
    rows = max(1, BLOCK // w.shape[1])
    pieces = (w[i : i + rows].to(wide) for i in range(0, len(w), rows))
    return torch.cat([torch.linalg.vector_norm(piece, dim=1) for piece in pieces]).double().square_()


def norms_beside(w: Tensor, own: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
    """‖W_j + s A b_j‖ from the rows of Wᵀ and their ``squares``, in float64."""
    wide = torch.promote_types(w.dtype, a.dtype)
    at, rows = a.mT.contiguous().to(wide), len(w) if w.dtype == wide else max(1, BLOCK // w.shape[1])
    products = torch.cat([at @ w[i : i + rows].to(wide).mT for i in range(0, len(w), rows)], dim=1).double()
    a, b = a.double(), b.double()
    found = own + products.mul_(2 * s).add_((a.mT @ a) @ b, alpha=s * s).mul_(b).sum(0)
    if len(lost := (found < CANCELS * own).nonzero()[:, 0]):
        found[lost] = (w[lost].double() + s * (a @ b[:, lost]).mT).square().sum(1)
    return found.sqrt_()
