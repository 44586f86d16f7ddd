"""Random linear models of L layers, xW₁⋯W_L with one adapter (Eq. 9): S stacks of layers at once, run on samples."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.errors import InvalidValueError, UnknownNameError

Memory = dict[tuple[str, tuple[int, ...]], Tensor]
"""Buffers by name and shape."""


class LinearStack(torch.nn.Module):
    """A batch of S models with L linear layers each; ``forward`` runs samples through all of them, layer by layer."""

    def __init__(
        self,
        weights: Sequence[Tensor],
        adapter: tuple[Tensor, Tensor] | None = None,
        placement: Placement | None = None,
        layer: int | None = None,
    ) -> None:
        """Store weights W_l, which are S x n_{l−1} x n_l, and an adapter A (S x m x r), B (S x r x n).

        ``layer`` is the adapted layer; by default, as in Eq. 9, the last for output adaptation and the first otherwise.
        """
        super().__init__()
        self.weights, self.adapter, self.placement = tuple(weights), adapter, placement
        self.layer = layer if layer is not None else len(self.weights) - 1 if placement is Placement.OUTPUT else 0

    def forward(self, x: Tensor, memory: Memory | None = None) -> Tensor:
        """Return S x N x d outputs for (S x) N x c samples; a later call with the same ``memory`` overwrites them."""
        memory = {} if memory is None else memory
        for k, w in enumerate(self.weights):
            placement = self.placement if k == self.layer else None
            if placement is Placement.INPUT:
                shape = w.shape[0], *x.shape[-2:]
                x = self._add_branch(x, _buffer(memory, "copy", shape, x).copy_(x), memory)
            y = _product(x, w, memory, f"layer {k}")
            if placement is Placement.LORA:
                y = self._add_branch(x, y, memory)
            if placement is Placement.OUTPUT:
                y = self._add_branch(y, y, memory)
            x = y
        return x

    def _add_branch(self, x: Tensor, y: Tensor, memory: Memory) -> Tensor:
        assert self.adapter is not None, "a placement comes with an adapter"
        a, b = self.adapter
        return y.baddbmm_(_product(x, a, memory, "xA"), b)


def _buffer(memory: Memory, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return a buffer, reused by name and shape, as page faults in a new one would cost as much as a matrix product."""
    if (name, shape) not in memory:
        memory[name, shape] = like.new_empty(shape)
    return memory[name, shape]


def _product(x: Tensor, w: Tensor, memory: Memory, name: str) -> Tensor:
    stacks, rows = w.shape[0], x.shape[-2]
    out = _buffer(memory, name, (stacks, rows, w.shape[-1]), w)
    return torch.bmm(x.expand(stacks, *x.shape[-2:]), w, out=out)


def orthogonals(n: int, stacks: int, generator: torch.Generator) -> Tensor:
    """Return Haar-distributed orthogonal matrices, stacks x n x n."""
    q, r = torch.linalg.qr(torch.randn(stacks, n, n, generator=generator, dtype=torch.float64, device=generator.device))
    return q @ torch.diag_embed(r.diagonal(dim1=-2, dim2=-1).sign())


def gaussian(stacks: int, c: int, d: int, run: Run, generator: torch.Generator) -> Tensor:
    return torch.randn(stacks, c, d, generator=generator, dtype=torch.float64, device=generator.device) / c**0.5


def conditioned(stacks: int, c: int, d: int, run: Run, generator: torch.Generator) -> Tensor:
    """Return c x d matrices whose singular values fall geometrically from 1 to 1/condition, in random bases."""
    k = min(c, d)
    s = torch.logspace(0, -1, k, base=run.condition, dtype=torch.float64, device=generator.device)
    return (orthogonals(c, stacks, generator)[:, :, :k] * s) @ orthogonals(d, stacks, generator)[:, :k, :]


SPECTRA: dict[str, Callable[[int, int, int, Run, torch.Generator], Tensor]] = {
    "gaussian": gaussian,
    "conditioned": conditioned,
}
PAIRS = {"independent": None, "gauge": 0.0, "near-gauge": 1e-2}
"""Relative noise in the target's layers W₁R₁, R₁⁻¹W₂R₂, …; None for a target that is drawn independently."""


NARROWEST, WIDEST = 1, 10_000


def widths(run: Run) -> tuple[int, ...]:
    """Return the widths of the stack, inputs first.

    By default, neighbouring widths differ, so that an accidental transpose raises an error.

    Returns:
        The width of the inputs, then the output width of each layer.

    Raises:
        InvalidValueError: the number of widths does not fit the depth, or a width is below 1 or above 10000.
    """
    if run.widths is None:
        return (8, *(10 + 2 * (k % 2) for k in range(run.depth - 1)), 6)
    if wrong := [width for width in run.widths if not NARROWEST <= width <= WIDEST]:
        msg = f"Widths must be from {NARROWEST} to {WIDEST:,}, not {wrong[0]:,}."
        raise InvalidValueError(msg)
    if len(run.widths) != run.depth + 1:
        msg = f"A stack of depth {run.depth} must have {run.depth + 1} widths, not {len(run.widths)}."
        raise InvalidValueError(msg)
    return run.widths


def check(run: Run) -> None:
    """Raise an error for settings with which no stacks can be drawn.

    Raises:
        UnknownNameError: unknown spectrum or pair.
        InvalidValueError: widths that do not fit, or a gauge of a single layer.
    """
    if run.spectrum not in SPECTRA:
        raise UnknownNameError("spectrum", run.spectrum, SPECTRA)
    if run.pair not in PAIRS:
        raise UnknownNameError("pair", run.pair, PAIRS)
    widths(run)
    if PAIRS[run.pair] == 0 and run.depth == 1:
        msg = f"The pair {run.pair!r} needs a depth of at least 2, since one layer's function determines its weights."
        raise InvalidValueError(msg)


def drawn(run: Run) -> Run:
    """Return ``run`` with the settings on which the drawn stacks depend; all others have their defaults."""
    pinned = run.only("seed", "depth", "rank", "spectrum", "pair", "device")
    condition = run.condition if run.spectrum == "conditioned" else Run().condition
    return replace(pinned, widths=widths(run), condition=condition)


def _insist_on_two_models(source: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    """Raise InvalidValueError if any target equals its source, since their distance of 0 satisfies every bound."""
    same = torch.stack([(a == b).flatten(1).all(1) for a, b in zip(source, target, strict=True)]).all(0)
    if same.any():
        msg = f"Source and target are the same model in {int(same.sum())} of {len(same)} stacks; choose larger widths."
        raise InvalidValueError(msg)


def draw(
    stacks: int, placement: Placement | None, run: Run, generator: torch.Generator, layer: int | None = None
) -> tuple[LinearStack, LinearStack]:
    """Return sources and targets with the same adapters, if any; raise an error if a target equals its source."""
    check(run)
    layers = list(pairwise(widths(run)))
    source = [SPECTRA[run.spectrum](stacks, c, d, run, generator) for c, d in layers]
    noise = PAIRS[run.pair]
    if noise is None:
        target = [SPECTRA[run.spectrum](stacks, c, d, run, generator) for c, d in layers]
    else:
        target = gauged(source, noise, generator)
    _insist_on_two_models(source, target)
    if placement is None:
        return LinearStack(source), LinearStack(target)
    at = layer if layer is not None else run.depth - 1 if placement is Placement.OUTPUT else 0
    c, d = layers[at]
    m, k = {Placement.LORA: (c, d), Placement.INPUT: (c, c), Placement.OUTPUT: (d, d)}[placement]
    adapter = gaussian(stacks, m, run.rank, run, generator), gaussian(stacks, run.rank, k, run, generator)
    return LinearStack(source, adapter, placement, at), LinearStack(target, adapter, placement, at)


def gauged(source: Sequence[Tensor], noise: float, generator: torch.Generator) -> list[Tensor]:
    """Return layers R_{l−1}⁻¹W_lR_l, which compute the source's function, plus noise of relative size ``noise``.

    R_l is random, with singular values from 2 to ½; at the inputs and the outputs it is I.
    """
    target, inverse = list[Tensor](), None
    for w in source:
        stacks, _, n = w.shape
        left = w if inverse is None else inverse @ w
        scale = torch.logspace(1, -1, n, base=2, dtype=w.dtype, device=w.device)
        u, v = orthogonals(n, stacks, generator), orthogonals(n, stacks, generator)
        last = w is source[-1]
        changed = left if last else left @ (u * scale) @ v
        inverse = v.mT @ (u / scale).mT
        bump = torch.randn(changed.shape, generator=generator, dtype=w.dtype, device=w.device)
        size = changed.square().mean((-2, -1), keepdim=True).sqrt()
        target.append(changed.add(noise * size * bump))
    return target
