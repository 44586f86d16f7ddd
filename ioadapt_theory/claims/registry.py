"""Every claim, in the paper's order: a file that states claims is one line here."""

from ioadapt_theory.claims.beyond import anisotropic, attention, interior, nonlinear, transfer
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.statements import (
    eq_5,
    eq_6,
    lemma_1,
    lemma_2,
    lemma_3,
    prop_1,
    prop_2_input,
    prop_2_output,
    prop_3,
    prop_4,
    prop_5,
)
from ioadapt_theory.claims.words import absorption, equations, independence, overhead, reach, tables

FILES = (
    lemma_1,
    lemma_2,
    prop_1,
    prop_2_input,
    prop_2_output,
    lemma_3,
    prop_3,
    prop_4,
    prop_5,
    interior,
    anisotropic,
    eq_5,
    eq_6,
    independence,
    reach,
    absorption,
    overhead,
    equations,
    tables,
    transfer,
    nonlinear,
    attention,
)
CLAIMS: dict[str, Claim] = {claim.id: claim for file in FILES for claim in file.CLAIMS}
"""By id; a reading is an entry."""
