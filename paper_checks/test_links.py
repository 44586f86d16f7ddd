"""Every link of a chain names a rule, which gives the link's formula when applied to the previous formula."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims.evidence.argument import Derived
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Term, fro, norm, opened, rank, replaced, rows, spectral, sqrt
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.settings.letters import AB, EPSILON, GAP, SOURCE, TARGET
from ioadapt_theory.claims.statements.prop_1_finite import constant

Rule = Callable[[Term], Iterator[Term]]
LINKS = [
    (claim, before, link.says, link.formula)
    for claim in CLAIMS.values()
    for proof in claim.proofs
    if isinstance(proof, Derived)
    for chain in proof.chains
    for before, link in zip((chain.first, *(x.formula for x in chain.links)), chain.links, strict=False)
]
NORMS = {"_F": fro, "₂": spectral, "": norm}


def same(i: Values, a: Term, b: Term) -> bool:
    return torch.allclose(*(torch.as_tensor(i(x), dtype=torch.float64) for x in (a, b)), rtol=1e-7, atol=1e-9)


def rewritten(i: Values, before: Term, after: Term, *rules: Rule) -> bool:
    """Return whether rules, applied to parts of ``before`` that are not in ``after``, give the value of ``after``."""
    before, after = opened(before), opened(after)
    kept, found = set(after.walk()), dict[Term, list[Term]]()
    for x in before.walk():
        if x not in kept and (ways := [y for rule in rules for y in rule(x)]):
            found[x] = ways
    choices = product(*([*ways, x] for x, ways in found.items()))
    return any(same(i, replaced(before, dict(zip(found, choice, strict=True))), after)
               for choice in choices if choice != (*found,))  # fmt: skip


def triangle(x: Term) -> Iterator[Term]:
    if x.op in {"norm", "fro", "abs"} and x.args[0].op in {"add", "plus"}:
        a, b = (Term(x.op, (y.args[-1] if "-1" in {z.name for z in y.args} else y,)) for y in x.args[0].args)
        yield from (first + second for first in (a, *triangle(a)) for second in (b, *triangle(b)))


def splits(m: Term) -> Iterator[tuple[Term, Term]]:
    if m.op == "product":
        a, b = m.args
        yield a, b
        yield from ((c, d @ b) for c, d in splits(a))


def norms(whole: str, first: str, second: str) -> Rule:
    """Return the rule ‖MN‖ ≤ ‖M‖‖N‖ for the norms of MN, M and N, given by their subscripts (keys of NORMS)."""

    def rule(x: Term) -> Iterator[Term]:
        if x.op == NORMS[whole](AB if whole else SOURCE.x1).op:
            for a, b in splits(x.args[0]):
                here = NORMS[first](a)
                yield from (left * NORMS[second](b) for left in (here, *(rule(here) if first == whole else ())))

    return rule


def schwarz(x: Term) -> Iterator[Term]:
    if x.op == "abs" and x.args[0].op == "dot":
        yield norm(x.args[0].args[0]) * norm(x.args[0].args[1])


def rank_of_sum(x: Term) -> Iterator[Term]:
    if x.op == "rank" and x.args[0].op == "plus":
        yield rank(x.args[0].args[0]) + rank(x.args[0].args[1])


def columns(x: Term) -> Iterator[Term]:
    """For x = rank(MN), yield its bounds rows(N), for every way to split the product into M and N."""
    if x.op == "rank":
        yield from (rows(b) for _, b in splits(x.args[0]))


def squares(x: Term) -> Iterator[Term]:
    if x.op == "pow" and x.args[0].op == "add":
        yield 2 * x.args[0].args[0] ** 2 + 2 * x.args[0].args[1] ** 2


def instead(old: Term, new: Term) -> Rule:
    return lambda x: iter([new] if x == opened(old) else [])


def given(claim: Claim, i: Values, before: Term, after: Term) -> bool:
    return any(rewritten(i, before, after, instead(r.left, r.right), instead(fro(GAP), sqrt(EPSILON))) or (
        claim.setting.name.startswith("setting A.2") and same(i, before, after)) for r in claim.given)  # fmt: skip


def by_lemma(i: Values, after: Term, *, remainder: bool) -> bool:
    """Return whether a formula adds a bound of Lemma 1 on |δ| (and, if ``remainder``, that on |R|) for both models."""
    found = (x for x in opened(after).walk() if x.op == "norm" and "ab" in {y.name for y in x.walk()})
    lengths = list(dict.fromkeys(found))
    for factor in (lambda m: 1 + abs(m.s0), lambda m: m.sine0):
        whole = 0 * EPSILON
        for m, a, b in ((SOURCE, *lengths[:2]), (TARGET, *lengths[2:])):
            a, b = a / norm(m.y1), b / norm(m.y2)
            whole = whole + factor(m) * (a + b) + (constant(m) * (a**2 + b**2) if remainder else 0)
        if same(i, whole, after):
            return True
    return False


def side(i: Values, before: Term, after: Term, which: str) -> bool:
    return same(i, before, after) and ({"left": "(I + AB)(", "right": ")(I + AB)"}[which] in text(after))


RULES: list[tuple[str, Callable[..., Any]]] = [
    ("multiply out|subtract|expand|expand both squares|expand, z again x|telescope|put together|s comes out|"
     "s/s = 1|AA⁻¹ = I, B⁻¹B = I|turn the trace round|products of columns and of rows|"
     "lengths of columns and of rows|weights and bias of the old sizes|layer by layer|"
     "the adapter's effect is LoRA's and its own change|δ is linear in Δu and Δv|.*put in the middle|"
     r"‖∇ᵤs‖ = √\(1 − s²\)/‖u‖|W⁺\(AB\) = \(W⁺A\)B|R\(uᵀv\)J = \(uRᵀ\)ᵀ\(vJ\)|L' − L = LL⁺\(L' − L\)|"
     r"‖I \+ AB‖₂ in front|"
     r"g\(xT\) = g\(x\) \+ \(g\(xT\) − g\(x\)\)|E‖xD‖² = σ²‖D‖_F²(?:, and the gap split off)?",
     lambda c, i, a, b: same(i, a, b)),
    (r"(W' = W|W = W'|W⁺W = I|WW⁺ = I|W₁W₂ = W₁'W₂'|s₀ = s₀')(?:, and Lemma 1)?", lambda c, i, a, b, r: (
        same(i, a, b) and {r, " = ".join(r.split(" = ")[::-1])} & {text(g) for g in c.given})),
    (".*I \\+ AB factored out on the (left|right)", lambda c, i, a, b, which: side(i, a, b, which)),
    ("triangle inequality(?:, twice)?", lambda c, i, a, b: rewritten(i, a, b, triangle)),
    (r"‖..‖(_F|₂|) ≤ ‖.‖(_F|₂|)‖.‖(_F|₂|)", lambda c, i, a, b, *n: rewritten(i, a, b, norms(*n))),
    (r"‖xAB‖ ≤ ‖x‖‖AB‖₂", lambda c, i, a, b: rewritten(i, a, b, norms("", "", "₂"))),
    (r"‖..‖(_F) ≤ ‖.‖(_F|₂)‖.‖(_F|₂) and ‖.‖(_F|₂)‖.‖(_F|₂)", lambda c, i, a, b, n, *m: rewritten(
        i, a, b, norms(n, *m[:2]), norms(n, *m[2:]))),
    ("Cauchy-Schwarz", lambda c, i, a, b: rewritten(i, a, b, schwarz)),
    ("the hypothesis on AB|the hypothesis on the models|Lipschitz", lambda c, i, a, b: given(c, i, a, b)),
    ("Lemma 1", lambda c, i, a, b: by_lemma(i, b, remainder=False)),
    ("Lemma 1 with its remainder", lambda c, i, a, b: by_lemma(i, b, remainder=True)),
    ("the sharp form", lambda c, i, a, b: same(i, CLAIMS[f"{c.id}-sharp"].concludes[0].right, b)),
    (r"√\(1 − s²\) ≤ 1 \+ \|s\|", lambda c, i, a, b: rewritten(i, a, b, lambda x: iter(
        [1 + abs(Term("sim", x.args))] if x.op == "sine" else []))),
    ("a product through r columns|B₁W has as many rows as B₁", lambda c, i, a, b: rewritten(i, a, b, columns)),
    ("rank of a sum", lambda c, i, a, b: rewritten(i, a, b, rank_of_sum)),
    (r"\(a \+ b\)² ≤ 2a² \+ 2b²", lambda c, i, a, b: rewritten(i, a, b, squares)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "before", "says", "after"), LINKS, ids=[f"{c.id}: {says}" for c, _, says, _ in LINKS]
)
def test_a_link_is_by_the_rule_that_it_names(claim: Claim, before: Term, says: str, after: Term) -> None:
    setting = claim.setting
    i = Values(setting.draw(3, torch.Generator().manual_seed(1)))
    matches = [(rule, match) for pattern, rule in RULES if (match := re.fullmatch(pattern, says))]
    assert matches, "no rule has this name"
    assert all(rule(claim, i, before, after, *match.groups()) for rule, match in matches)
    if matches[0][0] is not RULES[0][1] and claim.concludes[0].sign != "=":
        assert (i(before) <= i(after) * (1 + 1e-9) + 1e-12).all()
