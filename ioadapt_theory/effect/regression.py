"""Regression of what the source reads (or writes along) on what the target does, streamed: C_TT⁺ C_TS A.

Rows come batch by batch. They are kept while they are fewer than the target's features, where the dual form is the
shorter one, and become Grams when they are more. The ridge is λ times the diagonal of C_TT, so that channels of other
sizes, as outliers are, do not set it for all.
"""

import torch
from torch import Tensor

RARE = 1e-4
"""Size of a feature, of the largest one's, below which it counts as this: what is hardly seen is given no weight."""
TINY = 1e-15
EXACT = 1024
"""Features up to which sums and solves are in float64, which the smallest ridge needs."""


class Regression:
    """Sums over rows x of the target and rows u of the source: Gram C = Σ xᵀx and D = Σ xᵀu.

    Attributes:
        features: of x.
        rows: how many there were.
    """

    def __init__(self, features: int, columns: int) -> None:
        """``columns`` is the number of features of u."""
        self.features, self.columns, self.rows = features, columns, 0
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.gram: Tensor | None = None
        self.cross: Tensor | None = None

    def add(self, x: Tensor, u: Tensor) -> None:
        """Take in rows; both are rows x features, of equal length."""
        wide = torch.float64 if self.features <= EXACT else torch.float32
        self.kept.append((x.to(wide), u.to(wide)))
        self.rows += len(x)
        if self.gram is not None or self.rows >= self.features:
            self._fold()

    def _fold(self) -> None:
        x, u = (torch.cat(parts) for parts in zip(*self.kept, strict=True))
        self.kept = []
        gram, cross = x.mT @ x, x.mT @ u
        self.gram = gram if self.gram is None else self.gram + gram
        self.cross = cross if self.cross is None else self.cross + cross

    def diagonal(self) -> Tensor:
        """Return the diagonal of C."""
        if self.gram is not None:
            return self.gram.diagonal()
        return torch.cat([x for x, _ in self.kept]).square().sum(0) if self.kept else torch.zeros(self.features)

    def whole(self) -> tuple[Tensor, Tensor]:
        """Return C and D."""
        if self.gram is None or self.cross is None:
            self._fold()
        assert self.gram is not None
        assert self.cross is not None
        return self.gram.float(), self.cross.float()

    def solve(self, ridges: list[float]) -> list[Tensor]:
        """Return (C + λ diag C)⁻¹ D for each ridge λ; features that are always zero get zeros, rare ones little."""
        size = self.diagonal().sqrt()
        scale = torch.where(size > TINY, 1 / size.clamp_min(max(RARE * float(size.max()), TINY)), 0.0)
        if self.gram is not None and self.cross is not None:
            values, vectors = torch.linalg.eigh(scale[:, None] * self.gram * scale)
            seen = vectors.mT @ (scale[:, None] * self.cross)
            back = scale[:, None] * vectors
        else:
            x, u = (torch.cat(parts) for parts in zip(*self.kept, strict=True))
            x = x * scale
            values, vectors = torch.linalg.eigh(x @ x.mT)
            seen = vectors.mT @ u
            back = scale[:, None] * (x.mT @ vectors)
        return [(back @ (seen / (values.clamp_min(0) + ridge)[:, None])).float() for ridge in ridges]
