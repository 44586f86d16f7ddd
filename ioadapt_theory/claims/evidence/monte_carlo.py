"""Monte-Carlo as the propositions are stated: samples x ~ N(0, σ²I) run through random linear stacks.

‖xD‖² for x ~ N(0, σ²I) is a sum of χ² weighted by the squared singular values of D, so the law of a sample mean is
known: its intervals are those of the normal law, which it is near for many samples, and a single stack is judged by
the bound of Laurent and Massart (2000, Lemma 1), which holds for every N. Stacks draw their own samples, so that all
together say more than one (``sampled``).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import frobenius_sq
from ioadapt_theory.claims.claim import Claim, Run
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, json_ratio
from ioadapt_theory.claims.evidence.sampled import FALSE_ALARM, LEVEL, UNIT, Sampled
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import SharedFunction
from ioadapt_theory.claims.settings.stacks import LinearStack, Memory, draw, drawn
from ioadapt_theory.errors import InvalidValueError

STACKS_A_PART = 32
BLOCK = 1 << 16
"""Numbers in one block of activations: half a MB, so that a block stays in the cache and the memory flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Sample mean of ‖xD‖² for every stack, x ~ N(0, I), with what is known of its law.

    Attributes:
        mean: sample mean, S.
        weights: squared singular values of D, S x r.
        samples: N.
    """

    mean: Tensor
    weights: Tensor
    samples: int

    @property
    def variance(self) -> Tensor:
        """2‖DDᵀ‖_F² of one sample, S."""
        return 2 * self.weights.square().sum(-1)

    def interval(self, level: float = LEVEL) -> tuple[Tensor, Tensor]:
        """Return where ‖D‖_F² is, for any multiple of this D: the mean over normal quantiles; 0 for D = 0.

        With 65,536 samples the ends are within 0.4 % of a half width of the exact ones, a mixture of χ². With few
        samples there may be no upper end.
        """
        total = self.weights.sum(-1).clamp(min=torch.finfo(self.weights.dtype).tiny)
        spread = NormalDist().inv_cdf((1 + level) / 2) * (self.variance / self.samples).sqrt() / total
        return self.mean / (1 + spread), torch.where(spread < 1, self.mean / (1 - spread), math.inf)

    def covers(self, value: Tensor, rounding: Tensor) -> int:
        """How many of the intervals contain the value."""
        low, high = self.interval()
        return int(((low - rounding <= value) & (value <= high + rounding)).sum())

    def margin(self, probability: float) -> Tensor:
        """Two-sided: |mean − E| ≥ margin has at most this probability, for every N (Laurent and Massart)."""
        t = math.log(2 / probability) / self.samples
        return (2 * t * self.variance).sqrt() + 2 * t * self.weights.amax(-1)


def mean_distance(source: LinearStack, target: LinearStack, samples: int, generator: torch.Generator) -> Tensor:
    """Sample mean over x ~ N(0, I) of ‖source(x) − target(x)‖² for every stack, each on samples of its own."""
    first = source.weights[0]
    stacks, c = first.shape[:2]
    widest = max(w.shape[-1] for w in (*source.weights, *target.weights))
    rows = max(1, min(samples, BLOCK // (stacks * max(widest, c))))
    kept: tuple[Memory, Memory] = ({}, {})
    total = torch.zeros(stacks, dtype=torch.float64, device=first.device)
    for begin in range(0, samples, rows):
        n = min(rows, samples - begin)
        x = torch.randn(stacks, n, c, generator=generator, dtype=first.dtype, device=generator.device)
        difference = source(x, kept[0]).sub_(target(x, kept[1])).flatten(1)
        total += torch.linalg.vector_norm(difference, dim=1).square()
    return total / samples


def composite(source: LinearStack, target: LinearStack) -> SharedFunction:
    """The stacks as an instance of App. A.2: W₁, and the product of the later layers as W₂; σ = 1."""
    ab = source.adapter[0] @ source.adapter[1] if source.adapter else None
    (w1, w2), (w1_target, w2_target) = (_two_layers(stack) for stack in (source, target))
    return SharedFunction(
        w1=w1, w2=w2, w1_target=w1_target, w2_target=w2_target, sigma=torch.ones_like(w1[:, 0, 0]), ab=ab
    )


def _two_layers(stack: LinearStack) -> tuple[Tensor, Tensor]:
    first, *rest = stack.weights
    n = first.shape[-1]
    eye = torch.eye(n, dtype=first.dtype, device=first.device).expand(first.shape[0], n, n)
    return first, reduce(torch.matmul, rest, eye)


def estimate(source: LinearStack, target: LinearStack, samples: int, generator: torch.Generator) -> Estimate:
    """Run the samples; the law of ‖xD‖² is taken from D, which the models give on the basis vectors."""
    basis = torch.eye(source.weights[0].shape[1], dtype=torch.float64, device=source.weights[0].device)
    weights = torch.linalg.svdvals(source(basis) - target(basis)).square()
    return Estimate(mean=mean_distance(source, target, samples, generator), weights=weights, samples=samples)


@dataclass(frozen=True, slots=True)
class StackMonteCarlo:
    """Run samples through random stacks; a mean that the bound or the closed form cannot explain refutes."""

    placement: Placement | None
    layer: int | None = None
    kind: Evidence = Evidence.MONTE_CARLO

    def parts(self, run: Run) -> int:
        """A part has at most 32 stacks, whatever their number: cost is linear and memory flat."""
        return -(-run.stacks // STACKS_A_PART)

    def pinned(self, run: Run, part: int) -> Run:
        """How stacks are drawn, the samples, and how many stacks there are up to this part."""
        return replace(drawn(run), samples=run.samples, stacks=min(run.stacks, (part + 1) * STACKS_A_PART))

    def sides(self, claim: Claim, run: Run, part: int) -> tuple[Estimate, SharedFunction, Tensor, Tensor]:
        """Estimate, instances, closed form and bound for the stacks of one part."""
        stacks = min(STACKS_A_PART, run.stacks - part * STACKS_A_PART)
        generator = seeded(run, claim.id, self.kind, part, stacks, device=run.device)
        source, target = draw(stacks, self.placement, run, generator, self.layer)
        instance = composite(source, target)
        closed, bound = claim.inequality.lhs(instance), claim.inequality.rhs(instance)
        return estimate(source, target, run.samples, generator), instance, closed, bound

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Compare every stack's mean with its closed form and its bound, and all of them together."""
        found, instance, closed, bound = self.sides(claim, run, part)
        noise = rounding(instance)
        margin = found.margin(FALSE_ALARM) + noise
        refutes = set()
        if not ((found.mean - closed).abs() <= margin).all():
            refutes.add("a sample mean contradicts the closed form")
        if not (found.mean - margin <= bound).all():
            refutes.add("a sample mean exceeds the bound")
        together = sampled(found, closed, bound, noise)
        ratio = ((found.mean - margin) / bound).nan_to_num(0.0).clamp(min=0)
        k = int(ratio.argmax())
        return Finding(
            kind=self.kind,
            instances=len(ratio),
            worst_ratio=float(ratio[k]),
            worst=claim.inequality.setting.dump(instance, k),
            refutes=together.contradictions() | refutes,
            sampled=together,
        )

    def rows(self, claim: Claim, run: Run) -> Iterator[dict[str, Any]]:
        """For every stack: closed form, bound, sample mean and its interval."""
        for part in range(self.parts(run)):
            found, _, closed, bound = self.sides(claim, run, part)
            low, high = found.interval()
            columns = {"closed_form": closed, "bound": bound, "mean": found.mean, "low": low, "high": high}
            for values in zip(*(column.tolist() for column in columns.values()), strict=True):
                yield {name: json_ratio(x) for name, x in zip(columns, values, strict=True)}


def sampled(found: Estimate, closed: Tensor, bound: Tensor, noise: Tensor) -> Sampled:
    """What the stacks say together; those whose models are one function up to rounding have no law to be judged by."""
    judged = (closed > noise) & (bound > noise) & (found.weights.sum(-1) > noise)
    n, mean = found.samples, found.mean[judged]
    weights = found.weights[judged] / found.weights[judged].sum(-1, keepdim=True)
    return Sampled(
        samples=n * len(found.mean),
        judged=n * len(mean),
        excess=fixed(n * (mean / closed[judged] - 1)),
        excess_of_bound=fixed(n * (mean / bound[judged] - 1)),
        variance=fixed(2 * n * weights.square().sum(-1)),
        intervals=len(found.mean),
        covering=found.covers(closed, noise),
    )


def fixed(values: Tensor) -> int:
    """The sum, in units of 2⁻²⁰."""
    return sum(round(x * UNIT) for x in values.tolist())


def instance_estimate(claim: Claim, raw: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Samples run through the models of an instance file: mean, interval, its level and N.

    Raises:
        InvalidValueError: the claim is not an expectation over samples.
    """
    strategy = next((s for s in claim.strategies if isinstance(s, StackMonteCarlo)), None)
    if strategy is None:
        msg = f"{claim.id} is not an expectation over samples, so it takes no --samples."
        raise InvalidValueError(msg)
    exact = claim.inequality.setting.read(raw)
    letters = {name: getattr(exact, name) for name in ("w1", "w2", "w1_target", "w2_target", "ab")}
    tensors = {
        name: torch.tensor(value.astype(float), device=run.device)[None]
        for name, value in letters.items()
        if value is not None
    }
    adapter = None
    if strategy.placement is not None:
        n = tensors["ab"].shape[-1]
        adapter = tensors["ab"], torch.eye(n, dtype=torch.float64, device=run.device)[None]
    source, target = (
        LinearStack([tensors[f"w1{t}"], tensors[f"w2{t}"]], adapter, strategy.placement, strategy.layer)
        for t in ("", "_target")
    )
    found = estimate(source, target, run.samples, seeded(run, claim.id, "instance", device=run.device))
    scale = float(exact.sigma) ** 2
    low, high = found.interval()
    values = {"mean": found.mean, "low": low, "high": high}
    return {
        **{name: json_ratio(scale * float(x)) for name, x in values.items()},
        "level": LEVEL,
        "samples": run.samples,
    }


def rounding(instance: SharedFunction) -> Any:
    """What float64 leaves of a distance that is zero, as it is between models of the same function."""
    scale = frobenius_sq(instance.w1) * frobenius_sq(instance.w2)
    scale = scale + frobenius_sq(instance.w1_target) * frobenius_sq(instance.w2_target)
    grown = 1 if instance.ab is None else (1 + frobenius_sq(instance.ab)) * (1 + frobenius_sq(instance.w2))
    return 1e-26 * scale * grown
