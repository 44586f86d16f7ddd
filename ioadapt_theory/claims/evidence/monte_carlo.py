"""Monte-Carlo as the propositions are stated: samples x ~ N(0, σ²I) run through random linear stacks.

‖xD‖² for x ~ N(0, σ²I) is a sum of χ² weighted by the squared singular values of D, so the law of a sample mean is
known: its intervals are those of the normal law, which it is near for many samples, and a single stack is judged by
the bound of Laurent and Massart (2000, Lemma 1), which holds for every N. Stacks draw their own samples, so that all
together say more than one (``findings.contradictions``).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq
from ioadapt_theory.claims.claim import Claim, Run, Strategy
from ioadapt_theory.claims.evidence.findings import FALSE_ALARM, LEVEL, UNIT, Evidence, Finding, json_ratio
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import SharedFunction
from ioadapt_theory.claims.settings.stacks import LinearStack, Memory, draw, drawn, orthogonals
from ioadapt_theory.errors import InvalidValueError

STACKS_A_PART = 32
BLOCK = 1 << 16
"""Numbers in one block of activations: half a MB, so that a block stays in the cache and the memory flat."""
ROUNDING = 1e-11
"""Relative; a few products of well-scaled float64 matrices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Sample mean of ‖xD‖² for every stack, x ~ N(0, I), with what is known of its law."""

    mean: Tensor  # sample mean, S
    weights: Tensor  # squared singular values of D, S x r
    samples: int  # N

    @property
    def variance(self) -> Tensor:
        """2‖DDᵀ‖_F² of one sample, S."""
        return 2 * self.weights.square().sum(-1)

    def interval(self) -> tuple[Tensor, Tensor]:
        """Return where ‖D‖_F² is, for any multiple of this D: the mean over normal quantiles; 0 for D = 0.

        With 65,536 samples the ends are within 0.4 % of a half width of the exact ones, a mixture of χ². With few
        samples there may be no upper end.
        """
        total = self.weights.sum(-1).clamp(min=torch.finfo(self.weights.dtype).tiny)
        spread = NormalDist().inv_cdf((1 + LEVEL) / 2) * (self.variance / self.samples).sqrt() / total
        return self.mean / (1 + spread), torch.where(spread < 1, self.mean / (1 - spread), math.inf)

    def margin(self, probability: float) -> Tensor:
        """Two-sided: |mean − E| ≥ margin has at most this probability, for every N (Laurent and Massart)."""
        t = math.log(2 / probability) / self.samples
        return (2 * t * self.variance).sqrt() + 2 * t * self.weights.amax(-1)


def mean_distance(source: LinearStack, target: LinearStack, samples: int, generator: torch.Generator) -> Tensor:
    """Return the mean over x ~ N(0, I) of ‖source(x) − target(x)‖² for every stack, each on samples of its own."""
    first = source.weights[0]
    stacks, c = first.shape[:2]
    widest = max(w.shape[-1] for w in (*source.weights, *target.weights))
    rows = max(1, min(samples, BLOCK // (stacks * max(widest, c))))
    memories: tuple[Memory, Memory] = ({}, {})
    total = torch.zeros(stacks, dtype=torch.float64, device=first.device)
    for begin in range(0, samples, rows):
        n = min(rows, samples - begin)
        x = torch.randn(stacks, n, c, generator=generator, dtype=first.dtype, device=generator.device)
        difference = source(x, memories[0]).sub_(target(x, memories[1])).flatten(1)
        total += torch.linalg.vector_norm(difference, dim=1).square()
    return total / samples


def composite(source: LinearStack, target: LinearStack) -> SharedFunction:
    """Return the stacks as an instance of App. A.2: W₁, and the product of the later layers as W₂; σ = 1."""

    def two_layers(stack: LinearStack) -> tuple[Tensor, Tensor]:
        first, *rest = stack.weights
        n = first.shape[-1]
        eye = torch.eye(n, dtype=first.dtype, device=first.device).expand(first.shape[0], n, n)
        return first, reduce(torch.matmul, rest, eye)

    ab = source.adapter[0] @ source.adapter[1] if source.adapter else None
    (w1, w2), (w1_target, w2_target) = two_layers(source), two_layers(target)
    return SharedFunction(
        w1=w1, w2=w2, w1_target=w1_target, w2_target=w2_target, sigma=torch.ones_like(w1[:, 0, 0]), ab=ab
    )


def estimate(source: LinearStack, target: LinearStack, samples: int, generator: torch.Generator) -> Estimate:
    """Run the samples; the law of ‖xD‖² is taken from D, which the models give on the basis vectors."""
    basis = torch.eye(source.weights[0].shape[1], dtype=torch.float64, device=source.weights[0].device)
    weights = torch.linalg.svdvals(source(basis) - target(basis)).square()
    return Estimate(mean=mean_distance(source, target, samples, generator), weights=weights, samples=samples)


@dataclass(frozen=True, slots=True)
class StackMonteCarlo(Strategy):
    """Run samples through random stacks; a mean that the bound or the closed form cannot explain refutes."""

    placement: Placement | None
    layer: int | None = None
    kind: Evidence = Evidence.MONTE_CARLO

    def parts(self, run: Run) -> int:
        """Return how many parts of at most 32 stacks there are: cost is linear and memory flat."""
        return -(-run.stacks // STACKS_A_PART)

    def pinned(self, run: Run, part: int) -> Run:
        """Return how stacks are drawn, the samples, and how many stacks there are up to this part."""
        return replace(drawn(run), samples=run.samples, stacks=min(run.stacks, (part + 1) * STACKS_A_PART))

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Compare every stack's mean with its closed form and its bound, and all of them together."""
        stacks = min(STACKS_A_PART, run.stacks - part * STACKS_A_PART)
        generator = seeded(run, claim.id, self.kind, part, stacks, device=run.device)
        source, target = draw(stacks, self.placement, run, generator, self.layer)
        instance = composite(source, target)
        closed, bound = claim.inequality.lhs(instance), claim.inequality.rhs(instance)
        means = estimate(source, target, run.samples, generator)
        noise = rounding(instance)
        margin = means.margin(FALSE_ALARM) + noise
        refutes = set()
        if not ((means.mean - closed).abs() <= margin).all():
            refutes.add("a sample mean contradicts the closed form")
        if not (means.mean - margin <= bound).all():
            refutes.add("a sample mean exceeds the bound")
        ratio = ((means.mean - margin) / bound).nan_to_num(0.0).clamp(min=0)
        k = int(ratio.argmax())
        return Finding(
            kind=self.kind,
            instances=len(ratio),
            worst_ratio=float(ratio[k]),
            worst=claim.inequality.setting.dump(instance, k),
            refutes=frozenset(refutes),
            counts=together(means, closed, bound, noise),
        )


def together(means: Estimate, closed: Tensor, bound: Tensor, noise: Tensor) -> dict[str, int]:
    """Return what the stacks say together, as counts that add up (``findings.contradictions``).

    Stacks whose models are one function up to rounding have no law to be judged by; ``covering`` of the ``intervals``
    contain the closed form, which refutes nothing.
    """

    def fixed(values: Tensor) -> int:
        return sum(round(x * UNIT) for x in values.tolist())

    judged = (closed > noise) & (bound > noise) & (means.weights.sum(-1) > noise)
    n, mean = means.samples, means.mean[judged]
    weights = means.weights[judged] / means.weights[judged].sum(-1, keepdim=True)
    low, high = means.interval()
    return {
        "samples": n * len(means.mean),
        "judged": n * len(mean),
        "excess": fixed(n * (mean / closed[judged] - 1)),
        "excess_of_bound": fixed(n * (mean / bound[judged] - 1)),
        "variance": fixed(2 * n * weights.square().sum(-1)),
        "intervals": len(means.mean),
        "covering": int(((low - noise <= closed) & (closed <= high + noise)).sum()),
    }


def instance_estimate(claim: Claim, raw: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Return the mean over samples run through the models of an instance file, its interval, level and N."""
    strategy = next((s for s in claim.strategies if isinstance(s, StackMonteCarlo)), None)
    if strategy is None:
        msg = f"{claim.id} is not an expectation over samples, so it takes no --samples."
        raise InvalidValueError(msg)
    exact = claim.inequality.setting.read(raw)
    letters = {name: getattr(exact, name) for name in ("w1", "w2", "w1_target", "w2_target", "ab")}
    tensors = {
        name: torch.tensor(x.astype(float), device=run.device)[None] for name, x in letters.items() if x is not None
    }
    adapter = None
    if strategy.placement is not None:
        n = tensors["ab"].shape[-1]
        adapter = tensors["ab"], torch.eye(n, dtype=torch.float64, device=run.device)[None]
    source, target = (
        LinearStack([tensors[f"w1{t}"], tensors[f"w2{t}"]], adapter, strategy.placement, strategy.layer)
        for t in ("", "_target")
    )
    means = estimate(source, target, run.samples, seeded(run, claim.id, "instance", device=run.device))
    low, high = means.interval()
    shown = {"mean": means.mean, "low": low, "high": high}
    scale = float(exact.sigma) ** 2
    return {name: json_ratio(scale * float(x)) for name, x in shown.items()} | {"level": LEVEL, "samples": run.samples}


def rounding(instance: SharedFunction) -> Any:
    """Return what float64 leaves of a distance that is zero, as it is between models of the same function."""
    scale = frobenius_sq(instance.w1) * frobenius_sq(instance.w2)
    scale = scale + frobenius_sq(instance.w1_target) * frobenius_sq(instance.w2_target)
    grown = 1 if instance.ab is None else (1 + frobenius_sq(instance.ab)) * (1 + frobenius_sq(instance.w2))
    return 1e-26 * scale * grown


@dataclass(frozen=True, slots=True)
class ExactValue(Strategy):
    """Run the adapted models on an orthonormal basis and compare with the closed form; a difference refutes.

    The expectation is σ²‖D‖_F² for any scaled orthonormal basis, so c runs give it.
    """

    placement: Placement
    value: Callable[[SharedFunction], Array]
    kind: Evidence = Evidence.RANDOM

    def pinned(self, run: Run, part: int) -> Run:
        """Return how stacks are drawn, and their number."""
        return replace(drawn(run), instances=run.instances)

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Compare on every stack; ``worst_ratio`` is 1 + the largest relative difference, if that is not rounding."""
        generator = seeded(run, claim.id, self.kind, device=run.device)
        source, target = draw(run.instances, self.placement, run, generator)
        basis = orthogonals(source.weights[0].shape[1], 1, generator)[0]
        by_running = (source(basis) - target(basis)).square().sum((-2, -1))
        closed = self.value(composite(source, target))
        scale = torch.maximum(by_running, closed)
        error = torch.where(scale == 0, 0.0, (by_running - closed).abs() / scale)  # NaN agrees with nothing
        worst = float(error.max())
        refutes = frozenset([f"relative difference {worst:.1e}"] if not worst <= ROUNDING else [])
        return Finding(kind=self.kind, instances=len(error), worst_ratio=1 + worst if refutes else 1.0, refutes=refutes)
