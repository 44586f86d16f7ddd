"""What is printed of claims and verifications, character by character."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from ioadapt_theory.claims import CLAIMS, Verdict
from ioadapt_theory.claims.claim import Claim, Origin
from ioadapt_theory.claims.evidence.argument import Remarked
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification
from ioadapt_theory.claims.report import (
    HEADER,
    cells,
    columns,
    counted,
    describe,
    evidence_text,
    located,
    markdown,
    proofs,
    ratio_text,
    reading,
    remark,
    sharpness,
    shipped_ratio,
    short,
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
        "          witness: attained: r1\n"
        "          note: it is tight\n"
        "\n"
        "REFUTED   in-words  (Section 4)\n"
        "          [ours] whoever reads |this| needs more than fifty columns\n"
        "            for it\n"
        "\n"
        "1 claim with a formula: 1 proved; 1 in prose with an argument: 1 refuted.\n"
    )
    assert rest[0].endswith("/witnesses.json; evaluate one with `ioadapt verify prop-4 --instance r1`.\n")
    assert located([PROSE]) == ""
    assert located([PROSE, replace(PROP_4, witnesses=("g1",))]).endswith("--instance g1`.\n")


def test_a_row_of_markdown_is_a_claim_and_its_bars_are_no_columns() -> None:
    assert markdown([PROP_4, PROSE]) == (
        "| claim | verdict | statement | witness or sharpness | note |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| `prop-4` | PROVED | [as printed: as it stands] given ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε: "
        "E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂²ε | attained: r1 | it is tight |\n"
        "| `in-words` | **REFUTED** | [ours] whoever reads \\|this\\| needs more than fifty columns for it |  |  |\n"
    )
    assert len(cells(PROP_4)) == len(HEADER)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"witnesses": ["a"], "attained": ["c"], "ratio": 12.34567, "statement": "≤"}, "12.35 times the bound: a"),
        ({"witnesses": ["a", "b"], "attained": [], "ratio": 2.0, "statement": "x = y"}, "a, b"),
        ({"witnesses": ["a"], "attained": [], "ratio": "inf", "statement": "x ≤ y"}, "a"),
        ({"witnesses": ["a"], "attained": [], "ratio": None, "statement": "x ≤ y"}, "a"),
        ({"witnesses": [], "attained": ["a", "b"], "ratio": 1.0, "statement": "x ≤ y"}, "attained: a, b"),
        ({"witnesses": [], "attained": [], "ratio": 0.5, "statement": "x ≤ y"}, ""),
    ],
)  # fmt: skip
def test_a_factor_is_said_where_a_bound_is_exceeded_by_one(entry: dict, said: str) -> None:
    assert sharpness(entry) == said


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


def test_the_ratio_of_a_claim_is_the_largest_of_its_instances() -> None:
    assert shipped_ratio(CLAIMS["prop-2-input"]) == pytest.approx(50)
    assert math.isnan(shipped_ratio(replace(PROP_4, attained=())))
    assert math.isnan(shipped_ratio(PROSE))
    assert describe(CLAIMS["prop-4-interior"])["ratio"] == "inf"


def test_a_remark_computes_the_values_that_it_speaks_of() -> None:
    said = replace(CLAIMS["prop-3"], remark="{lhs of g1}, {rhs of g1}; {lhs of g1 in prop-4-interior}")
    assert remark(said) == "29/16, 41/8; 45/2"
    assert remark(replace(CLAIMS["prop-3"], remark=lambda: "made {rhs of g1}")) == "made 41/8"


@pytest.mark.parametrize(
    ("x", "said"),
    [(0.375, "3/8"), (2.0, "2"), (1 / 997, "1/997"), (1 / 1009, "0.0009911"), (math.pi, "3.142"), (0.0, "0")],
)
def test_a_value_is_a_fraction_of_small_numbers_or_four_digits(x: float, said: str) -> None:
    assert short(x) == said
    assert short(float(Fraction(3, 8)) * (1 + 5e-13)) == "0.375"


def test_arguments_say_what_they_are_about() -> None:
    for name, start in (("prop-4", "For prop-4: "), ("prop-2-output", "Against prop-2-output: ")):
        claim = CLAIMS[name]
        assert proofs(claim).startswith(f"{start}{claim.proofs[0].name}\n    ")
    beside = replace(PROP_4, proofs=(Remarked("r", "s", lambda _: iter(())),))
    assert proofs(beside).startswith("Beside prop-4: r\n    To show: s\n")
    assert proofs(PROP_4).endswith("\n")
    assert proofs(PROP_4).splitlines() == [
        line
        for p in PROP_4.proofs
        for line in (f"For prop-4: {p.name}", *(f"    {step}" for step in p.printed(PROP_4)))
    ]


def test_counts_name_every_verdict_there_is() -> None:
    assert counted([PROP_4, PROP_4, replace(PROP_4, expected=Verdict.SURVIVED)]) == (
        "3 claims with a formula: 2 proved, 1 survived.\n"
    )
    assert counted([PROSE]) == "0 claims with a formula: ; 1 in prose with an argument: 1 refuted.\n"


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
    assert (ratio_text(-math.inf), ratio_text(2.0), ratio_text(math.inf)) == ("-", "2", "inf")
    assert evidence_text(some["c"]) == ""
    assert columns([("a", "bb", "c"), ("aaa", "b", "")]) == "a    bb  c\naaa  b\n"
