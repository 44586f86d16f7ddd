"""What claims say in words agrees with what they state: formulas, quantifiers, placements, names of rules."""

import re

import pytest

from ioadapt_theory.claims import CLAIMS, Claim, Verdict
from ioadapt_theory.claims.claim import Word
from ioadapt_theory.claims.evidence.monte_carlo import ExactValue
from ioadapt_theory.claims.expression.deduction import RULES
from ioadapt_theory.claims.expression.notation import definitions, text
from ioadapt_theory.claims.expression.tree import Relation, Term
from ioadapt_theory.claims.report import remark

EVERY = pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
OWN_WORDS = ("depth-", "nonlinear-", "effect-")
"""Claims beyond the paper, whose prose holds formulas of its own."""


def plain(formula: str) -> str:
    """Without the indices of a model, of an input and of a layer."""
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
    assert claim.reading.startswith("exact value") == any(isinstance(s, ExactValue) for s in claim.strategies)
    assert (Word.CONVERSE in claim.words) == bool(re.search(r" iff |exactly the", claim.prose))
    assert Word.CONVERSE not in claim.words or not re.search(r"\bif\b", claim.prose)
    assert Word.EVERY_PAIR not in claim.words or "for every κ, κ'" in remark(claim)


@EVERY
def test_a_quantifier_is_every_no_or_only_and_a_name_is_that_of_a_claim(claim: Claim) -> None:
    said = "; ".join((claim.prose, claim.reading, remark(claim)))
    if not claim.id.startswith(("tables-", "effect-")):  # which quote the paper, or say of which law
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


def letters(x: Term) -> Term:
    return Term(x.op, tuple(map(letters, x.args)), x.name.removeprefix("?").lower())


@pytest.mark.parametrize("rule", [r for r in RULES if re.match(r"‖\w+‖\S* ≤|rank|rows", r.name)], ids=lambda r: r.name)
def test_a_rule_is_called_what_it_states(rule: object) -> None:
    r = rule.relation
    assert rule.name.split(" for ")[0] == text(Relation(letters(r.left), r.sign, letters(r.right)))


@EVERY
def test_a_link_that_quotes_a_rule_uses_it(claim: Claim) -> None:
    names = {r.name for r in RULES}
    for proof in claim.proofs:
        for deduction in getattr(proof, "deductions", ()):
            for link in deduction.links:
                quoted = {name for name in names if name in link.says}
                used = {r.name for r in link.by if getattr(r, "name", "") in names}
                assert quoted <= used
