"""Every statement keeps its recorded verdict; a refuted one stays refuted, with its witness."""

import re
from fractions import Fraction
from importlib import import_module

import pytest
import torch
from sympy import Matrix, Rational

from ioadapt_theory.claims import CLAIMS, Claim, Run, Verdict, verify
from ioadapt_theory.claims.claim import Origin, Word
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.argument import Argued, Computed, Proof
from ioadapt_theory.claims.evidence.extremes import Attained
from ioadapt_theory.claims.evidence.searches import RandomInstances
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Term, opened
from ioadapt_theory.claims.findings import Evidence
from ioadapt_theory.claims.instances import witness, witnesses
from ioadapt_theory.claims.verifying import FILES

EVERY = [pytest.param(claim, id=f"{claim.id}: {claim.statement}".replace("::", ":")) for claim in CLAIMS.values()]
REFUTED = [p for p in EVERY if p.values[0].expected is Verdict.REFUTED]
NUMBERED = (
    *("Lemma 1", "Lemma 2", "Lemma 3", "Proposition 1", "Proposition 2"),
    *("Proposition 3", "Proposition 4", "Proposition 5", "Eq. 5", "Eq. 6", "Remark A.1", "Eqs. 2 and 3"),
    *("Eqs. 4a", "4b", "4c", *(f"Table {n}" for n in (1, 3, 5, 6, 8, 9, 10, 11))),
)


QUICK = Run(instances=500, starts=16, steps=50)
"""Settings for a fraction of the default number of samples; slow tests and `ioadapt verify` use the defaults."""


@pytest.mark.parametrize("run", [QUICK, pytest.param(Run(), marks=pytest.mark.slow)], ids=["quick", "default"])
@pytest.mark.parametrize("claim", EVERY)
def test_verdict_is_the_recorded_one(claim: Claim, run: Run) -> None:
    result = verify(claim, run)
    assert result.verdict is claim.expected, result
    if random := result.findings.get(Evidence.RANDOM):  # hypotheses hold by construction, up to rounding
        most = next(s.most for s in claim.strategies if isinstance(s, RandomInstances))
        assert random.instances >= 0.98 * min(run.instances, most)


@pytest.mark.parametrize("number", NUMBERED)
def test_every_numbered_statement_has_a_verdict(number: str) -> None:
    assert any(number in claim.source for claim in CLAIMS.values())


@pytest.mark.parametrize("claim", REFUTED)
def test_a_refutation_is_exact(claim: Claim) -> None:
    """A refutation needs a shipped witness in exact numbers or an exact argument, not only a float64 search."""
    assert any(proof.refutes or isinstance(proof, Computed) for proof in claim.proofs)
    named = {proof.witness for proof in claim.proofs if hasattr(proof, "witness")}
    assert set(claim.witnesses) <= named


@pytest.mark.parametrize("claim", [p for p in REFUTED if p.values[0].setting and "A.1" in p.values[0].setting.name])
def test_of_props_1_and_2_a_counterexample_has_an_adapter_of_low_rank(claim: Claim) -> None:
    """Except for bounds-rank, a witness has r < min(c, d), as in the paper; witnesses of full rank are additional."""
    exact = [{key: Matrix([[*map(Rational, map(str, r))] for r in witness(name)[key]]) for key in ("AB", "W")}
             for name in claim.witnesses]  # fmt: skip
    assert claim.id in ("bounds-rank", "remark-a1-displayed", "prop-1-segment") or any(
        m["AB"].rank() < min(m["W"].shape) for m in exact
    )


@pytest.mark.parametrize("name", [n for n in witnesses() if n.endswith("-low-rank")])
def test_a_witness_of_low_rank_gives_both_sides_of_the_one_of_full_rank(name: str) -> None:
    """A low-rank witness is the full-rank one with additional features, which its adapter does not change."""
    (claim,) = (c for c in CLAIMS.values() if name in c.witnesses)
    low, full = (evaluate(claim, witness(n)) for n in (name, name.removesuffix("-low-rank")))
    assert (low.lhs, low.rhs) == (full.lhs, full.rhs)


@pytest.mark.parametrize("claim", EVERY)
def test_as_printed_is_said_of_what_is_printed_only(claim: Claim) -> None:
    places = ("Lemma", "Proposition", "Eq", "Remark", "Remainder", "Section", "Proof", "App", "Table")
    if claim.origin is Origin.OURS:
        assert claim.amends is not None or claim.reading or "beyond" in claim.source
    else:
        assert claim.source.startswith(places)
    if "beyond" in claim.source:
        assert claim.origin is Origin.OURS
    if claim.origin is Origin.PRINTED and claim.amends is not None:
        assert "in its proof" in claim.reading


LITERAL = "‖AB‖₂² ≤ ε"


@pytest.mark.parametrize(
    "claim", [p for p in EVERY if p.values[0].source.startswith(("Proposition 1", "Proposition 2"))]
)
def test_of_props_1_and_2_the_square_of_the_norm_is_printed_and_all_else_is_a_reading(claim: Claim) -> None:
    literal = LITERAL in map(text, claim.given)
    assert (claim.origin is Origin.PRINTED) == literal


STANDS = {
    **dict.fromkeys(("Lemma 1", "Lemma 2", "Remark A.1"), ("App. A.1",)),
    **dict.fromkeys(("Proposition 1", "Proposition 2"), ("App. A.1", "Sec. 4")),
    **dict.fromkeys(("Lemma 3", "Proposition 3", "Proposition 4", "Proposition 5"), ("App. A.2",)),
    **dict.fromkeys(("Eq. 5", "Eq. 6"), ("Section 5.2",)),
    **dict.fromkeys(("Tables 1 and 2", "Table 3", "Table 5", "Table 6"), ("Section 5.1",)),
    **dict.fromkeys(("Table 9", "Table 10", "Table 11"), ("App. C",)),
    "Table 8": ("Section 5.1", "App. C"),
}
"""Sections of the paper that a claim may cite, by the statement that it is about."""
NAMED = {
    **{f"lemma-{n}": f"Lemma {n}" for n in (1, 2, 3)},
    **{f"prop-{n}": f"Proposition {n}" for n in range(1, 6)},
    **{"remark-a1": "Remark A.1", "eq-2-3-4": "Eqs. 2 and 3", "eq-5": "Eq. 5", "eq-6": "Eq. 6"},
    **dict.fromkeys(("absorption", "any-phi"), "Section 3.3"),
    **{"overhead": "Section 3.2", "lora-x-capacity": "Section 2.2"},
    **dict.fromkeys(("independent", "bounds-rank", "stronger-requirement"), "Section 4"),
    **dict.fromkeys(("broader-class", "narrower-class", "reach"), "Sections 4 and 6"),
    **dict.fromkeys(("transfer-input", "transfer-output"), "Sections 1 and 4, App. A.2"),
    **dict.fromkeys(("transfer-same-function", "transfer-sufficient"), "App. A.2"),
    **dict.fromkeys(("transfer-single-layer", "nonlinear", "attention"), "beyond the paper"),
    **dict.fromkeys(("tables-all-attention", "tables-cross-attention", "tables-choices"), "Section 5.2"),
    **{"tables-ranks": "Table 9", "tables-seeds": "Table 11", "tables-distilled": "Table 3"},
    **{
        "tables-geneval": "Table 5",
        "tables-language": "Table 6",
        "tables-subspace": "Table 10",
        "tables-consistent-all": "App. C, Table 8",
    },
    **dict.fromkeys(("tables-on-par", "tables-prompt-fidelity"), "Table 8"),
}
"""Statement or section that a claim must cite, by the beginning of its id."""


@pytest.mark.parametrize("claim", EVERY)
def test_a_claim_is_about_what_its_name_says_and_at_a_place_where_that_stands(claim: Claim) -> None:
    named = [statement for short, statement in NAMED.items() if f"{claim.id}-".startswith(f"{short}-")]
    assert "beyond" in claim.source or all(statement in claim.source for statement in named)
    for statement, places in STANDS.items():
        if statement in claim.source:
            assert set(re.findall(r"App\. \w(?:\.\d)?|Sec(?:tion|\.) \d(?:\.\d)?", claim.source)) <= {*places}


EARLIER = list(CLAIMS)


@pytest.mark.parametrize("claim", EVERY)
def test_a_claim_amends_one_about_the_same_left_side_or_of_the_same_statement(claim: Claim) -> None:
    def lefts(one: Claim) -> list[Term]:
        return [opened(r.left) for r in one.concludes]

    before = [CLAIMS[name] for name in EARLIER[: EARLIER.index(claim.id)]]
    alike = [o.id for o in before if o.concludes and lefts(o) == lefts(claim)]
    if claim.origin is Origin.OURS and "beyond" not in claim.source:
        assert claim.amends
    if claim.amends:
        assert claim.amends in alike or not alike
        assert claim.amends in EARLIER[: EARLIER.index(claim.id)] or claim.amends in ("prop-4", "prop-5")


@pytest.mark.parametrize("claim", EVERY)
def test_a_claim_is_searched_in_every_way_that_there_is_for_it(claim: Claim) -> None:
    searches = {type(s).__name__: s for s in claim.strategies}
    if claim.inequality is not None:
        assert "RandomInstances" in searches
        assert "Replay" in searches or not (claim.witnesses or claim.attained)
        if any(r.sign == "<=" for r in claim.concludes) and {Word.SHARP, Word.ATTAINED, Word.FACTOR} & {*claim.words}:
            assert "GradientAscent" in searches


FAMILIES = [(c, p) for c in CLAIMS.values() for p in c.proofs if isinstance(p, Attained)]


@pytest.mark.parametrize(("claim", "family"), FAMILIES, ids=[c.id for c, _ in FAMILIES])
def test_a_family_is_tried_on_both_sides_of_what_matters(claim: Claim, family: Attained) -> None:
    for parameter, tried in family.over.items():
        match opened(parameter).op:
            case "sim":
                assert max(tried) > 0
                assert min(tried) < 0 or "x₁, x₂" in text(parameter)
            case "cond":
                assert max(tried) >= 10 * min(tried)
            case "scalar":
                assert min(tried) <= Fraction(1, 10) < Fraction(1, 2) <= max(tried) < 1
            case "sigma":
                assert max(tried) >= 3 * min(tried)
            case _:
                assert min(tried) < 1 < max(tried)


@pytest.mark.parametrize("claim", [p for p in EVERY if p.values[0].setting])
def test_axes_that_may_differ_do_in_a_search(claim: Claim) -> None:
    setting, sizes = claim.setting, dict[str, int]()
    drawn = setting.draw(1, torch.Generator().manual_seed(0))
    for letter in setting.letters:
        if (x := getattr(drawn, letter.attribute, None)) is not None and not letter.optional:
            sizes |= dict(zip(letter.axes.split(), x.shape[1:], strict=True))
    for twin in ("b", "e") if "A.1" in setting.name else ():  # axes of the target, as large as those of the source
        sizes.pop(twin, None)
    small = claim.id.startswith(("eq-6", "effect-random-source", "effect-fixed"))  # there are thousands of combinations
    apart = [n for n in sizes.values() if n > 1 or not small]
    assert len({*apart}) == len(apart)
    assert min(apart, default=2) > 1


def test_every_argument_that_a_file_has_stands_in_a_claim() -> None:
    used = {id(proof) for claim in CLAIMS.values() for proof in claim.proofs}
    files = (import_module(f"ioadapt_theory.claims.{file}") for file in FILES)
    assert [n for file in files for n, x in vars(file).items() if isinstance(x, Proof) and id(x) not in used] == []


def test_props_1_and_2_have_every_reading_of_the_norm_and_of_the_sign_and_every_table_its_claims() -> None:
    balls = {"": "‖AB‖₂ ≤ ε", "-literal": LITERAL, "-frobenius": "‖AB‖_F ≤ ε", "-abs": "‖AB‖₂ ≤ ε"}
    for prop in ("prop-1", "prop-2-input", "prop-2-output"):
        assert {kind: text(CLAIMS[prop + kind].given[2]) for kind in balls} == balls
    assert {"", "-merging", "-training", "-training-inside"} == {
        name.removeprefix("overhead") for name in CLAIMS if name.startswith("overhead")
    }


@pytest.mark.parametrize("claim", EVERY)
def test_an_entry_amends_another_and_words_have_evidence_of_their_own(claim: Claim) -> None:
    assert claim.amends is None or claim.amends in CLAIMS
    if claim.attained and not any(r.sign == "=" for r in claim.concludes):
        assert Word.ATTAINED in claim.words
    if claim.expected is Verdict.PROVED and claim.reading.startswith(("sharp", "exact, ")):
        assert Word.SHARP in claim.words


SIMILAR = ["sim(x₁, x₂) = sim(x₁', x₂')", "s₀ = s₀'"]
BALLS = {"-literal": "‖AB‖₂² ≤ ε", "-frobenius": "‖AB‖_F ≤ ε", "": "‖AB‖₂ ≤ ε"}
ASSUMED = {
    **{key: ["‖W₁W₂ − W₁'W₂'‖_F² ≤ ε"] for key in ("prop-4-interior", "prop-4-every-layer")},
    "independent-input": [*SIMILAR, BALLS[""], "ε < 1"],
    "stronger-requirement": ["‖W − W'‖_F² ≤ ε"],
    "prop-4-anisotropic": ["rank(F) = rows(F)"],
    "any-phi": ["‖p‖ = 1", "‖q‖ = 1"],
    **{key: ["c = d"] for key in ("overhead-merging", "overhead-training")},
    "nonlinear-input": ["1/(rows(X)σ²) · XᵀX = I"],
    "attention-heads-others": ["rank(R) = rows(R)", "rank(S) = rows(S)"],
    "attention-residual-others": ["RRᵀ = I"],
    "effect-own-layer": ["W₁WW₂ = W₁'WW₂'"],
    "effect-discrepancy": ["‖(I + M)W − (I + M)W'‖_F ≤ ‖W + MW − (W' + MW)‖_F"],
}
"""Hypotheses of the refuted claims outside Props. 1 and 2; those of proved claims are in outside.json."""


@pytest.mark.parametrize("claim", REFUTED)
def test_a_refuted_claim_has_the_hypotheses_of_the_statement(claim: Claim) -> None:
    similar = (
        claim.source.startswith(("Proposition 1", "Proposition 2", "Proof", "Remark")) or claim.id == "bounds-rank"
    )
    ball = next(said for ending, said in BALLS.items() if claim.id.endswith(ending))
    assert [text(g) for g in claim.given] == ([*SIMILAR, ball] if similar else ASSUMED.get(claim.id, []))


CITED = re.compile(r"\b(?:lemma|prop|eq|effect|transfer)-[a-z0-9-]*[a-z0-9]")


@pytest.mark.parametrize("claim", EVERY)
def test_the_reason_of_a_step_names_a_proved_claim_about_what_it_says(claim: Claim) -> None:
    for step in (s for p in claim.proofs if isinstance(p, Argued) for s in p.steps):
        for name in CITED.findall(step.because):
            assert CLAIMS[name].expected is not Verdict.REFUTED
            assert name != claim.id
