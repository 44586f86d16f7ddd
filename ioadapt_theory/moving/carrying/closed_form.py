"""The best transfer of an adapter, in closed form: M* = (C_TT⁺ C_TS) M (K_ST K_TT⁺) (claim `effect-best`).

M changes a side (weight, input or output) of a layer of the source S, and M* one of the target T. A side reads r and
acts on the outputs through a Jacobian J, so that the effect of M is rMJ. C_ab = E r_aᵀ r_b is computed from
activations, and K_ab = E J_a J_bᵀ from gradients g for cotangents that both models share. With M = AB, only r_S A and
g_S Bᵀ of the source are needed, so M* is computed as two low-rank factors. ``shrunk`` adds a penalty λ‖M* - M‖²
(Corollary 6.2); ``truncated`` returns the low-rank change whose effect is nearest to that of a given change.

Rows arrive in batches. As long as there are fewer rows than features of the target, the rows are stored, since the dual
form is smaller; after that, they are accumulated in Gram matrices. The ridge is λ times the diagonal of C_TT, so that
outlier channels do not determine the ridge of all channels.
"""

from typing import Final

import torch
from torch import Tensor

from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.errors import ShapeError

RIDGES: Final = (1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.5)
"""Ridges λ of the closed form, relative to the diagonal of the Gram matrix."""
SHRINKING: Final = (1e-2, 0.1, 1.0, 10.0, 100.0)
"""Weights λ of the copy in ``shrunk``, relative to the product of the mean eigenvalues of the two Gram matrices."""
MOST_SHRUNK: Final = 2048
"""Largest number of rows or columns of an adapted matrix for which ``shrunk`` diagonalises Gram matrices."""
ROUNDS = 3
"""Number of subspace iterations in ``low_rank``; the error was below 1e-4 for several spectra of C and K."""
RARE = 1e-4
"""Size, relative to the largest feature, below which a feature is not scaled up to size 1 and gets small weights."""
TINY = 1e-15
EXACT = 1024
"""Largest number of features for which ``Regression`` uses float64; float32 is too coarse for the smallest ridge."""
Factors = tuple[Tensor, Tensor]
"""A (rows x r) and B (r x columns) of the change AB of the matrix that an adapter acts on; B includes the scaling."""


class Regression:
    """Ridge regression of rows u of the source on rows x of the target, with the sums C = Σ xᵀx and D = Σ xᵀu.

    Attributes:
        features, columns: the numbers of features of x and of u.
        rows: the number of rows added.
    """

    def __init__(self, features: int, columns: int) -> None:
        self.features, self.columns, self.rows = features, columns, 0
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.gram: Tensor | None = None
        self.cross: Tensor | None = None

    def add(self, x: Tensor, u: Tensor) -> None:
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
        if self.gram is not None:
            return self.gram.diagonal()
        return torch.cat([x for x, _ in self.kept]).square().sum(0) if self.kept else torch.zeros(self.features)

    def whole(self) -> tuple[Tensor, Tensor]:
        """Return C = Σ xᵀx and D = Σ xᵀu in float32."""
        if self.gram is None or self.cross is None:
            self._fold()
        assert self.gram is not None
        assert self.cross is not None
        return self.gram.float(), self.cross.float()

    def solve(self, ridges: list[float]) -> list[Tensor]:
        """Return (C + λS)⁻¹ D for each ridge λ, with C = Σ xᵀx and D = Σ xᵀu.

        S is the diagonal of C with a lower limit, see ``RARE``; features of x that are always 0 get rows of zeros.
        """
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


class Translation:
    """The translation of one layer's adapter AB to a layer of the target, in a placement there (``target_side``).

    Attributes:
        candidates: factors by candidate name, after ``solve``.
        kept: candidate name -> share of the gain (loss reduction) that it keeps on rows outside the fit; set by
            the caller.
        rows: the number of rows of activations in the fit.
        features: the number of rows of A and the number of columns of B on the target.
    """

    def __init__(self, factors: Factors, side: str, target_side: str) -> None:
        self.factors, self.side, self.target_side = factors, side, target_side
        self.reader: Regression | None = None
        self.writer: Regression | None = None
        self.candidates, self.kept = dict[str, Factors](), dict[str, float]()
        self.rows, self.features = 0, (0, 0)

    def add(self, source: Rows, target: Rows) -> None:
        """Add activations and gradients of one batch; raise ShapeError if samples or positions do not match."""
        a, b = self.factors
        u, v = source.reader(self.side), source.writer(self.side)
        u, v = u @ a.to(u), v @ b.to(v).mT
        r, g = target.reader(self.target_side), target.writer(self.target_side)
        u, v = u.to(r.device), v.to(r.device)
        if odd := [(ours, theirs) for ours, theirs in ((r, u), (g, v)) if ours.shape[:-1] != theirs.shape[:-1]]:
            (n, m), (n2, m2) = (x.shape[-3:-1] for x in odd[0])
            both = f"{n} x {m} in the target but {n2} x {m2} in the source"
            msg = f"the layer's activations or gradients (samples x positions) cannot be paired, since they are {both}"
            raise ShapeError(msg)
        if self.reader is None or self.writer is None:
            self.reader, self.writer = Regression(r.shape[-1], a.shape[1]), Regression(g.shape[-1], len(b))
        live = (g != 0).any(-1).any(0)  # padding does not affect the output, so its activations are ignored
        self.reader.add(r[live], u[live])
        self.writer.add(g.flatten(0, -2), v.flatten(0, -2))

    @property
    def best(self) -> str:
        return max(self.kept, key=lambda name: self.kept[name])

    def solve(self) -> None:
        assert self.reader is not None
        assert self.writer is not None
        self.candidates = self.ridged(self.reader, self.writer) | self.shrunk(self.reader, self.writer)
        self.rows, self.features = self.reader.rows, (self.reader.features, self.writer.features)
        self.reader = self.writer = None

    def is_idle(self) -> bool:
        """Return whether all gradients of the target's layer are 0, so that no fit to the outputs is possible."""
        return self.writer is None or not bool(self.writer.diagonal().any())

    def ridged(self, reader: Regression, writer: Regression) -> dict[str, Factors]:
        """Return A and B from ridge regressions on activations and on gradients, for each of ``RIDGES``, by name."""
        read = reader.solve([*RIDGES])  # C_TT⁺ C_TS A
        written = writer.solve([*RIDGES])  # K_TT⁺ K_TS Bᵀ
        return {f"ridge {ridge:g}": (a, b.mT) for ridge, a, b in zip(RIDGES, read, written, strict=True)}

    def shrunk(self, reader: Regression, writer: Regression) -> dict[str, Factors]:
        """Return factors, by name, that lie between the best transfer and the copy of AB, for each λ in ``SHRINKING``.

        The result is empty if the placement or the sizes change, or there are more than ``MOST_SHRUNK`` features.
        """
        (a, b), sizes = (m.float() for m in self.factors), (reader.features, writer.features)
        if sizes != (len(a), b.shape[1]) or max(sizes) > MOST_SHRUNK or self.side != self.target_side:
            return {}
        (c, read), (k, written) = reader.whole(), writer.whole()
        (c, u), (k, v) = _eigen(c), _eigen(k)
        scale = c.mean() * k.mean()
        near = torch.cat([written.mT @ v, b @ v])
        moved, copied = (u.mT @ read) @ near[: len(b)], (u.mT @ a) @ near[len(b) :]
        result = {}
        for share in SHRINKING:
            m = (moved + share * scale * copied) / (c[:, None] * k + share * scale)
            left, right = low_rank(m, c, k, a.shape[1], near)
            result[f"shrunk {share:g}"] = u @ left, right @ v.mT
        return result


def _eigen(gram: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(gram.double())  # float32 may give NaN
    return values.clamp_min(0).to(gram), vectors.to(gram)


def low_rank(m: Tensor, c: Tensor, k: Tensor, rank: int, near: Tensor | None = None) -> Factors:
    """Return the factors A and B of this rank for which C^½ A B K^½ is nearest to C^½ M K^½.

    All matrices are in the eigenbases of C and K, which have the eigenvalues ``c`` and ``k``. If ``near`` is given, a
    subspace iteration that starts from its rows replaces the SVD of the whole matrix.
    """
    rows, columns = (values.sqrt() + 1e-4 * values.mean().sqrt() + 1e-20 for values in (c, k))
    weighted = rows[:, None] * m * columns
    if near is None:
        left, s, right = torch.linalg.svd(weighted, full_matrices=False)
    else:  # a decomposition of a large M takes a hundred times as long
        basis = (near * columns).mT
        for _ in range(ROUNDS):
            basis, _ = torch.linalg.qr(weighted.mT @ (weighted @ basis))
        left, s, right = torch.linalg.svd(weighted @ basis, full_matrices=False)
        right = right[:rank] @ basis.mT
    root = s[:rank].sqrt()
    return left[:, :rank] * root / rows[:, None], root[:, None] * right[:rank] / columns


def truncated(
    m: Tensor, gram: Tensor, writing: Tensor, *, rank: int | None = None, share: float | None = None
) -> tuple[Tensor, Tensor, float]:
    """Return the factors of a low-rank matrix near M, and the share of M's squared effect that it keeps.

    With the Gram matrices C of the rows r that M multiplies (``gram``) and K of the gradients of rM (``writing``), this
    effect is ‖C^½ M K^½‖². ``share`` is the least share to keep, and ``rank`` the largest rank, which takes precedence.
    """
    (c, u), (k, v) = _eigen(gram), _eigen(writing)
    inside = u.mT @ m @ v
    rows, columns = (values.sqrt() + 1e-4 * values.mean().sqrt() + 1e-20 for values in (c, k))
    energy = torch.linalg.svdvals(rows[:, None] * inside * columns).double().square()
    reached = energy.cumsum(0) / energy.sum().clamp_min(1e-300)
    least = len(energy) if share is None else int((reached < share).sum()) + 1
    r = max(1, min(least, len(energy) if rank is None else rank, len(energy)))
    a, b = low_rank(inside, c, k, r)
    return u @ a, b @ v.mT, float(reached[r - 1])
