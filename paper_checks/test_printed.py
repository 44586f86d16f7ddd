"""Printed formulas have the values of the evaluated formulas: text and LaTeX are parsed independently."""

import re
from fractions import Fraction

import mpmath
import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims.arithmetic import mp as project
from ioadapt_theory.claims.expression.notation import definitions, latex, text
from ioadapt_theory.claims.expression.tree import Term, cos, let, replaced, sqrt
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.settings.letters import AB, EPSILON, SIGMA
from paper_checks.reader import LETTERS, Reader, from_latex, sim

BY_HAND = {
    "lemma-1-expansion": ("|R| ≤ O(‖Δu‖² + ‖Δv‖²)", r"\left|R\right| \le O(\|\Delta u\|^{2} + \|\Delta v\|^{2})"),
    "lemma-2-integral": (
        "|R| ≤ ½sup_t ‖H(u + tΔu, v + tΔv)‖_op(‖Δu‖² + ‖Δv‖²)",
        r"\left|R\right| \le \frac{1}{2} \sup_t \|H(u + t\Delta u, v + t\Delta v)\|_{\mathrm{op}}"
        r" (\|\Delta u\|^{2} + \|\Delta v\|^{2})",
    ),
    "prop-1-segment-small": (
        "min(‖x₁W‖ − ε‖x₁‖, ‖x₂W‖ − ε‖x₂‖) ≤ min_t min(‖x₁W + tx₁AB‖, ‖x₂W + tx₂AB‖)",
        r"\min(\|x_1W\| - \varepsilon \|x_1\|, \|x_2W\| - \varepsilon \|x_2\|)"
        r" \le \min_t \min(\|x_1W + tx_1AB\|, \|x_2W + tx_2AB\|)",
    ),
    "prop-1-segment": (
        "min(min(‖x₁W‖, ‖x₂W‖), min(‖ŷ₁‖, ‖ŷ₂‖)) ≤ min_t min(‖x₁W + tx₁AB‖, ‖x₂W + tx₂AB‖)",
        r"\min(\min(\|x_1W\|, \|x_2W\|), \min(\|\hat y_1\|, \|\hat y_2\|))"
        r" \le \min_t \min(\|x_1W + tx_1AB\|, \|x_2W + tx_2AB\|)",
    ),
    "remark-a1-displayed": (
        "min_t min(‖x₁W + tx₁AB‖, ‖x₂W + tx₂AB‖) = min_t min(‖x₁W + tx₁(−AB)‖, ‖x₂W + tx₂(−AB)‖)",
        r"\min_t \min(\|x_1W + tx_1AB\|, \|x_2W + tx_2AB\|) = \min_t \min(\|x_1W + tx_1(-AB)\|, \|x_2W + tx_2(-AB)\|)",
    ),
    "effect-certified-next": ("outside(u) ≤ 2", r"\operatorname{outside}(u) \le 2"),
}
"""Formulas that the parser does not support, with suprema and infima along a segment, or O of increments."""
READ = [pytest.param(c, id=c.id) for c in CLAIMS.values() if c.inequality and c.id not in BY_HAND]


def numbers(x: object) -> object:
    if hasattr(x, "shape"):
        return mpmath.matrix(x.tolist() if x.ndim == 2 else [x.tolist()])
    return x


@pytest.mark.parametrize("write", [text, latex])
@pytest.mark.parametrize("claim", READ)
def test_a_formula_read_back_has_the_value_that_is_evaluated(claim: Claim, write: object) -> None:
    setting = claim.setting
    raw = setting.dump(setting.draw(1, torch.Generator().manual_seed(7)), 0)
    with mpmath.workdps(60), project.workdps(60):
        i = setting.read(raw)
        fields = i.__dataclass_fields__
        values = {f: x for f in fields if (x := getattr(i, f)) is not None}
        known = {name: numbers(x) for f, x in values.items() if (name := printed_name(f, x))}
        known |= {"ε": i.epsilon} if hasattr(i, "epsilon") else {}
        if "W₁" in known and {"factor", "sigma"} & fields.keys():  # rows of the second moments σ²I or FᵀF
            known["x"] = known["F"] if hasattr(i, "factor") else known["σ"] * mpmath.eye(known["W₁"].rows)
        if claim.id == "several-noise":  # one entry for each row of Z
            known["x"] = known["σ"] * mpmath.eye(known["Z"].rows)
        meanings = definitions((*claim.given, *claim.concludes))
        if {"u", "du"} <= fields.keys():
            known["δ"] = delta(*(numbers(getattr(i, f)) for f in ("u", "v", "du", "dv")))
        reader = Reader(known, meanings)
        for relation in (*claim.given, *claim.concludes):
            printed = from_latex(write(relation)) if write is latex else write(relation)
            left, sign, right = re.fullmatch(r"(.*) (≤|<|=) (.*?)(?: \+ O\(.*)?", printed).groups()
            assert sign == {"<=": "≤", "<": "<", "=": "="}[relation.sign]
            assert (" + O(ε" in printed) == (relation.order is not None)
            if relation.order:
                assert printed.endswith(f" + O(ε{' ¹²³'[relation.order]})")
            for side, term in ((left, relation.left), (right, relation.right)):
                if side != "I":
                    means = {x: x.args[0] for x in term.walk() if x.op == "mean"}
                    same(reader(side), value(replaced(term, means), i))


def printed_name(field: str, x: object) -> str:
    """Return the printed symbol of an instance's field, such as W₁' for w1_target."""
    stem, index, prime = re.fullmatch(r"(.*?)(\d*)((?:_target)?)", field).groups()
    stem = LETTERS.get(stem, {"rho": "ρ"}.get(stem, stem.upper() if getattr(x, "ndim", 0) == 2 else stem))
    return stem + "".join("₀₁₂₃₄₅₆₇₈₉"[int(k)] for k in index) + "'" * bool(prime)


def delta(u: object, v: object, du: object, dv: object) -> object:
    """Return the derivative of the cosine along (Δu, Δv), as a difference quotient."""
    with mpmath.workdps(120):
        t = mpmath.mpf(10) ** -40
        return (sim(u + t * du, v + t * dv) - sim(u - t * du, v - t * dv)) / (2 * t)


def same(one: object, other: object) -> None:
    one, other = ([*x] if hasattr(x, "rows") else [*x.flat] if hasattr(x, "flat") else [x] for x in (one, other))
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert abs(mpmath.mpf(str(a)) - mpmath.mpf(str(b))) <= mpmath.mpf(10) ** -18 * (1 + abs(mpmath.mpf(str(b))))


@pytest.mark.parametrize("name", BY_HAND)
def test_what_the_reader_does_not_know_is_as_it_was_written_by_hand(name: str) -> None:
    assert (text(CLAIMS[name].concludes[0]), latex(CLAIMS[name].concludes[0])) == BY_HAND[name]


def test_definitions_stand_in_the_order_of_their_use() -> None:
    assert definitions((SIGMA <= let("b", 2 * let("a", EPSILON)),)) == ["b = 2a", "a = ε"]


@pytest.mark.parametrize(
    ("formula", "written", "in_latex"),
    [
        (EPSILON * 2, "ε · 2", r"\varepsilon \cdot 2"), (2 * EPSILON * SIGMA, "2εσ", r"2 \varepsilon \sigma"),
        (EPSILON * cos(SIGMA), "ε · cos(σ)", r"\varepsilon \cos(\sigma)"),
        (2 * cos(SIGMA) * EPSILON, "2cos(σ)ε", r"2 \cos(\sigma) \varepsilon"),
        (SIGMA / EPSILON * AB, "σ/ε · AB", r"\frac{\sigma}{\varepsilon} AB"),
        (EPSILON + Fraction(-2, 3), "ε + −2/3", r"\varepsilon + -\frac{2}{3}"),
        (sqrt(EPSILON) + 0, "√ε + 0", r"\sqrt{\varepsilon} + 0"), (-EPSILON, "−ε", r"-\varepsilon"),
        (sqrt(EPSILON**2), "√(ε²)", r"\sqrt{\varepsilon^{2}}"),
    ],
)  # fmt: skip
def test_factors_stand_apart_where_they_would_be_read_as_one(formula: Term, written: str, in_latex: str) -> None:
    assert (text(formula), latex(formula)) == (written, in_latex)


EXPANDED = {
    "lora-x-capacity": [
        "r(c + d − r) − r² = r(c − r) + r(d − r)",
    ],
    "eq-6-same-set": [
        "(I + A₁(B₁W⁻¹))W + A₂B₂ = W + A₁B₁ + A₂B₂",
        "W(I + W⁻¹A₁B₁) + A₂B₂ = W + A₁B₁ + A₂B₂",
    ],
    "broader-class": [
        "(I + A(BW⁻¹))W = W + AB",
        "W(I + W⁻¹AB) = W + AB",
    ],
    "narrower-class": [
        "MW(W⁺W) = MW",
    ],
    "any-phi-weaker": [
        "(I − AB + AB)W = W",
        "W(I − M + M) = W",
    ],
    "absorption-channel-mix": [
        "S₁(XM)K₁ + S₂(XM)K₂ + S₃(XM)K₃ = S₁X(MK₁) + S₂X(MK₂) + S₃X(MK₃)",
        "(S₁XK₁ + S₂XK₂ + S₃XK₃)T = S₁X(K₁T) + S₂X(K₂T) + S₃X(K₃T)",
    ],
    "absorption-convolution": [
        "f₃g₃ = 0",
        "f₁g₁ = 0",
    ],
    "lemma-3-exact": [
        "E‖xW₁W₂ − xW₁'W₂'‖² = σ²‖W₁W₂ − W₁'W₂'‖_F²",
    ],
    "effect-random": [
        "E[⟨RMJ, R'MJ'⟩] = v⟨R, R'⟩⟨J, J'⟩",
        "E[⟨RABJ, R'ABJ'⟩] = vw · rows(B)⟨R, R'⟩⟨J, J'⟩",
    ],
    "overhead-training": [
        "input.backward ≤ lora.backward",
        "output.backward ≤ lora.backward",
    ],
}
"""Conclusions of claims without a theorem in Coq, read by a person; another true formula would be proved as well."""


@pytest.mark.parametrize("name", EXPANDED)
def test_a_formula_that_algebra_alone_proves_is_the_one_that_was_read(name: str) -> None:
    assert [text(r) for r in CLAIMS[name].concludes] == EXPANDED[name]
