"""Is the paper right? Every statement keeps its recorded verdict; a refuted one stays refuted, with its witness."""

from collections.abc import Callable

import pytest

from ioadapt_theory.claims import CLAIMS, Claim, Verdict, verify
from ioadapt_theory.claims.claim import Origin, Word
from ioadapt_theory.claims.report import remark
from paper_checks.conftest import KEY

EVERY = [pytest.param(claim, id=f"{claim.id}: {claim.statement}".replace("::", ":")) for claim in CLAIMS.values()]
REFUTED = [p for p in EVERY if p.values[0].expected is Verdict.REFUTED]
NUMBERED = (
    *("Lemma 1", "Lemma 2", "Lemma 3", "Proposition 1", "Proposition 2"),
    *("Proposition 3", "Proposition 4", "Proposition 5", "Eq. 5", "Eq. 6", "Remark A.1", "Eqs. 2 and 3"),
    *("Eqs. 4a", "Eqs. 4b", "Eqs. 4c", *(f"Table {n}" for n in (1, 3, 5, 6, 8, 9, 10, 11))),
)


@pytest.mark.parametrize("claim", EVERY)
def test_verdict_is_the_recorded_one(claim: Claim, record_property: Callable[[str, object], None]) -> None:
    found = verify(claim)
    record_property(KEY, found.to_json())
    assert found.verdict is claim.expected, found


@pytest.mark.parametrize("number", NUMBERED)
def test_every_numbered_statement_has_a_verdict(number: str) -> None:
    assert any(number in claim.source for claim in CLAIMS.values())


@pytest.mark.parametrize("claim", REFUTED)
def test_a_refutation_is_exact(claim: Claim) -> None:
    """By a shipped witness in exact numbers or an exact argument, never by a float64 search alone."""
    assert any(proof.refutes and not proof.aside for proof in claim.proofs)
    named = {p.argument.name for p in claim.proofs if hasattr(p.argument, "name")}
    assert set(claim.witnesses) <= named


@pytest.mark.parametrize("claim", REFUTED)
def test_what_is_true_instead_is_said(claim: Claim) -> None:
    assert remark(claim)


@pytest.mark.parametrize("claim", EVERY)
def test_as_printed_is_said_of_what_is_printed_only(claim: Claim) -> None:
    """Corrections and extensions are ours; "as printed" stands for a place in the paper and amends nothing of it."""
    places = ("Lemma", "Proposition", "Eq", "Remark", "Remainder", "Section", "Proof", "App", "Table")
    if claim.origin is Origin.OURS:
        assert claim.amends is not None or claim.reading or "beyond" in claim.source
    else:
        assert claim.source.startswith(places)
    if "beyond" in claim.source:
        assert claim.origin is Origin.OURS
    if claim.origin is Origin.PRINTED and claim.amends is not None:
        assert "in its proof" in claim.reading


@pytest.mark.parametrize("claim", EVERY)
def test_an_entry_that_amends_another_names_one_that_exists(claim: Claim) -> None:
    assert claim.amends is None or claim.amends in CLAIMS


@pytest.mark.parametrize("claim", [p for p in EVERY if p.values[0].attained])
def test_what_is_attained_says_so_and_is_judged(claim: Claim) -> None:
    equation = any(r.sign == "=" for r in claim.concludes)
    assert equation or Word.ATTAINED in claim.words


@pytest.mark.parametrize("claim", EVERY)
def test_sharp_attained_and_iff_are_words_with_evidence_of_their_own(claim: Claim) -> None:
    """Whoever reads "sharp" in the reading, or "iff" in the statement, finds an argument for it."""
    if claim.expected is Verdict.PROVED and claim.reading.startswith(("sharp", "exact, ")):
        assert Word.SHARP in claim.words
    if " iff " in claim.prose or "exactly the" in claim.prose:
        assert Word.CONVERSE in claim.words
