"""Verification in one process and in several, and the output."""

import time
from dataclasses import replace

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict, verify, verifying
from ioadapt_theory.claims.findings import Evidence, Finding, Verification
from ioadapt_theory.claims.report import describe, remark, short, summary, table
from ioadapt_theory.claims.settings.letters import EPSILON
from ioadapt_theory.claims.verifying import results
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.processes import pool

SMALL = Run(instances=50, starts=4, steps=3)
NAMES = ["lemma-3", "prop-2-output-abs"]


@pytest.mark.slow
def test_results_are_those_of_each_claim_in_one_process_and_in_several():
    alone = {result.claim: result for result in results(NAMES, SMALL)}
    assert alone == {name: verify(CLAIMS[name], SMALL) for name in NAMES}
    with pool(2) as processes:
        assert {result.claim: result for result in results(NAMES, SMALL, processes)} == alone


def test_a_claim_is_verified_in_one_thread_and_the_others_come_back(monkeypatch):
    seen, real, before = set[int](), verifying.work, torch.get_num_threads()
    monkeypatch.setattr(verifying, "work", lambda *a: seen.add(torch.get_num_threads()) or real(*a))
    try:
        torch.set_num_threads(2)
        begin = time.perf_counter()
        assert 0 < verify("prop-4", SMALL).seconds < time.perf_counter() - begin
        assert (seen, torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(before)


def test_no_names_are_all_claims_and_the_largest_settings_are_allowed():
    assert verifying.named(()) == [*CLAIMS.values()]
    verifying.check(Run(instances=10**6, seed=2**63 - 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [("instances", 0), ("instances", -3), ("starts", 2.5), ("steps", 10**6 + 1), ("seed", "1"), ("seed", -1)],
)
def test_python_refuses_what_the_command_refuses(name, value):
    with pytest.raises(InvalidValueError, match=rf"^{name} must be a whole number from . to [\d,]+, not {value!r}\.$"):
        verify("prop-4-exact", Run(**{name: value}))


def test_a_claim_is_named_by_its_number_if_one_claim_has_it():
    assert verify("Proposition 3", SMALL) == verify("prop-3", SMALL)
    with pytest.raises(InvalidValueError, match=r"give one of prop-2-input, prop-2-"):
        verify("Proposition 2")


def test_a_claim_is_named_by_its_id_and_settings_are_arguments_or_a_run():
    assert verify("lemma-3", instances=50, starts=4, steps=3) == verify(CLAIMS["lemma-3"], SMALL)
    with pytest.raises(UnknownNameError, match=r"Unknown claim 'lemma-33'\. Did you mean"):
        verify("lemma-33")
    with pytest.raises(InvalidValueError, match="Give run= or its settings, not both"):
        verify("lemma-3", SMALL, seed=1)


def test_a_verification_prints_its_verdict_and_its_counterexample():
    shown = str(verify("prop-2-input", SMALL))
    assert shown.startswith("REFUTED   prop-2-input  (Proposition 2")
    assert "witness: 50 times the bound: ce1" in shown
    assert "evidence: exact" in shown


PROP_4 = replace(CLAIMS["prop-4"], reading="as it stands", notes=(EPSILON <= 2 * EPSILON,))
REFUTED = replace(CLAIMS["any-phi"], witnesses=())


def test_a_table_is_a_block_a_claim_then_the_counts_and_the_place():
    first, *rest = table([PROP_4, REFUTED], 70).split("The instances are in ")
    assert first == (
        "PROVED    prop-4  (Proposition 4 (App. A.2))\n"
        "          [as printed: as it stands] given ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε:\n"
        "            E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂²ε\n"
        "          attained: r1\n"
        "          note: ε ≤ 2ε\n"
        "\n"
        "REFUTED   any-phi  (Section 3.3)\n"
        "          [a reading of what is printed: any Φ with its start: PiSSA\n"
        "            starts from singular vectors of I, any unit vectors, with\n"
        "            one I − pᵀp] given ‖p‖ = 1, ‖q‖ = 1: I − pᵀp = I − qᵀq\n"
        "          note: true instead: any-phi-weaker\n"
        "\n"
        "2 claims: 1 proved, 1 refuted.\n"
    )
    assert rest[0].endswith("/witnesses.json; evaluate one with `ioadapt verify prop-4 --instance r1`.\n")
    assert table([REFUTED], 70).endswith("\n1 claim: 1 refuted.\n")
    assert "witness: 1.333 times the bound: ce5, ce5-low-rank\n" in table([CLAIMS["prop-1-main"]], 70)
    assert describe(CLAIMS["prop-2-input"])["ratio"] == pytest.approx(50)  # the largest of several
    for name, unmeasured in (("prop-4-interior", "g1"), ("stronger-requirement", "stronger")):
        assert f" witness: {unmeasured}\n" in table([CLAIMS[name]], 70)  # the bound is 0, or the claim is an equation
    assert describe(CLAIMS["prop-4-interior"])["ratio"] == "inf"
    assert [describe(CLAIMS[name])["executable"] for name in ("prop-4", "tables-seeds")] == [True, False]


def test_a_value_is_a_fraction_of_small_numbers_only_if_it_is_one():
    assert [short(x) for x in (2.5, 1 / 999, 1 / 1001, (1 + 1e-11) / 3)] == ["5/2", "1/999", "0.000999", "0.3333"]


def test_a_refuted_claim_names_what_is_true_instead():
    assert remark(CLAIMS["prop-1"]).startswith("true instead: prop-1-abs, prop-1-sine, prop-1-sharp, prop-1-weights")
    assert "prop-2-input-sharp" in remark(CLAIMS["prop-2-input-literal"])  # by its left side
    assert remark(CLAIMS["lemma-1"]) == "√(1 − s²) ≤ 1 + |s|"


def test_a_summary_marks_what_differs_from_the_record_or_is_not_finished():
    def found(verdict):
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
