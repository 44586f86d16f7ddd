"""Every hypothesis a second time: an instance that misses it, alone or as the first, says nothing about the claim."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.inequality import HypothesisError

Raw = Mapping[str, Any]
Change = Callable[[Raw], Raw]

# Two models of App. A.1, c = d = 3, the vectors in a plane: sim(x₁, x₂) = s₀ = 3/5, ‖AB‖₂ = 1/10, ‖AB‖_F = √2/10.
EYE, PLANE = [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
SIMILAR: Raw = {
    **{"W": EYE, "W_target": EYE, "x1": [1, 0, 0], "x2": [3, 4, 0], "x1_target": [1, 0, 0], "x2_target": [3, 4, 0]},
    **{"AB": [["1/10", 0, 0], [0, "1/10", 0], [0, 0, 0]], "epsilon": "1/2"},
}
INPUTS = (
    "sim(x₁, x₂) = sim(x₁', x₂')",
    {"x2_target": [0, 1, 0], "W_target": [[1, 0, 0], [3, 4, 0], [0, 0, 1]]},  # and s₀' = 3/5 still
)
OUTPUTS = "s₀ = s₀'", {"W_target": [[1, 0, 0], [1, 1, 0], [0, 0, 1]]}
SPECTRAL = "‖AB‖₂ ≤ ε", {"epsilon": "1/11"}
LITERAL = "‖AB‖₂² ≤ ε", {"epsilon": "1/101"}
FROBENIUS = "‖AB‖_F ≤ ε", {"epsilon": "1/8"}
RANKS = ("rank(W) = rows(W)", {"W": PLANE}), ("rank(W') = rows(W')", {"W_target": PLANE})
APART = "0 < min(√(1 − s₀²), √(1 − s₀'²))", {"x2": [2, 0, 0], "x2_target": [2, 0, 0]}
BELOW_ONE = "ε < 1", {"epsilon": 2}
BELOW_OUTPUTS = "ε‖x₁‖ ≤ ‖x₁W‖", {"epsilon": 2}
REGULAR = "rank(I + AB) = rows(I + AB)", {"AB": [[-1, 0, 0], [0, 0, 0], [0, 0, 0]]}

OF_SIMILARITY = {
    **{f"prop-1{x}": (SPECTRAL,) for x in ("", "-main", "-abs", "-sine", "-sharp", "-explicit", "-segment-small")},
    **{f"prop-2-input{x}": (SPECTRAL,) for x in ("", "-abs", "-vectors")},
    **{f"prop-2-output{x}": (SPECTRAL,) for x in ("", "-abs", "-sharp")},
    **{f"{x}-literal": (LITERAL,) for x in ("prop-1", "prop-2-input", "prop-2-output")},
    **{f"{x}-frobenius": (FROBENIUS,) for x in ("prop-1", "prop-2-input", "prop-2-output")},
    "prop-1-weights": (SPECTRAL, *RANKS),
    "prop-1-finite": (SPECTRAL, BELOW_OUTPUTS),
    "prop-2-input-sharp": (SPECTRAL, *RANKS),
    "prop-2-input-sharp-two": (SPECTRAL, *RANKS),
    "prop-2-input-finite": (SPECTRAL, *RANKS, APART, BELOW_ONE),
    "prop-2-input-finite-sharp": (SPECTRAL, *RANKS, APART, BELOW_ONE),
    "prop-2-output-finite": (SPECTRAL, BELOW_ONE),
    "bounds-rank": (SPECTRAL,),
}


def drawn(claim: str) -> dict[str, Any]:
    setting = CLAIMS[claim].inequality.setting
    return setting.dump(setting.parametrise(setting.start(1, torch.Generator().manual_seed(0))), 0)


def changed(key: str, change: Callable[[Any], Any]) -> Change:
    """The value of a key, or its rows, one by one."""
    return lambda raw: {key: [change(x) for x in raw[key]]}


def doubled(key: str) -> Change:
    return changed(key, lambda row: [2 * x for x in row])


def same_rows(key: str) -> Change:
    return lambda raw: {key: [raw[key][0]] * len(raw[key])}


NEAR = "‖W₁W₂ − W₁'W₂'‖_F² ≤ ε"
SMALL: Change = lambda _: {"epsilon": "1e-9"}  # noqa: E731
OTHERS: list[tuple[str, str, Change]] = [
    *(("lemma-1-angle", f"‖Δ{x}‖ ≤ ‖{x}‖", lambda raw, x=x: {f"d{x}": [2 * y for y in raw[x]]}) for x in "uv"),
    *(("lemma-2-remainder", f"‖Δ{x}‖ < ‖{x}‖", lambda raw, x=x: {f"d{x}": [2 * y for y in raw[x]]}) for x in "uv"),
    ("lemma-2-integral", "0 < min_t min(‖u + tΔu‖, ‖v + tΔv‖)", lambda raw: {"dv": [-y for y in raw["v"]]}),
    *((claim, NEAR, SMALL) for claim in ("lemma-3", "prop-3", "prop-3-second", "prop-4", "prop-5")),
    ("transfer-sufficient", "(‖I + AB‖₂ + 1)√ε ≤ ‖AB(W₂ − W₂')‖_F", doubled("W1_target")),
    ("transfer-same-function", "W₁W₂ = W₁'W₂'", doubled("W1_target")),
    *((f"prop-{x}", "rank(F) = rows(F)", same_rows("F")) for x in ("4-anisotropic", "4-whitened", "5-anisotropic")),
    *((claim, "WW⁺ = I", same_rows("W")) for claim in ("eq-5", "eq-5-size")),
    ("eq-5-column-rank", "W⁺W = I", changed("W", lambda row: [row[0]] * len(row))),
    ("stronger-requirement", "‖W − W'‖_F² ≤ ε", SMALL),
    ("stronger-requirement-equal", "W = W'", doubled("W")),
    ("effect-retained", "⟨g, e⟩ = ‖e‖²", lambda raw: {"g": [2 * x for x in raw["g"]]}),
    ("effect-same-layer", "W = W'", doubled("W")),
    *((f"effect-filter-{side}", "rank(F) = rows(F)", same_rows("F")) for side in ("input", "output")),
    ("effect-filter-lora", "rank(FW) = rows(FW)", same_rows("F")),
    *(("effect-gauge", f"rank({x}) = rows({x})", same_rows(x)) for x in "AB"),
    ("effect-own-layer", "W₁WW₂ = W₁'WW₂'", doubled("W1_target")),
    (
        "effect-discrepancy",
        "‖(I + M)W − (I + M)W'‖_F ≤ ‖W + MW − (W' + MW)‖_F",
        lambda raw: {"M": [[x + 9 * (i == j) for j, x in enumerate(row)] for i, row in enumerate(raw["M"])]},
    ),
    ("effect-every-law", "LL⁺(L' − L) = L' − L", lambda raw: {"L": [raw["L"][0]] * len(raw["L"])}),
    ("nonlinear-input-lipschitz", "‖H − G‖_F ≤ Lip‖XAB‖_F", lambda _: {"Lip": "1e-9"}),
]
WITHOUT_EPSILON = {"prop-4-interior", "prop-4-every-layer"}
"""Their ε is what the two models have, so that nothing can be missed."""


def test_every_claim_with_a_hypothesis_is_here() -> None:
    listed = {*OF_SIMILARITY, "prop-2-output-artanh", *(claim for claim, _, _ in OTHERS), *WITHOUT_EPSILON}
    assert {name for name, claim in CLAIMS.items() if claim.given} == listed


def misses(claim: str, raw: Raw, statement: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        evaluate(CLAIMS[claim], raw)
    start = f"The instance misses the hypothesis {statement}: "
    assert str(caught.value).startswith((f"{start}residual", f"{start}both sides are equal."))


@pytest.mark.parametrize("claim", OF_SIMILARITY)
def test_a_hypothesis_of_similarity_is_missed(claim: str) -> None:
    for statement, changes in (INPUTS, OUTPUTS, *OF_SIMILARITY[claim]):
        misses(claim, {**SIMILAR, **changes}, statement)


def test_an_output_adapter_of_any_size_needs_equal_outputs_only() -> None:
    for statement, changes in (OUTPUTS, APART, REGULAR):
        misses("prop-2-output-artanh", {**SIMILAR, **changes}, statement)
    assert evaluate(CLAIMS["prop-2-output-artanh"], {**SIMILAR, **INPUTS[1], "epsilon": "1/11"}).holds


@pytest.mark.parametrize(("claim", "statement", "change"), OTHERS)
def test_a_hypothesis_is_missed(claim: str, statement: str, change: Change) -> None:
    raw = drawn(claim)
    misses(claim, {**raw, **change(raw)}, statement)
