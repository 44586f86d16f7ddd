"""Every claim, in the paper's order: a file that states claims is one line here."""

from importlib import import_module

from ioadapt_theory.claims.claim import Claim

FILES = (
    "statements.lemma_1",
    "beyond.remainder",
    "statements.lemma_2",
    "statements.prop_1.printed",
    "statements.prop_1.sharp",
    "statements.prop_1.finite",
    "statements.prop_2_input.printed",
    "statements.prop_2_input.sharp",
    "beyond.two_condition_numbers",
    "beyond.input_finite",
    "statements.prop_2_output.printed",
    "statements.prop_2_output.finite",
    "statements.prop_2_output.artanh",
    "statements.lemma_3",
    "statements.prop_3",
    "statements.prop_4",
    "statements.prop_5",
    "beyond.interior",
    "beyond.depth",
    "beyond.anisotropic",
    "statements.eq_5",
    "statements.eq_6",
    "words.equations",
    "words.independence",
    "words.reach",
    "words.absorption",
    "words.overhead",
    "words.tables",
    "beyond.transfer",
    "beyond.nonlinear",
    "beyond.attention",
)
CLAIMS: dict[str, Claim] = {
    claim.id: claim for file in FILES for claim in import_module(f"ioadapt_theory.claims.{file}").CLAIMS
}
"""By id; a reading is an entry."""
