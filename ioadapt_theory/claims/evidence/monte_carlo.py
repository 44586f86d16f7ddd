"""Monte Carlo tests of the propositions of App. A.2: samples x ~ N(0, I) run through random stacks of linear layers.

The difference of two linear models is a matrix D. For x ~ N(0, I), ‖xD‖² is a sum of χ² variables weighted by the
squared singular values of D. So the distribution of a sample mean is known, and each pair of stacks is tested by the
bound of Laurent and Massart (2000, Lemma 1), which holds for every number N of samples. The samples of all pairs are
independent and are also tested together (``findings.contradictions``).
"""

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import frobenius_sq
from ioadapt_theory.claims.claim import Claim, Run, Strategy
from ioadapt_theory.claims.evidence.findings import FALSE_ALARM, UNIT, Evidence, Finding
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import SharedFunction
from ioadapt_theory.claims.settings.stacks import LinearStack, Memory, draw, drawn

STACKS_A_PART = 32
BLOCK = 1 << 16
"""Number of values in one block of activations: 512 KiB, which fits into the cache and bounds the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Sample means of ‖xD‖² over x ~ N(0, I) for S pairs of models, each with its own difference D."""

    mean: Tensor  # sample means, shape S
    weights: Tensor  # squared singular values of D, shape S x number of singular values
    samples: int  # number of samples x of each pair

    @property
    def variance(self) -> Tensor:
        """Variance of ‖xD‖² for one x, 2‖DDᵀ‖_F², for each of the S pairs of models."""
        return 2 * self.weights.square().sum(-1)

    def margin(self, probability: float) -> Tensor:
        """Return, for each pair, a bound that |mean − E mean| exceeds with at most this probability."""
        t = math.log(2 / probability) / self.samples
        return (2 * t * self.variance).sqrt() + 2 * t * self.weights.amax(-1)


def mean_distance(one: LinearStack, other: LinearStack, samples: int, generator: torch.Generator) -> Tensor:
    """Return the mean of ‖one(x) − other(x)‖² over ``samples`` independent x ~ N(0, I), for every pair of stacks."""
    first, *_ = one.weights
    stacks, c, _ = first.shape
    rows = max(1, BLOCK // (stacks * max(c, *(w.shape[-1] for w in one.weights))))
    memories: tuple[Memory, Memory] = ({}, {})
    total = torch.zeros(stacks, dtype=torch.float64, device=first.device)
    for begin in range(0, samples, rows):
        n = min(rows, samples - begin)
        x = torch.randn(stacks, n, c, generator=generator, dtype=first.dtype, device=generator.device)
        difference = one(x, memories[0]).sub_(other(x, memories[1])).flatten(1)
        total += torch.linalg.vector_norm(difference, dim=1).square()
    return total / samples


def composite(source: LinearStack, target: LinearStack) -> SharedFunction:
    """Return S pairs of stacks as S instances of App. A.2, with σ = 1 and the product of the later layers as W₂."""

    def two_layers(stack: LinearStack) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        first, *rest = stack.weights
        n = first.shape[-1]
        eye = torch.eye(n, dtype=first.dtype, device=first.device).expand(first.shape[0], n, n)
        ab = stack.adapter and torch.matmul(*stack.adapter)
        return first, reduce(torch.matmul, rest, eye), ab, first.new_ones(len(first))

    (w1, w2, ab, sigma), (w1_target, w2_target, *_) = two_layers(source), two_layers(target)
    return SharedFunction(w1=w1, w2=w2, w1_target=w1_target, w2_target=w2_target, sigma=sigma, ab=ab)


def estimate(one: LinearStack, other: LinearStack, samples: int, generator: torch.Generator) -> Estimate:
    """Estimate E‖one(x) − other(x)‖² over x ~ N(0, I); the matrix D of each pair is found from the basis vectors."""
    first, *_ = one.weights
    basis = torch.eye(first.shape[1], dtype=first.dtype, device=first.device)
    weights = torch.linalg.svdvals(one(basis) - other(basis)).square()
    return Estimate(mean=mean_distance(one, other, samples, generator), weights=weights, samples=samples)


@dataclass(frozen=True, slots=True)
class StackMonteCarlo(Strategy):
    """A test on random stacks: it refutes a claim if sample means contradict the left side or exceed the right one."""

    placement: Placement | None
    layer: int | None = None
    kind: Evidence = Evidence.MONTE_CARLO

    def parts(self, run: Run) -> int:
        """Return the number of parts; each has at most 32 pairs of stacks, so that the memory is bounded."""
        return -(-run.stacks // STACKS_A_PART)

    def pinned(self, run: Run, part: int) -> Run:
        """Return ``run`` with only the settings that affect this part; ``stacks`` counts those up to its end."""
        return replace(drawn(run), samples=run.samples, stacks=min(run.stacks, (part + 1) * STACKS_A_PART))

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
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
    """Return the statistics of all pairs of stacks, as integers to be added up for ``findings.contradictions``.

    Pairs whose two models are the same function up to rounding are not tested.
    """

    def fixed(values: Tensor) -> int:
        return sum(round(x * UNIT) for x in values.tolist())

    judged = (closed > noise) & (bound > noise) & (means.weights.sum(-1) > noise)
    n, mean = means.samples, means.mean[judged]
    weights = means.weights[judged] / means.weights[judged].sum(-1, keepdim=True)
    return {
        "samples": n * len(means.mean),
        "judged": n * len(mean),
        "excess": fixed(n * (mean / closed[judged] - 1)),
        "excess_of_bound": fixed(n * (mean / bound[judged] - 1)),
        "variance": fixed(2 * n * weights.square().sum(-1)),
    }


def rounding(instance: SharedFunction) -> Any:
    """Return an estimate of the rounding error in a squared distance that should be zero."""
    models = (instance.w1, instance.w2), (instance.w1_target, instance.w2_target)
    size = sum(frobenius_sq(w1) * (1 + frobenius_sq(w2)) for w1, w2 in models)  # of W₁W₂ and of W₁AB
    return 1e-26 * size * (1 if instance.ab is None else 1 + frobenius_sq(instance.ab))
