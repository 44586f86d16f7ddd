"""An error planted in a proof, or in a statement, is found: signs, factors of two, a transposed W, swapped placements.

The file that states the claim is changed in a copy; one of the arguments of the claim then has to fail.
"""

import importlib
import inspect
import sys

import pytest

PLANTED = [  # module, claim, what is replaced, by what
    (
        "statements.lemma_1",
        "lemma-1-remainder",
        "one = s * (x - 1) + w * y * (1 - r)",
        "one = s * (x - 1) - w * y * (1 - r)",
    ),
    (
        "statements.lemma_1",
        "lemma-1-remainder",
        "rho_sq = 1 + r**2 - 2 * r * x\n    inside",
        "rho_sq = 1 + r**2 - r * x\n    inside",
    ),
    ("statements.lemma_1", "lemma-1-remainder", "turns = 2 * f**2 + 2 * g**2", "turns = f**2 + g**2"),
    ("statements.lemma_1", "lemma-1-remainder", "REMAINDER = abs(R) <= (3 +", "REMAINDER = abs(R) <= (4 +"),
    ("statements.lemma_1", "lemma-1-sharp", "sim(u, v) / norm(u) ** 2 * u", "sim(u, v) / norm(u) * u"),
    (
        "statements.lemma_1",
        "lemma-1-sharp",
        'sine(U, V, "s") * (RHO_U + RHO_V)',
        'sine(U, V, "s") * (RHO_U + 2 * RHO_V)',
    ),
    ("statements.lemma_1", "lemma-1-angle", "sp.asin(f) + sp.asin(g)", "sp.asin(f) + g"),
    ("statements.lemma_1", "lemma-1", "EQ_8 = abs(DELTA) <= (1 + abs(S))", "EQ_8 = abs(DELTA) <= (1 - abs(S))"),
    ("statements.lemma_2", "lemma-2", "12 * (1 + abs(S))", "(1 + abs(S)) / 2"),
    ("statements.lemma_2", "lemma-2-sharp", "orthogonal = lam**2 + 2 * s * lam", "orthogonal = lam**2 - 2 * s * lam"),
    ("statements.lemma_2", "lemma-2-sharp", "sp.diag(1 / big_u, 1 / big_u,", "sp.diag(1 / big_u, 1 / big_v,"),
    ("statements.lemma_2", "lemma-2-integral", "HALF * sup_hessian_norm", "sup_hessian_norm"),
    ("statements.lemma_2", "lemma-2-remainder", "derived = 2 * (total", "derived = 3 * (total"),
    (
        "statements.prop_1.sharp",
        "prop-1-sharp",
        "together(SOURCE): cx * c - sx * s",
        "together(SOURCE): cx * c + sx * s",
    ),
    ("statements.prop_1.sharp", "prop-1-sharp", "gram[2] + c * s**2", "gram[2] - c * s**2"),
    ("statements.prop_1.sharp", "prop-1-sharp", "+ 2 * a * b * (1 - together(m))", "+ a * b * (1 - together(m))"),
    (
        "statements.prop_1.sharp",
        "prop-1-weights",
        "(1 / sigma(m.w, 1) + 1 / sigma(m.w, 2))",
        "(1 / sigma(m.w, 1) + 1 / sigma(m.w, 1))",
    ),
    (
        "statements.prop_1.sharp",
        "prop-1-sine",
        "RHS_SINE = EPSILON * total(lambda m: m.sine0 *",
        "RHS_SINE = EPSILON * total(lambda m: 2 * m.sine0 *",
    ),
    ("statements.prop_1.printed", "prop-1-abs", "RHS_ABS = (1 + abs(SOURCE.s0))", "RHS_ABS = (1 + SOURCE.s0)"),
    (
        "statements.prop_1.finite",
        "prop-1-explicit",
        "(3 + abs(SOURCE.s0)) * EPSILON**2",
        "(2 + abs(SOURCE.s0)) * EPSILON**2",
    ),
    (
        "statements.prop_1.finite",
        "prop-1-finite",
        "cos(positive(theta(m) - turn(m)))",
        "cos(positive(theta(m) + turn(m)))",
    ),
    (
        "statements.prop_1.finite",
        "prop-1-segment-small",
        "EPSILON * norm(x) for x in SOURCE",
        "2 * EPSILON * norm(x) for x in SOURCE",
    ),
    (
        "statements.prop_2_output.artanh",
        "prop-2-output-artanh",
        "image = r**2 * p**2 + p**2 * r**2",
        "image = r**2 * p**2 + p**2",
    ),
    ("statements.prop_2_output.artanh", "prop-2-output-artanh", "<= ln(cond(T)) for m", "<= 2 * ln(cond(T)) for m"),
    (
        "statements.prop_2_output.finite",
        "prop-2-output-finite",
        "tanh_sq - 2 * eps / (1 + eps**2)",
        "tanh_sq - 2 * eps / (1 - eps**2)",
    ),
    (
        "statements.prop_2_output.finite",
        "prop-2-output-finite",
        "TAU * m.sine0**2 / (1 + TAU * m.s0)",
        "TAU * m.sine0**2 / (1 + m.s0)",
    ),
    ("statements.prop_2_output.finite", "prop-2-output-sharp", "RHS_SHARP = 2 * EPSILON", "RHS_SHARP = 3 * EPSILON"),
    ("statements.prop_2_output.printed", "prop-2-output-abs", "RHS_ABS = 4 * (1 + abs", "RHS_ABS = 5 * (1 + abs"),
    ("statements.prop_2_input.sharp", "prop-2-input-sharp", "kappa(m) + 1 / kappa(m)", "kappa(m) + 1"),
    (
        "statements.prop_2_input.sharp",
        "prop-2-input-sharp",
        "slack = (x + a * b * y) ** 2 - 4",
        "slack = (x + a * b * y) ** 2 - 3",
    ),
    ("statements.prop_2_input.sharp", "prop-2-input-sharp", "(a + b) ** 2 / (4 * a * b)", "(a + b) ** 2 / (2 * a * b)"),
    ("beyond.input_finite", "prop-2-input-finite-sharp", "spread(m) / 2", "spread(m) / 3"),
    ("beyond.input_finite", "prop-2-input-finite-sharp", "slack = 2 * mean_ - d - 1 / d", "slack = 2 * mean_ - d"),
    ("beyond.two_condition_numbers", "prop-2-input-sharp-two", "up_to(RHS_SHARP)", "up_to(2 * RHS_SHARP)"),
    (
        "statements.prop_2_input.sharp",
        "prop-2-input-finite",
        "primitive = -sp.log(1 - t * eps)",
        "primitive = sp.log(1 - t * eps)",
    ),
    ("statements.prop_2_input.sharp", "prop-2-input-vectors", "* spectral(m.w), *MODELS)", ", *MODELS)"),
    ("statements.lemma_3", "lemma-3", "RHS = SIGMA**2 * EPSILON", "RHS = 2 * SIGMA**2 * EPSILON"),
    (
        "statements.prop_3",
        "prop-3",
        "RHS = SIGMA**2 * (sqrt(EPSILON) + spectral(AB)",
        "RHS = SIGMA**2 * (sqrt(EPSILON) + fro(AB)",
    ),
    (
        "statements.prop_3",
        "prop-3-exact",
        "EXACT = SIGMA**2 * fro(GAP + AB @ (W2",
        "EXACT = SIGMA**2 * fro(GAP - AB @ (W2",
    ),
    ("statements.prop_4", "prop-4", "RHS = SIGMA**2 * spectral(T) ** 2", "RHS = SIGMA**2 * spectral(T)"),
    ("statements.prop_5", "prop-5-exact", "fro(GAP @ T)", "fro(T @ GAP)"),
    ("statements.eq_5", "eq-5", "X @ W @ (EYE + pinv(W) @ AB)", "X @ W @ (EYE + AB @ pinv(W))"),
    ("statements.eq_5", "eq-5-row-rank", "X @ (EYE - W @ pinv(W)) @ AB),)", "X @ (EYE - pinv(W) @ W) @ AB),)"),
    (
        "statements.eq_6",
        "eq-6-rank-input",
        "(rank(input_update(W)) <= rows(B1) + rows(B2),)",
        "(rank(input_update(W)) <= rows(B1),)",
    ),
    ("beyond.interior", "prop-4-interior-layers", "fro(FIRST) * spectral(W2) +", "fro(FIRST) * fro(W2) +"),
    ("beyond.anisotropic", "prop-4-whitened", "WHITENED = F @ T @ inverse(F)", "WHITENED = inverse(F) @ T @ F"),
    ("beyond.transfer", "transfer-sufficient", "(spectral(T) + 1) * root(EPSILON)", "spectral(T) * root(EPSILON)"),
    ("beyond.transfer", "transfer-same-function", "LORA.equals(SIGMA**2 * fro(CHANGE) ** 2)", "LORA.equals(NOTHING)"),
    ("beyond.nonlinear", "nonlinear-input-lipschitz", "<= 2 * fro(G) ** 2 + 2 * (LIP", "<= fro(G) ** 2 + 2 * (LIP"),
    ("beyond.nonlinear", "nonlinear-input", "(1 + k**2) * corner - 2 * k", "(1 - k**2) * corner - 2 * k"),
    ("beyond.attention", "attention-heads", '("input", "v"), ("output", "o")})', '("input", "v"), ("output", "v")})'),
    ("beyond.attention", "attention-residual", '("output", "q"), ("output", "k")', '("input", "q"), ("output", "k")'),
    ("words.absorption", "absorption-channel-mix", "before * k for", "before.T * k for"),
    ("words.absorption", "absorption-convolution", "found(ends, (2, 3))", "found(ends, (3, 3))"),
    (
        "words.overhead",
        "overhead",
        '"input": 2 * r * c, "output": 2 * r * d}',
        '"input": r * (c + d), "output": 2 * r * d}',
    ),
    ("words.overhead", "overhead-training", "n * c * d + 3 * n * r * c", "3 * n * r * c"),
    (
        "words.reach",
        "lora-x-capacity",
        "found(sp.kronecker_product(a, b.T).rank(), 4)",
        "found(sp.kronecker_product(a, b.T).rank(), 5)",
    ),
    ("words.independence", "independent-output", "RHS_FINITE,", "RHS_FINITE * Term('scalar', name='w'),"),
    ("words.equations", "eq-4b", "X @ phi(EYE) @ W, (X + X @ A @ B) @ W", "X @ phi(EYE) @ W, (X + X @ B @ A) @ W"),
]


@pytest.mark.parametrize(("module", "claim", "old", "new"), PLANTED)
def test_a_planted_error_breaks_an_argument_of_the_claim(module: str, claim: str, old: str, new: str) -> None:
    name = f"ioadapt_theory.claims.{module}"
    source = inspect.getsource(importlib.import_module(name))
    assert old in source, "the line has changed; plant the error in it again"
    changed = {"__name__": name, "__file__": sys.modules[name].__file__}
    exec(compile(source.replace(old, new), f"{module} with a planted error", "exec"), changed)
    (planted,) = (c for c in changed["CLAIMS"] if c.id == claim)
    assert [b for proof in planted.proofs for b in proof.argument.broken(planted)]
