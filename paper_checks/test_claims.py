"""Is the paper right? Every statement keeps its recorded verdict; a refuted one stays refuted, with its witness."""

from collections.abc import Callable

import pytest

from ioadapt_theory.claims import CLAIMS, Claim, Verdict, verify
from paper_checks.conftest import KEY

EVERY = [pytest.param(claim, id=f"{claim.id}: {claim.statement}".replace("::", ":")) for claim in CLAIMS.values()]
NUMBERED = (
    *("Lemma 1", "Lemma 2", "Lemma 3", "Proposition 1", "Proposition 2"),
    *("Proposition 3", "Proposition 4", "Proposition 5", "Eq. 5", "Eq. 6"),
)


@pytest.mark.parametrize("claim", EVERY)
def test_verdict_is_the_recorded_one(claim: Claim, record_property: Callable[[str, object], None]) -> None:
    found = verify(claim)
    record_property(KEY, found.to_json())
    assert found.verdict is claim.expected, found


@pytest.mark.parametrize("number", NUMBERED)
def test_every_numbered_statement_has_a_verdict(number: str) -> None:
    assert any(number in claim.source for claim in CLAIMS.values())


@pytest.mark.parametrize("claim", [p for p in EVERY if p.values[0].expected is Verdict.REFUTED])
def test_a_refutation_is_exact(claim: Claim) -> None:
    """By a shipped witness or an exact argument, never by a float64 search alone."""
    from ioadapt_theory.claims.verifying import strategies

    assert claim.witnesses or any(getattr(s, "refutes", False) for s in strategies(claim))


@pytest.mark.parametrize("claim", [p for p in EVERY if p.values[0].expected is Verdict.REFUTED])
def test_what_is_true_instead_is_said(claim: Claim) -> None:
    assert claim.remark
