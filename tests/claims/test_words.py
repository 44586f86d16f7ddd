"""Words of claims, parsed, computed and compared with their statements."""

import re
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf

from ioadapt_theory.claims import CLAIMS, Claim, Verdict
from ioadapt_theory.claims.arithmetic import hessian
from ioadapt_theory.claims.claim import Word
from ioadapt_theory.claims.effect import random_change
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.expression.notation import definitions, text
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.report import remark
from ioadapt_theory.claims.settings.placement import Placement
from tests.claims.reader import Reader

EVERY = pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
OWN_WORDS = ("depth-", "nonlinear-", "effect-")
"""Claims beyond the paper whose prose contains formulas."""


def plain(formula: str) -> str:
    """Remove the indices of a model, an input and a layer."""
    return re.sub(r"[₁₂'\s]", "", formula)


STATED = plain(" ; ".join(
    part for c in CLAIMS.values() for rs in [(*c.given, *c.concludes)] for part in (*map(text, rs), *definitions(rs))
))  # fmt: skip


@EVERY
def test_a_formula_in_words_is_one_that_is_stated(claim: Claim) -> None:
    for bound in re.findall(r"‖[^‖]*‖\S* [≤<] ε", claim.reading):
        assert bound in map(text, claim.given)
    if not claim.id.startswith(OWN_WORDS):
        for part in re.findall(r"[^\s;,:(]*\([^()‖]* [+−] [^()]*\)[^\s;,.:]*", f"{claim.prose}; {claim.reading}"):
            assert plain(part) in STATED, part
    said = "; ".join((claim.prose, claim.reading, remark(claim)))
    for norm in re.findall(r"‖[A-Z]+[₁₂]*(?: \+ [A-Z]+)?‖[₂_F]+", said):
        assert any(norm in text(r) for c in CLAIMS.values() for r in (*c.given, *c.concludes)), norm
    if claim.expected is Verdict.PROVED and claim.concludes and not any(r.order for r in claim.concludes):
        assert not re.search(r"(?<!no )(?<!without )(?<!hidden )O\(ε²\)", remark(claim))


@EVERY
def test_sharp_exact_and_iff_are_said_where_there_is_evidence_and_nowhere_else(claim: Claim) -> None:
    said = re.search(r"\bsharp\b|^exact, |best|least constant", claim.reading) is not None
    if claim.reading and claim.expected is Verdict.PROVED:
        assert said == (Word.SHARP in claim.words) or (not said and claim.id.startswith(OWN_WORDS))
    assert claim.reading.startswith("exact value") == claim.id.endswith("-exact")
    assert (Word.CONVERSE in claim.words) == bool(re.search(r" iff |exactly the", claim.prose))
    assert Word.CONVERSE not in claim.words or not re.search(r"\bif\b", claim.prose)
    assert Word.EVERY_PAIR not in claim.words or "for every κ, κ'" in remark(claim)


@EVERY
def test_a_quantifier_is_every_no_or_only_and_a_name_is_that_of_a_claim(claim: Claim) -> None:
    said = "; ".join((claim.prose, claim.reading, remark(claim)))
    if not claim.id.startswith(("tables-", "effect-")):  # quotations of the paper, or names of distributions
        vague = re.findall(r"(?<!at )\bmost\b|\b(?:some|often|rough\w*|almost|usually|dependent|near)\b", said)
        assert not vague, vague
    assert all(name in CLAIMS for name in re.findall(r"\b(?:lemma|prop|eq|transfer|attention)-[\w-]+", said))
    assert "DoRA" not in said or claim.id in ("any-phi", "tables-prompt-fidelity")


@EVERY
def test_a_claim_on_one_side_speaks_of_that_side(claim: Claim) -> None:
    sides = {side for side in ("input", "output") if side in claim.id.split("-")}
    said = re.sub(r"the (in|out)put of|layer's \w+", "", f"{claim.reading}; {claim.prose}")
    named = set(re.findall(r"\b(input|output)\b", said))
    if len(sides) == 1 and named and not claim.id.startswith(("tables-", "effect-")):
        assert named == sides
    assert {
        *re.findall(r"LoRA of (\w+) r|\b(\w+) W = [cd]\b", "; ".join((claim.prose, claim.reading, remark(claim))))
    } <= {
        ("rank", ""),
        ("", "rank"),
    }
    if claim.id.startswith("tables-") and (quantified := re.match(r"\w+ below|in \w+ column", claim.reading)):
        assert quantified[0].removeprefix("in ") in claim.prose
    operations = {x.op for r in claim.concludes for x in r.left.walk()}
    assert {"rank": "rank", "size": "spectral"}.get(claim.reading, "") in {"", *operations}


COSINES = ("-9/10", "-1/2", "0", "3/5")
LORA, INPUT, OUTPUT = Placement


def read(formula: str, **letters: Any) -> Any:
    named = {name.replace("0", "₀").replace("_target", "'"): x for name, x in letters.items()}
    known = {name: mpf(x) if isinstance(x, int | float) else x for name, x in named.items()}
    return Reader(known, [])(re.sub(r"(ln|artanh) (\w)", r"\1(\2)", formula))


def number(x: str) -> Any:
    top, bottom = [*x.split("/"), "1"][:2]
    return mpf(top) / mpf(bottom)


def close(a: Any, b: Any) -> bool:
    return abs(a - b) <= mpf(10) ** -12 * (1 + abs(b))


def increments(s: Any, du: Any = ("1/10", "1/5"), dv: Any = ("3/10", "-1/10")) -> dict[str, Any]:
    u, v = (mpf(1), mpf(0)), (s, mpmath.sqrt(1 - s * s))
    return {k: list(map(str, x)) for k, x in {"u": u, "v": v, "du": du, "dv": dv}.items()}


def models(s: Any, k: Any = 3, k_target: Any = 3, epsilon: str = "1/10", size: Any = 1) -> dict[str, Any]:
    """Return outputs with cosine s for W = diag(1, κ) times a size, and a target with another condition number."""
    raw: dict[str, Any] = {"epsilon": epsilon, "AB": [[0, 0], [0, 0]]}
    for t, kappa in (("", k), ("_target", k_target)):
        raw |= {f"W{t}": [[str(size), 0], [0, str(size * mpf(kappa))]], f"x1{t}": [1, 0]}
        raw |= {f"x2{t}": [str(s), str(mpmath.sqrt(1 - s * s) / kappa)]}
    return raw


def right(claim: str, raw: dict[str, Any]) -> Any:
    inequality = CLAIMS[claim].inequality
    known = {letter.key for letter in inequality.setting.letters}
    return inequality.rhs(inequality.setting.read({key: x for key, x in raw.items() if key in known}))


def ratio(one: str, other: str, raw: dict[str, Any]) -> Any:
    return right(one, raw) / right(other, raw)


def cosines(fact: Callable[[Any], bool]) -> bool:
    return all(fact(number(s)) for s in COSINES)


def of_output(factor: str, absolute: str, sharp: str) -> bool:
    def fact(s: Any) -> bool:
        raw = models(s)
        known = close(ratio("prop-2-output-sharp", "prop-2-output", raw), read(factor, s0=s))
        known &= (ratio("prop-2-output-sharp", "prop-2-output", raw) > 1) == (s < 0)
        known &= close(ratio("prop-2-output-abs", "prop-2-output", raw), read(absolute, s0=s) / (1 + s))
        return known and close(right("prop-2-output-sharp", raw) / (4 * mpf("0.1")), read(sharp, s0=s))

    return cosines(fact)


def remainder(s: Any) -> Any:
    return right("lemma-1-remainder-best", raw := increments(s)) / sum(number(x) ** 2 for x in raw["du"] + raw["dv"])


def of_two(claim: str, below: str, axis: str) -> bool:
    """I + AB has norm at least 1 on some rows if AB lacks full rank, and halves everything for AB = −I/2."""
    raw = {"W1": [[1, 2], [0, 1]], "W2": [[1, 0], [1, 1]], "W1_target": [[1, 0], [3, 1]], "W2_target": [[1, 1], [0, 1]]}
    raw |= {"sigma": 1}
    plain = right("lemma-3", raw)
    low, full = ([[-1, 0], [0, 0]], [["-1/2", 0], [0, "-1/2"]])
    assert (below, axis) == ("Lemma 3", {"prop-4": "c", "prop-5": "d"}[claim])
    return right(claim, raw | {"AB": low}) >= plain > right(claim, raw | {"AB": full})


def turned(claim: str, w: list[list[float]], x1: list[float], x2: list[float], factor: str) -> bool:
    """For a target that is a multiple of W, the AB along the gradient of the similarity attains the bound."""
    m, rows = torch.zeros(len(w), len(w[0]), dtype=torch.float64, requires_grad=True), torch.tensor([x1, x2]).double()
    y1, y2 = rows @ (torch.tensor(w).double() + m)
    u, _, v = torch.linalg.svd(torch.autograd.grad(torch.cosine_similarity(y1, y2, 0), m)[0], full_matrices=False)
    times = float(read(factor, W=1))
    raw = {"W": w, "x1": x1, "x2": x2, "W_target": [[times * x for x in row] for row in w], "epsilon": "1/100"}
    raw |= {"x1_target": x1, "x2_target": x2, "AB": (u @ v / 100).tolist()}
    return evaluate(CLAIMS[claim], raw).decisive_ratio == pytest.approx(1, abs=1e-8)


def of_sum(word: str, rank: str) -> bool:
    (a, b), (c, d) = ((mpmath.randmatrix(4, r), mpmath.randmatrix(r, 4)) for r in (1, 2))
    value = np.array((a * b * mpmath.randmatrix(4, 4) + c * d).tolist(), dtype=float)
    return {"rank": np.linalg.matrix_rank}[word](value) == read(rank, **{"r₁": 1, "r₂": 2})


def of_rank(product: str, word: str, rank: str) -> bool:
    a, b, w = (mpmath.randmatrix(n, m) for n, m in ((4, 2), (2, 4), (4, 4)))
    value = np.array(read(product, A=a, B=b, W=w).tolist(), dtype=float)
    return {"rank": np.linalg.matrix_rank}[word](value) == {"r": 2}[rank]


FACTS: list[tuple[str, str, Callable[..., bool]]] = [
    ("lemma-1", r"tight only at s = 0; too large by (.*?) → ∞ as \|s\| → 1", lambda f: cosines(lambda s: (
        close(ratio("lemma-1", "lemma-1-sharp", increments(s)), read(f, s=s))
        and close(ratio("lemma-1", "lemma-1-sharp", increments(s)), 1) == (s == 0)))),
    ("lemma-1-sharp", r"attained for every s by Δu ∝ (.*?), Δv ∝ (.*)", lambda f, g: cosines(lambda s: (
        evaluate(CLAIMS["lemma-1-sharp"], increments(s, *(
            [x / 100 for x in read(h, s=s, û=mpmath.matrix([[1, 0]]), v̂=mpmath.matrix([[s, mpmath.sqrt(1 - s * s)]]))]
            for h in (f, g)))).decisive_ratio == pytest.approx(1, abs=1e-10)))),
    ("lemma-1-remainder-best", r"the least constant for every s; .*at most (\d), and (\d) only for \|s\| = 1",
     lambda most, at: most == at and cosines(lambda s: remainder(s) < int(most))
     and all(close(remainder(sign * (1 - mpf(10) ** -40)), int(at)) for sign in (1, -1))),
    ("lemma-2", r"(\w+) times (?:too large|larger than necessary)", lambda n: close(
        ratio("lemma-2", "lemma-2-sharp", increments(number("1/3"))), {"twelve": 12}[n])),
    ("lemma-2-sharp", r"C = (\d); .*at unit norms the eigenvalues are (.*?), (.*?) and ±(.*)", lambda c, *roots: (
        int(c) == 1 and cosines(lambda s: np.allclose(np.linalg.eigvalsh(hessian(*(
            np.array([mpf(x) for x in v], dtype=object) for v in ((1, 0), (s, mpmath.sqrt(1 - s * s))))).astype(float)),
            sorted(float(x) for x in (*(read(r, s=s) for r in roots), -read(roots[-1], s=s))))))),
    ("prop-1", r"false for s₀ < 0, by any factor as s₀ → −1; true with (.*?), better with (.*)",
     lambda a, b: cosines(lambda s: all(close(ratio(n, "prop-1", models(s)), read(f, s0=s) / (1 + s))
                                        for n, f in (("prop-1-abs", a), ("prop-1-sine", b)))
                          and (ratio("prop-1-sine", "prop-1", models(s)) > 1) == (s < 0))
     and ratio("prop-1-sine", "prop-1", models(-1 + mpf(10) ** -12)) > 10**5),
    *((f"{p}-abs", r"tight only at s₀ = 0", lambda p=p, q=q: cosines(
        lambda s: close(ratio(f"{p}-abs", f"{p}-{q}", models(s)), 1) == (s == 0)))
      for p, q in (("prop-1", "sine"), ("prop-2-output", "sharp"))),
    ("prop-1-sharp", r"attained by W' = (.*?), x' = x for every W, x₁, x₂; the hypothesis", lambda f: turned(
        "prop-1-sharp", [[1, 2, 0], [0.5, -1, 3]], [1, 2], [2, -0.5], f)),
    ("prop-1-sine", r"attained where sim\(x₁, x₂\) = −s₀ by W' = (.*?), and by W' = (.*?) as well",
     lambda *factors: all(turned("prop-1-sine", [[0.75, 0], [0, 4 / 3]], [0.8, 0.6], [0.8, -0.6], f)
                          for f in factors)),
    ("prop-1-weights", r"divides this (?:bound )?by t and leaves Prop. 2", lambda: (
        close(right("prop-1-weights", models(mpf("0.3"), size=5)) * 5, right("prop-1-weights", models(mpf("0.3"))))
        and close(ratio("prop-2-input-sharp", "prop-2-output-sharp", models(mpf("0.3"), size=5)),
                  ratio("prop-2-input-sharp", "prop-2-output-sharp", models(mpf("0.3")))))),
    ("prop-1-finite", r"for (ε‖x)(‖ ≤ ‖x)(W‖)", lambda a, b, c: (
        f"{a}₁{b}₁{c}" in map(text, CLAIMS["prop-1-finite"].given))),
    ("prop-2-input-abs", r"guaranteed where (.*?) ≤ (\d)", lambda f, n: cosines(lambda s: all(
        (read(f, s0=s, κ=k, κ_target=4) <= int(n))
        == (right("prop-2-input-sharp", raw := models(s, k, 4)) <= right("prop-2-input-abs", raw))
        for k in (1, 1.5, 2, 3, 5, 9)))),
    ("prop-2-input-sharp", r"depends on the base weights; .* κ = κ' and every s₀; (.*?) only .*scaled iso",
     lambda f: cosines(lambda s: all(
         close(right("prop-2-input-sharp", models(s, k, k)), read(f, s0=s, ε=number("1/10"))) == (k == 1)
         for k in (1, 2)))),
    ("prop-2-input-finite-sharp", r"(sinh\(L/2\)) = (.*?) for the right side L: it grows like (.*?), not like (.*)",
     lambda a, b, like, unlike: all(
         close(read(a, L=right("prop-2-input-finite-sharp", models(number("1/4"), k, k))), read(b, κ=k, ε=mpf("0.1")))
         for k in (1.5, 40)) and abs(right("prop-2-input-finite-sharp", models(mpf(0), 1e8, 1e8)) / 2
                                     - read(like, κ=1e8) / 2) < 6 < read(unlike, κ=1e8)),
    ("prop-2-output", r"false for every s₀ in \(−1, 0\), by the factor (.*?); true with (.*?); sharp: (.*)", of_output),
    ("prop-2-output-frobenius", r"false for s₀ < (.*?); the sharp constant of this reading is (.*)",
     lambda edge, f: all((read(f, s0=read(edge) + h) > 4 * (1 + read(edge) + h)) == (h < 0) for h in (-1e-9, 1e-9))),
    ("prop-2-output-sharp", r"that is (.*?); attained for every s₀", lambda f: cosines(lambda s: close(
        right("prop-2-output-sharp", models(s)), read(f, s0=s, ε=mpf("0.1"))))),
    *((claim, pattern, lambda f, tau="2ε/(1 + ε²)": cosines(lambda s: close(
        right("prop-2-output-finite", models(s, epsilon="1/3")),
        read(f, s0=s, τ=read(tau, ε=mpf(1) / 3))))) for claim, pattern in (
            ("prop-2-output-finite", r"for s₀ = s₀' that is (.*?), at most 2τ ≤ 4ε, so that 4ε needs no O"),
            ("independent-output", r"exactly (.*?) with τ = (.*?), attained; no O"))),
    ("prop-2-output-artanh", r"depends on (.*?) alone", lambda part: {
        x.name for r in CLAIMS["prop-2-output-artanh"].concludes for x in r.right.walk() if x.op == "matrix"
    } == {"ab"} and part == "I + AB"),
    ("independent-input", r"the sharp constant (.*?), κ = cond\(W\), is attained and not bounded over all W",
     lambda f: cosines(lambda s: close(10 * right("prop-2-input-sharp", models(s, 2, 7)),
                                       read(f, s0=s, κ=2, κ_target=7)))),
    ("lemma-2-integral", r"no factor below (½) will do",
     lambda f: text(CLAIMS["lemma-2-integral"].concludes[0].right).startswith(f"{f}sup_t")),
    *((p, r"(?:never|not) below (?:the bound of )?(Lemma 3) if rank AB < (\w)", lambda *said, p=p: of_two(p, *said))
      for p in ("prop-4", "prop-5")),
    *((f"reach-{p}", r"([AWB()]+) is a LoRA of (\w+) (\w)$", of_rank) for p in ("input", "output")),
    *((f"eq-6{x}", r"update is a LoRA of (\w+) (r₁ \+ r₂)|so it is a LoRA of (\w+) (r₁ \+ r₂)",
       lambda *said: of_sum(*filter(None, said))) for x in ("", "-rank-input", "-rank-output")),
    ("lora-x-capacity", r"unless r = c = d.*dimensions at rank r < max\(c, d\).*r² against (.*?);", lambda f: all(
        (r * r < read(f, r=r, c=c, d=d)) == (r < max(c, d)) for r, c, d in ((1, 2, 3), (2, 2, 3), (3, 3, 3)))),
    *((f"transfer-{p}", r"W₁ = W₂ = W₂' = I, W₁' = diag\((\d), (\d)\), AB = (\d)e₁e₁ᵀ", lambda a, b, n: all(
        witness("r1")[key] == m for key, m in (
            ("W1", [[1, 0], [0, 1]]), ("W2", [[1, 0], [0, 1]]), ("W2_target", [[1, 0], [0, 1]]),
            ("W1_target", [[int(a), 0], [0, int(b)]]), ("AB", [[int(n), 0], [0, 0]])))) for p in ("input", "output")),
    ("nonlinear-input", r"E‖f\((.*?)\) − f'\((.*?)\)‖² ≤ ‖(.*?)‖₂² E‖f\((.*?)\) − f'\((.*?)\)‖² for one",
     lambda a, b, t, c, d: (a, b, c, d) == (f"x({t})", f"x({t})", "x", "x") and t == "I + AB"),
    ("effect-random-source", r"W' = s\(ρW \+ √\((.*?)\)N\).*: c = Π(\S+) and q = Π(\S+) .* R = (\d)Π(\S+) − Π(\S+);",
     lambda f, c, q, two, b, last: close(read(f, ρ=0.6), mpf("0.64")) and (b, last, two) == (c + q, f"{q}²", "2")),
    ("effect-random-source", r"costs LoRA \((.*?)\)\^\(L − (\d)\) − (\d) of the gain, .* adapters \((.*?)\)\^L − (\d)",
     lambda f, less, one, g, also: all(  # 1 − R for ρs = 1 and s² = 1 + δ² on the layers of a path
         close(read(h, δ=0.3) ** (3 - k) - int(n), 1 - (2 - mpf("1.09") ** len(random_change.PATHS[p])))
         for h, k, n, p in ((f, int(less), one, LORA), (g, 0, also, INPUT), (g, 0, also, OUTPUT)))),
    ("effect-fixed-source", r"(E e' = e) and R = 2 − tr\(XB₀Xᵀ\)/‖e‖², .* B = I at .*, B ↦ (.*?) for .* and B ↦ MBMᵀ",
     lambda e, layer: CLAIMS["effect-fixed-source"].proofs[0].statement == f"E(W + H)B(W + H)ᵀ = {layer}, and {e}"),
    ("bounds-rank", r"W = W' = (\d+) I, ε = (\S+) gives", lambda n, e: (
        witness("scaled")["W"] == witness("scaled")["W_target"] == [[int(n), 0], [0, int(n)]]
        and number(str(witness("scaled")["epsilon"])) == number(e))),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "pattern", "holds"), FACTS, ids=[f"{c}: {p}" for c, p, _ in FACTS])
def test_what_is_said_of_a_claim_is_so(claim: str, pattern: str, holds: Callable[..., bool]) -> None:
    said = "; ".join((CLAIMS[claim].prose, CLAIMS[claim].reading, remark(CLAIMS[claim])))
    match = re.search(pattern, said)
    assert match, said
    with mpmath.workdps(50):
        assert holds(*match.groups())
