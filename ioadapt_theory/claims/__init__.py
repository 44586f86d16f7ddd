"""Every numbered statement of the paper with a verdict that a sceptic can re-run; one statement a file."""

from ioadapt_theory.claims.beyond.anisotropic import PROP_4_ANISOTROPIC, PROP_4_WHITENED, PROP_5_ANISOTROPIC
from ioadapt_theory.claims.beyond.interior import PROP_4_EVERY_LAYER, PROP_4_INTERIOR, PROP_4_INTERIOR_LAYERS
from ioadapt_theory.claims.beyond.remarks import REMARKS
from ioadapt_theory.claims.beyond.transfer import TRANSFER
from ioadapt_theory.claims.claim import Claim, Run
from ioadapt_theory.claims.evidence.findings import Evidence, Verdict, Verification
from ioadapt_theory.claims.statements.eq_5 import EQ_5, EQ_5_COLUMN_RANK, EQ_5_RANK, EQ_5_ROW_RANK
from ioadapt_theory.claims.statements.eq_6 import EQ_6, EQ_6_SAME_SET
from ioadapt_theory.claims.statements.lemma_1 import (
    LEMMA_1,
    LEMMA_1_ANGLE,
    LEMMA_1_EXPANSION,
    LEMMA_1_REMAINDER,
    LEMMA_1_SHARP,
)
from ioadapt_theory.claims.statements.lemma_2 import LEMMA_2, LEMMA_2_INTEGRAL, LEMMA_2_REMAINDER, LEMMA_2_SHARP
from ioadapt_theory.claims.statements.lemma_3 import LEMMA_3
from ioadapt_theory.claims.statements.prop_1 import (
    PROP_1,
    PROP_1_ABS,
    PROP_1_EXPLICIT,
    PROP_1_FINITE,
    PROP_1_FROBENIUS,
    PROP_1_LITERAL,
    PROP_1_MAIN,
    PROP_1_SHARP,
    PROP_1_SINE,
    PROP_1_WEIGHTS,
)
from ioadapt_theory.claims.statements.prop_2_input import (
    PROP_2_INPUT,
    PROP_2_INPUT_ABS,
    PROP_2_INPUT_FINITE,
    PROP_2_INPUT_FROBENIUS,
    PROP_2_INPUT_LITERAL,
    PROP_2_INPUT_SHARP,
    PROP_2_INPUT_VECTORS,
)
from ioadapt_theory.claims.statements.prop_2_output import (
    PROP_2_OUTPUT,
    PROP_2_OUTPUT_ABS,
    PROP_2_OUTPUT_ARTANH,
    PROP_2_OUTPUT_FINITE,
    PROP_2_OUTPUT_FROBENIUS,
    PROP_2_OUTPUT_LITERAL,
    PROP_2_OUTPUT_SHARP,
)
from ioadapt_theory.claims.statements.prop_3 import PROP_3, PROP_3_EXACT, PROP_3_SECOND
from ioadapt_theory.claims.statements.prop_4 import PROP_4, PROP_4_EXACT
from ioadapt_theory.claims.statements.prop_5 import PROP_5, PROP_5_EXACT
from ioadapt_theory.claims.verifying import verify

REGISTRY: tuple[Claim, ...] = (
    LEMMA_1_EXPANSION,
    LEMMA_1,
    LEMMA_1_SHARP,
    LEMMA_1_REMAINDER,
    LEMMA_1_ANGLE,
    LEMMA_2,
    LEMMA_2_SHARP,
    LEMMA_2_INTEGRAL,
    LEMMA_2_REMAINDER,
    PROP_1,
    PROP_1_LITERAL,
    PROP_1_FROBENIUS,
    PROP_1_MAIN,
    PROP_1_ABS,
    PROP_1_SINE,
    PROP_1_SHARP,
    PROP_1_WEIGHTS,
    PROP_1_EXPLICIT,
    PROP_1_FINITE,
    PROP_2_INPUT,
    PROP_2_INPUT_LITERAL,
    PROP_2_INPUT_FROBENIUS,
    PROP_2_INPUT_ABS,
    PROP_2_INPUT_SHARP,
    PROP_2_INPUT_VECTORS,
    PROP_2_INPUT_FINITE,
    PROP_2_OUTPUT,
    PROP_2_OUTPUT_LITERAL,
    PROP_2_OUTPUT_FROBENIUS,
    PROP_2_OUTPUT_ABS,
    PROP_2_OUTPUT_SHARP,
    PROP_2_OUTPUT_FINITE,
    PROP_2_OUTPUT_ARTANH,
    LEMMA_3,
    PROP_3,
    PROP_3_EXACT,
    PROP_3_SECOND,
    PROP_4,
    PROP_4_EXACT,
    PROP_5,
    PROP_5_EXACT,
    PROP_4_INTERIOR,
    PROP_4_INTERIOR_LAYERS,
    PROP_4_EVERY_LAYER,
    PROP_4_ANISOTROPIC,
    PROP_4_WHITENED,
    PROP_5_ANISOTROPIC,
    EQ_5,
    EQ_5_ROW_RANK,
    EQ_5_COLUMN_RANK,
    EQ_5_RANK,
    EQ_6,
    EQ_6_SAME_SET,
    *REMARKS,
    *TRANSFER,
)
CLAIMS: dict[str, Claim] = {claim.id: claim for claim in REGISTRY}
"""The registry, in the paper's order; a reading is an entry."""

__all__ = ["CLAIMS", "Claim", "Evidence", "Run", "Verdict", "Verification", "verify"]
