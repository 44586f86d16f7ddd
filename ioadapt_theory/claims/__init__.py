"""Every numbered statement of the paper with a verdict that a sceptic can re-run; one statement a file."""

from ioadapt_theory.claims.claim import Claim, Run
from ioadapt_theory.claims.evidence import Evidence, Verdict, Verification
from ioadapt_theory.claims.prop_4 import PROP_4
from ioadapt_theory.claims.verifying import verify

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in (PROP_4,)}
"""The registry, in the paper's order; a reading is an entry."""

__all__ = ["CLAIMS", "Claim", "Evidence", "Run", "Verdict", "Verification", "verify"]
