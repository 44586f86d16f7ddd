"""Claims and all steps of their arguments have not changed since the last review."""

import pytest

from ioadapt_theory.claims import CLAIMS, Claim
from paper_checks.register import REGISTER, entry

SIGNED = dict(block.split(":", 1) for block in REGISTER.read_text("utf-8").split("\n\n"))


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
def test_the_claim_is_as_it_was_signed(claim: Claim) -> None:
    """After an intended change, run ``python -m paper_checks.register`` and review the diff."""
    assert SIGNED[claim.id].strip() == entry(claim).split(":", 1)[1].strip()


def test_nothing_else_was_signed() -> None:
    assert list(SIGNED) == list(CLAIMS)
