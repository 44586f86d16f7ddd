"""Every claim, in the paper's order: a file that states claims is one line here."""

from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.statements import lemma_1, lemma_2, prop_1, prop_2_input, prop_2_output, lemma_3, prop_3, prop_4, prop_5

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
)
CLAIMS: dict[str, Claim] = {claim.id: claim for file in FILES for claim in file.CLAIMS}
"""By id; a reading is an entry."""
