"""What is printed of claims and verifications, character by character."""

from dataclasses import replace

from ioadapt_theory.claims import CLAIMS, Verdict
from ioadapt_theory.claims.claim import Claim, Origin
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification
from ioadapt_theory.claims.report import (
    cells,
    describe,
    reading,
    remark,
    stated,
    summary,
    table,
)

PROP_4 = replace(CLAIMS["prop-4"], remark="it is tight", reading="as it stands")
PROSE = Claim(
    id="in-words",
    source="Section 4",
    origin=Origin.OURS,
    expected=Verdict.REFUTED,
    prose="whoever reads |this| needs more than fifty columns for it",
)


def test_a_table_is_a_block_a_claim_then_the_counts_and_the_place() -> None:
    first, *rest = table([PROP_4, PROSE], 70).split("Witnesses are in ")
    assert first == (
        "PROVED    prop-4  (Proposition 4 (App. A.2))\n"
        "          [as printed: as it stands] given ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε:\n"
        "            E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂²ε\n"
        "          attained: r1\n"
        "          note: it is tight\n"
        "\n"
        "REFUTED   in-words  (Section 4)\n"
        "          [ours] whoever reads |this| needs more than fifty columns\n"
        "            for it\n"
        "\n"
        "1 claim with a formula: 1 proved; 1 in prose with an argument: 1 refuted.\n"
    )
    assert rest[0].endswith("/witnesses.json; evaluate one with `ioadapt verify prop-4 --instance r1`.\n")
    assert "Witnesses" not in table([PROSE], 70)
    assert cells(CLAIMS["prop-2-input"])[3].startswith("50 times the bound: ce1, ")
    assert describe(CLAIMS["prop-4-interior"])["ratio"] == "inf"


def test_an_entry_says_everything_of_a_claim() -> None:
    entry = describe(replace(PROP_4, amends="lemma-3"))
    assert {name: entry[name] for name in entry if name not in {"statement", "latex", "given"}} == {
        **{"claim": "prop-4", "source": "Proposition 4 (App. A.2)", "origin": "as printed"},
        **{"reading": "as printed: as it stands", "verdict": "proved", "words": ["attained"], "witnesses": []},
        **{"attained": ["r1"], "ratio": 1.0, "amends": "lemma-3", "remark": "it is tight", "executable": True},
        "proofs": [proof.name for proof in PROP_4.proofs],
    }
    assert entry["given"] == ["‖W₁W₂ − W₁'W₂'‖_F² ≤ ε"]
    words = describe(PROSE)
    assert (words["ratio"], words["executable"], words["given"], words["latex"]) == (None, False, [], "")
    assert (stated(PROSE), reading(PROSE)) == (PROSE.prose, "ours")


def test_a_remark_computes_the_values_that_it_speaks_of() -> None:
    said = replace(CLAIMS["prop-3"], remark="{lhs of g1}, {rhs of g1}; {lhs of g1 in prop-4-interior}")
    assert remark(said) == "29/16, 41/8; 45/2"
    assert remark(replace(CLAIMS["prop-3"], remark=lambda: "made {rhs of g1}")) == "made 41/8"


def test_a_summary_marks_what_differs_from_the_record_or_is_not_finished() -> None:
    def found(verdict: Verdict) -> Verification:
        refutes = frozenset(["x"] if verdict is Verdict.REFUTED else [])
        findings = {
            Evidence.EXACT: Finding(kind=Evidence.EXACT, instances=0, proves=frozenset(["p"])),
            Evidence.RANDOM: Finding(kind=Evidence.RANDOM, instances=12, worst_ratio=0.12345678, refutes=refutes),
        }
        return Verification(claim="prop-4", findings=findings, seconds=1.26)

    claims = {"prop-4": PROP_4, "b": PROP_4, "c": PROP_4}
    some = {"prop-4": found(Verdict.PROVED), "b": found(Verdict.REFUTED), "c": Verification(claim="c")}
    assert summary(claims, some, {"c"}) == (
        "claim   verdict   recorded              worst ratio  evidence   seconds\n"
        "prop-4  proved    proved                0.123457     random 12  1.3\n"
        "b       refuted   proved  <- differs    0.123457     random 12  1.3\n"
        "c       untested  proved  not finished  -                       0.0\n"
    )
