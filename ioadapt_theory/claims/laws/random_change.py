"""Linear stacks whose layers change independently: the mean effect of an adapter on the target.

The source's layers are W₁, W₂, W₃, and the adapter M acts at the middle one. A target layer is s(ρW + √(1 − ρ²)N),
where W and N are random, or W + H with a given W and random H. The share of the mean gain that is kept is 2c − q, with
c = E⟨e, e'⟩/E‖e‖² and q = E‖e'‖²/E‖e‖²; the mean of the shares is something else. LoRA's path omits its own layer.
"""

from functools import reduce
from operator import mul

from ioadapt_theory.claims.language import *

M = matrix("m")
LAYERS, NEW, NOISE = (tuple(matrix(f"{x}{k}") for k in (1, 2, 3)) for x in "wnh")
RHO, SCALE, VARIANCE, NOISE_VARIANCE = (tuple(scalar(f"{x}{k}") for k in (1, 2, 3)) for x in ("rho", "s", "v", "u"))
SIDES = {LORA: ("p", "q"), INPUT: ("p", "p"), OUTPUT: ("q", "q")}
SIZES = {"n": 1, "p": 2, "q": 3, "o": 1}


def effect(placement: Placement, layers: tuple[Term, ...]) -> Term:
    """Return the effect of the adapter M on the middle layer, for the rows of I as inputs."""
    first, own, last = layers
    return {LORA: first @ M @ last, INPUT: first @ M @ own @ last, OUTPUT: first @ own @ M @ last}[placement]


def path(placement: Placement) -> tuple[int, ...]:
    return (0, 2) if placement is LORA else (0, 1, 2)


def setting(placement: Placement, *more: str, letters: str) -> Setting:
    shapes = ("n p", "p q", "q o")
    axes = {f"{x}{k + 1}": shapes[k] for x in letters for k in path(placement)} | {"M": " ".join(SIDES[placement])}
    axes |= {f"{x}{k + 1}": "" for x in more for k in path(placement)}
    return matrices(f"random layers, {placement}", axes, SIZES, meanings={
        "N1": "new weights", "H1": "noise", "M": "the adapter",
        "rho1": "cosine of the weights", "s1": "ratio of the weights' sizes", "v1": "variance of the entries",
        "u1": "variance of the noise"})  # fmt: skip


def random_source(placement: Placement) -> Claim:
    on = path(placement)
    target = tuple(s * (r * w + sqrt(1 - r**2) * n) for w, n, r, s in zip(LAYERS, NEW, RHO, SCALE, strict=True))
    source, there = effect(placement, LAYERS), effect(placement, target)
    laws = {x[k].name: VARIANCE[k] for k in on for x in (LAYERS, NEW)}
    size = mean(fro(source) ** 2, **{LAYERS[k].name: VARIANCE[k] for k in on})
    made = setting(placement, "rho", "s", "v", letters="WN")
    return Claim(
        id="effect-random-source" + ("" if placement is LORA else f"-{placement}"), source=BEYOND,
        reading=f"{placement}, a random source and a random target, any adapter",
        amends=None if placement is LORA else "effect-random-source",
        concludes=(
            mean(inner(source, there), **laws).equals(reduce(mul, (x[k] for k in on for x in (RHO, SCALE))) * size),
            mean(fro(there) ** 2, **laws).equals(reduce(mul, (SCALE[k] ** 2 for k in on)) * size),
        ),
        proofs=(Expanded(),),
        setting=made.parametrised(lambda i: {RHO[k].name: (-getattr(i, RHO[k].name)).exp() for k in on}),
        strategies=(RandomInstances(most=20 if placement is LORA else 2),),
    )  # fmt: skip


def fixed_source() -> Claim:
    source, there = effect(LORA, LAYERS), effect(LORA, tuple(w + h for w, h in zip(LAYERS, NOISE, strict=True)))
    laws = {NOISE[k].name: NOISE_VARIANCE[k] for k in (0, 2)}
    inputs, outputs = rows(LAYERS[0]), rows(transpose(LAYERS[2]))
    square = fro(source) ** 2 + NOISE_VARIANCE[2] * outputs * fro(LAYERS[0] @ M) ** 2
    square = square + NOISE_VARIANCE[0] * inputs * (fro(M @ LAYERS[2]) ** 2 + NOISE_VARIANCE[2] * outputs * fro(M) ** 2)
    return Claim(
        id="effect-fixed-source", source=BEYOND,
        reading="LoRA, a given source and noise H on the other layers of the target", amends="effect-random-source",
        concludes=(
            mean(inner(source, there), **laws).equals(fro(source) ** 2), mean(fro(there) ** 2, **laws).equals(square),
        ),
        proofs=(Expanded(),), setting=setting(LORA, "u", letters="WH"), strategies=(RandomInstances(most=20),),
    )  # fmt: skip


CLAIMS = (*map(random_source, Placement), fixed_source())
