"""The paper's statements and ours, with verdicts that anyone can recompute; ``registry.toml`` lists their modules."""

from ioadapt_theory.claims.claim import Claim, Run
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.findings import Evidence, Verdict, Verification
from ioadapt_theory.claims.verifying import CLAIMS, verify

__all__ = ["CLAIMS", "Claim", "Evidence", "Run", "Verdict", "Verification", "evaluate", "verify"]
