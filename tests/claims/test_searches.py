"""Searches: what float64 finds at the edge is judged at 50 digits; what rounding decides is counted, not believed."""

import math
from dataclasses import replace

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.evidence.findings import Evidence, Finding
from ioadapt_theory.claims.evidence.searches import confirmed
from ioadapt_theory.claims.instances import witness

EDGE = Finding(kind=Evidence.RANDOM, instances=5, worst_ratio=2.0)


def test_a_violation_whose_hypothesis_holds_up_to_rounding_only_is_counted_as_undecided() -> None:
    worst = {"u": [1.0, 0.0], "v": [1.0, 0.0], "du": [-1.0000000005, 0.0], "dv": [0.0, 0.0]}
    found = confirmed(CLAIMS["lemma-1-angle"], replace(EDGE, worst=worst))
    assert (found.worst_ratio, found.worst, found.counts, found.refutes) == (-math.inf, None, {"undecided": 1}, set())


def test_a_violation_that_is_rounding_is_taken_back() -> None:
    assert confirmed(CLAIMS["prop-4"], replace(EDGE, worst=witness("r1"))).worst_ratio == 1
