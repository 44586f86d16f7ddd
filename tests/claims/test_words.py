"""Every word of a verdict is judged: sharp, attained and iff fail when what shows them is missing or does not hold."""

from dataclasses import replace

import pytest

from ioadapt_theory.claims import CLAIMS, Claim, Run, Verdict, verify
from ioadapt_theory.claims.claim import Word
from ioadapt_theory.claims.evidence.argument import Check, Computed, Step

SMALL = Run(instances=20, starts=2, steps=2, stacks=2, samples=50)
SAID = [pytest.param(c, w, id=f"{c.id}: {w}") for c in CLAIMS.values() for w in c.words]


def quick(claim: Claim) -> Claim:
    """Without searches and sampling, which say nothing about words."""
    return replace(claim, strategies=[s for s in claim.strategies if type(s).__name__ == "Replay"])


@pytest.mark.parametrize(("claim", "word"), SAID)
def test_a_word_that_nothing_shows_leaves_the_claim_undecided(claim: Claim, word: Word) -> None:
    bare = replace(claim, proofs=tuple(p for p in claim.proofs if word not in p.shows or not p.aside))
    bare = replace(bare, proofs=tuple(replace(p, shows=p.shows - {word}) for p in bare.proofs))
    bare = replace(bare, attained=() if word is Word.ATTAINED else claim.attained)
    assert verify(quick(bare), SMALL).verdict is Verdict.UNDECIDED


def failing(_: Claim):
    yield Step("no", Check(holds=False), reaches=True)


@pytest.mark.parametrize(("claim", "word"), [p for p in SAID if p.values[1] is not Word.ATTAINED])
def test_a_word_whose_argument_fails_leaves_the_claim_undecided(claim: Claim, word: Word) -> None:
    broken = tuple(replace(p, argument=Computed("", failing)) if word in p.shows else p for p in claim.proofs)
    assert verify(quick(replace(claim, proofs=broken)), SMALL).verdict is Verdict.UNDECIDED


def test_a_proof_of_another_statement_proves_nothing() -> None:
    """The argument of Prop. 4 beside the formula of Prop. 5, and the other way round."""
    four, five = CLAIMS["prop-4"], CLAIMS["prop-5"]
    for claim, other in ((four, five), (five, four)):
        assert verify(quick(replace(claim, proofs=other.proofs)), SMALL).verdict is Verdict.UNDECIDED
