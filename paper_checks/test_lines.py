"""Every formula in every line of an argument is evaluated; one that cannot be read, or is not so, fails."""

from typing import Any

import mpmath
import pytest

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims.evidence.argument import Reached, Told
from ioadapt_theory.claims.evidence.prose import Reasoned
from paper_checks.lines import wrong
from paper_checks.objects import OBJECTS

ARGUMENTS = [
    (c, k, p) for c in CLAIMS.values() for k, p in enumerate(c.proofs)
    if isinstance(p, Told | Reached | Reasoned) and not c.id.startswith(("tables", "overhead"))  # which are counts
]  # fmt: skip


@pytest.mark.parametrize(("claim", "number", "proof"), ARGUMENTS, ids=[f"{c.id}-{k}" for c, k, _ in ARGUMENTS])
def test_every_formula_of_a_line_is_so(claim: Claim, number: int, proof: Any) -> None:
    with mpmath.workdps(50):
        instances = [i for name, k, make in OBJECTS if (name, k) == (claim.id, number) for i in make()]
        about = [proof.about] if isinstance(proof, Reasoned) else []
        lines = [x for x in (*about, *proof.printed(claim)) if not x.startswith("this is ")]
        assert [x for line in lines for x in wrong(line, instances)] == []
