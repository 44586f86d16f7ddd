"""All claims by id; ``FILES`` lists the modules that define them."""

from ioadapt_theory.claims.beyond import attention, depth, interior, nonlinear, transfer
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.laws import (
    best,
    certificate,
    filters,
    gain,
    interval,
    limits,
    placement,
    random_change,
    reading,
    several,
    two_way,
)
from ioadapt_theory.claims.statements import (
    equations,
    lemma_1,
    lemma_2,
    prop_1,
    prop_1_finite,
    prop_1_sharp,
    prop_2,
    prop_2_input_finite,
    prop_2_input_sharp,
    prop_2_output_sharp,
    props_3_to_5,
)
from ioadapt_theory.claims.words import absorption, independence, overhead, reach, tables

FILES = (
    lemma_1, lemma_2, prop_1, prop_1_sharp, prop_1_finite, prop_2, prop_2_input_sharp, prop_2_input_finite,
    prop_2_output_sharp, props_3_to_5, interior, depth, equations, independence, reach, absorption, overhead, tables,
    transfer, nonlinear, attention, gain, reading, placement, filters, best, random_change, limits, interval, two_way,
    several, certificate,
)  # fmt: skip


class Claims(dict[str, Claim]):
    """Claims by id; printed, their number by verdict."""

    def __repr__(self) -> str:
        from ioadapt_theory.claims.report import counted

        return f"{counted(self.values()).rstrip()} CLAIMS['prop-3'] is one of them."


CLAIMS = Claims({claim.id: claim for file in FILES for claim in file.CLAIMS})
"""All claims by id, in the order of ``FILES``; every interpretation of a statement is a separate claim."""
