"""What setting A.2 says about who transfers better: nobody always; input and output do for equal functions."""

from collections.abc import Iterator
from functools import partial

from ioadapt_theory.claims.proofs.argument import Step, nonnegative, proves, sympy, vanishes
from ioadapt_theory.claims.proofs.rational import discrepancies, similarity_distance
from ioadapt_theory.claims.proofs.reachable import equal


def exceeds(name: str, larger: str, smaller: str) -> bool:
    """Whether in a shipped instance one placement's exact discrepancy exceeds another's."""
    from ioadapt_theory.claims.instances import witness

    found = discrepancies(witness(name))
    return bool(found[larger] > found[smaller])


@proves("W₁W₂ = W₁'W₂': input and output discrepancies are 0, LoRA's is σ²‖AB(W₂ - W₂')‖_F², as large as one likes")
def same_function() -> Iterator[Step]:
    """The gap D₀ = 0 leaves LoRA with the part that depends on the layers alone."""
    sp = sympy()
    w1, w2, v1, v2, m = sp.symbols("W1 W2 V1 V2 M", commutative=False)
    gap = w1 * w2 - v1 * v2
    yield Step("input", equal((1 + m) * w1 * w2 - (1 + m) * v1 * v2, (1 + m) * gap))
    yield Step("output", equal(w1 * w2 * (1 + m) - v1 * v2 * (1 + m), gap * (1 + m)))
    yield Step("LoRA", equal((w1 + m) * w2 - (v1 + m) * v2, gap + m * (w2 - v2)))
    for name in ("g1", "g2"):
        yield Step(
            f"{name}: 0 = input = output < LoRA", exceeds(name, "lora", "input") and exceeds(name, "lora", "output")
        )
    r = sp.Symbol("r", positive=True)  # W₁ = W₂ = 1, W₁' = r, W₂' = 1/r, AB = 1: the same function of one variable
    scalars = ((1 + 1) * 1 - (r + 1) / r) ** 2
    yield Step(
        "unbounded: W₂' = 1/r gives (1 - 1/r)²",
        vanishes(scalars - (1 - 1 / r) ** 2) and sp.limit(scalars, r, 0) == sp.oo,
    )


@proves("(‖I + AB‖₂ + 1)sqrt(ε) <= ‖AB(W₂ - W₂')‖_F is enough for input and output to transfer no worse than LoRA")
def sufficient() -> Iterator[Step]:
    """Proposition 4 or 5 on one side, the reversed triangle inequality on the other."""
    sp = sympy()
    root, norm, slack = sp.symbols("e n g", nonnegative=True)
    lora_at_least, input_at_most = ((norm + 1) * root + slack) - root, norm * root
    yield Step(
        "‖D₀ + AB(W₂ - W₂')‖_F - ‖I + AB‖₂ sqrt(ε) >= slack >= 0",
        vanishes(lora_at_least - input_at_most - slack) and nonnegative(slack),
    )


@proves(
    "single layer, as in App. A.1: LoRA's discrepancy is σ²‖W - W'‖_F² for every AB; input and output can increase it"
)
def single_layer() -> Iterator[Step]:
    """(W + AB) - (W' + AB) = W - W'."""
    sp = sympy()
    w, v, m = sp.symbols("W V M", commutative=False)
    yield Step("LoRA", equal((w + m) - (v + m), w - v))
    yield Step("input", equal((1 + m) * w - (1 + m) * v, (1 + m) * (w - v)))
    yield Step("output", equal(w * (1 + m) - v * (1 + m), (w - v) * (1 + m)))


@proves(
    "scaling W and W' by t divides the LoRA bound and slope by t and leaves the input and output bounds as they are"
)
def bounds_do_not_rank() -> Iterator[Step]:
    """Propositions 1 and 2 measure AB in different units: absolute for LoRA, relative for input and output."""
    sp = sympy()
    t, eps = 10, sp.Rational(1, 100)
    instance = {
        "W": [[t, 0], [0, t]], "W_target": [[t, 0], [0, t]], "AB": [[0, eps], [eps, 0]], "epsilon": eps,
        "x1": [1, 0], "x2": [0, 1], "x1_target": [1, 0], "x2_target": [0, -1],
    }  # fmt: skip
    evaluate = partial(similarity_distance, instance)
    lora, inp, out = evaluate("lora"), evaluate("input"), evaluate("output")
    yield Step(
        "W = W' = 10 I, ε = 1/100: LoRA slope = its bound = .004",
        lora.first_order == lora.printed["prop-1"] == sp.Rational(4, 1000),
    )
    yield Step(
        "input and output slope = their bound = .04",
        {x.first_order for x in (inp, out)} == {inp.printed["prop-2"]} == {sp.Rational(4, 100)},
    )
