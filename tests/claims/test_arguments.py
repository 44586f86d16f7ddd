from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from ioadapt_theory.claims import CLAIMS, Claim, Run, Verdict
from ioadapt_theory.claims.beyond import attention
from ioadapt_theory.claims.claim import Word
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.argument import Chain, Derived, Link, Reached, Told, told
from ioadapt_theory.claims.evidence.extremes import Attained, Contradicted, exact_instance, holds_exactly, undetermined
from ioadapt_theory.claims.evidence.findings import Verification, merged
from ioadapt_theory.claims.evidence.inequality import HypothesisError, UndecidedError
from ioadapt_theory.claims.evidence.prose import OnlyIf, RefutedBy, Remarked, Said, Shown
from ioadapt_theory.claims.evidence.steps import Check, Step, found, line, simplifies, vanishes, zero
from ioadapt_theory.claims.expression.lines import Reader, formulas
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import (
    NOTHING,
    Relation,
    cond,
    dot,
    minimum,
    norm,
    row,
    sim,
    sine,
    spectral,
    term,
)
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.settings.letters import AB, EPSILON, SOURCE, TARGET
from ioadapt_theory.claims.statements import prop_2_input_sharp as input_sharp
from ioadapt_theory.claims.statements import prop_2_output_sharp as output_sharp

X, Y = sp.symbols("x y", real=True)
P = sp.symbols("p", positive=True)
CIRCLE = X**2 + Y**2 - 1
QUICK = Run(instances=20, starts=2, steps=2, stacks=2, samples=50)


@pytest.mark.parametrize(
    ("so", "not_so", "empty"),
    [
        (vanishes((X + Y) ** 2 - X**2 - 2 * X * Y - Y**2), vanishes((X + Y) ** 2 - X**2 - Y**2), vanishes(0)),
        (vanishes(X**4 - (1 - Y**2) ** 2, CIRCLE), vanishes(X**4 - (1 - Y**2), CIRCLE), vanishes(0, CIRCLE)),
        (zero([0, X - X, CIRCLE], CIRCLE), zero(sp.Matrix([[CIRCLE, X]]), CIRCLE), zero([0, 0])),
        (simplifies(sp.sqrt(P**2) - P), simplifies(sp.sqrt(P**2) + P), simplifies(0)),
        (found(sp.Rational(1, 3), sp.Rational(1, 3)), found(sp.Rational(1, 3), sp.Rational(1, 4)), found(True, True)),
        (line("a «x² − y² = (x + y)(x − y)» b"), line("«x = 2x/2», «x² + y² = (x + y)(x − y)»"), line("x = y")),
        (line("«x + y = 2x»", given=("x = y",)), line("«x + y = y + x = 2x»"), line("«x = x»")),
        (line("«AB = BA», C = BAB", let={"A": "B"}), line("«AB = BA»"), line("")),
        (line("«(I + AB)B⁻¹ = B⁻¹ + A»"), line("«(I + AB)B⁻¹ = B⁻¹ + B»"), line("«»")),
        (line("«(x − y)² ≥ 0»"), line("«x − y ≥ 0»"), line("«x = x = 2x/2»")),
        (line("«√(a²b/c) = a√b/√c»", positive="a b c"), line("«√(a²b/c) = a√b/√c»"), line("«√a = √a»")),
    ],
)
def test_a_check_holds_of_what_is_so_and_of_nothing_else(so: Any, not_so: Any, empty: Any) -> None:
    steps = [x if isinstance(x, Step) else Step("", x) for x in (so, not_so, empty)]
    assert [step.holds for step in steps] == [True, False, False]


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("2ab²/c − (a − b)·3", "2*a*b**2/c - 3*(a - b)"), ("√(a² + 1)b√2", "sqrt(a**2 + 1)*b*sqrt(2)"),
        ("½ cos θ sin(2θ)", "cos(t)*sin(2*t)/2"), ("|a|⟨u, v⟩ − ‖u‖²", "Abs(a)*x - y**2"),
        ("π artanh s₀'", "pi*atanh(z)"), ("a_x·b* + κ₊", "v*w + k"), ("c[a + b]⁻¹½ln(c)", "c*log(c)/(2*(a + b))"),
    ],
)  # fmt: skip
def test_a_formula_is_read_as_it_is_printed(formula: str, value: str) -> None:
    named = {"θ": "t", "⟨u, v⟩": "x", "‖u‖": "y", "s₀'": "z", "a_x": "v", "b*": "w", "κ₊": "k"}
    letters = {name: sp.Symbol(named.get(name, name), real=True) for name in (*"abc", *named)}
    here = Reader()(formula).xreplace({sp.Symbol(name, real=True): x for name, x in letters.items()})
    assert sp.simplify(here - sp.sympify(value, locals={str(x): x for x in letters.values()})) == 0


def test_a_sign_without_a_meaning_is_no_formula() -> None:
    with pytest.raises(ValueError, match="The formula 'a∇b' contains '∇', which cannot be parsed"):
        Reader()("a∇b")


def verdict(claim: Claim) -> Verdict:
    """Return the verdict without searches: from exact arguments, theorems in Coq and shipped instances."""
    shipped = [s for s in claim.strategies if type(s).__name__ == "Replay"]
    findings = [s(claim, QUICK, 0) for s in (*shipped, *claim.proofs, Said())]
    return merged(claim.id, (Verification(claim=claim.id, findings={f.kind: f}) for f in findings)).verdict


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
def test_every_verdict_follows_from_arguments_and_theorems_alone(claim: Claim) -> None:
    assert verdict(claim) is claim.expected
    assert not [reason for proof in claim.proofs for reason in proof.broken(claim)]


def of(name: str, **changes: Any) -> Claim:
    return replace(CLAIMS[name], **changes)


def without(name: str, *kinds: type) -> Claim:
    return of(name, proofs=tuple(p for p in CLAIMS[name].proofs if not isinstance(p, kinds)))


def up_to(name: str, order: int | None) -> Claim:
    return of(name, concludes=tuple(replace(r, order=order) for r in CLAIMS[name].concludes))


def with_right(name: str, factor: Any) -> Claim:
    return of(name, concludes=tuple(replace(r, right=factor * r.right) for r in CLAIMS[name].concludes))


def as_remark(name: str, kind: type) -> Claim:
    return of(name, proofs=tuple(p for p in CLAIMS[name].proofs if isinstance(p, kind)))


WEAKER: dict[str, Callable[[], Claim]] = {
    # attaining a bound does not prove it
    **{
        f"{name} rests on what attains it": lambda name=name: as_remark(name, Attained)
        for name in ("lemma-1-remainder-best", "prop-1-weights", "prop-2-input-sharp", "prop-2-output-artanh")
    },
    # an order without an argument
    **{
        f"{name} up to O(ε³)": lambda name=name: up_to(name, 3)
        for name in ("prop-1-sine", "prop-1-abs", "prop-1-sharp", "prop-2-input-sharp", "prop-2-input-vectors")
    },
    "prop-2-output-sharp up to O(ε⁴)": lambda: up_to("prop-2-output-sharp", 4),
    "prop-1-sine without a remainder": lambda: up_to("prop-1-sine", None),
    # sharp for one condition number only
    "every pair by κ = κ'": lambda: of(
        "prop-2-input-sharp-two",
        proofs=(CLAIMS["prop-2-input-sharp-two"].proofs[0], *CLAIMS["prop-2-input-sharp"].proofs[1:]),
    ),
    "every pair by tied values": lambda: of(
        "prop-2-input-sharp-two",
        proofs=(
            CLAIMS["prop-2-input-sharp-two"].proofs[0],
            Attained(
                lambda k, _, s: input_sharp.one_condition(k, s),
                {cond(SOURCE.w): (2, 3), cond(TARGET.w): (2, 3), SOURCE.s0: (Fraction(0),)},
                every_pair=True,
            ),
        ),
    ),
    "sharp at one ε only": lambda: of(
        "prop-2-output-finite",
        proofs=(
            CLAIMS["prop-2-output-finite"].proofs[0],
            Attained(lambda s: output_sharp.far_ends(Fraction(1, 2), s), {SOURCE.s0: output_sharp.COSINES_TRIED}),
        ),
    ),
    "twice the sharp bound": lambda: with_right("prop-1-weights", 2),
    # refuted by claims about a different placement
    "input refuted by claims about LoRA": lambda: of(
        "independent-input",
        proofs=(replace(CLAIMS["independent-input"].proofs[1], other=CLAIMS["prop-1-sharp"]),),
    ),
    "input adapters, by the argument for output": lambda: of(
        "independent-input", proofs=CLAIMS["independent-output"].proofs
    ),
    # words without evidence
    "zero at every input": lambda: of(
        "depth-two-parts", prose=CLAIMS["depth-two-parts"].prose.replace("the first input", "every input")
    ),
    "others of the twelve": lambda: of(
        "attention-heads", prose=attention.statement("heads", attention.SAFE["heads"] | {("lora", "q")})
    ),
    "never below, in Table 8": lambda: of("tables-consistent-all", expected=Verdict.PROVED, proofs=(
        replace(CLAIMS["tables-consistent"].proofs[0]),)),
    "iff, without the other direction": lambda: without("eq-5-row-rank", OnlyIf),
    "sharp, without a family": lambda: without("lemma-1-sharp", Attained),
    "half the factor of an overhead": lambda: of("overhead-merging", prose=CLAIMS["overhead"].prose),
    # steps in words for a claim that is a formula
    "a formula shown by lines": lambda: of(
        "prop-4", proofs=(Shown(lambda _: iter([Step("", Check(True))])),)
    ),
    "a formula that only remarks are about": lambda: of("prop-4", proofs=(Remarked(lambda _: iter(())),)),
    "a bound by the lines of another one": lambda: of("lemma-1-angle", proofs=CLAIMS["lemma-2-remainder"].proofs),
    "the same right side for another left side": lambda: of(
        "lemma-1-angle", concludes=(replace(CLAIMS["lemma-1-angle"].concludes[0], left=norm(row("u"))),)
    ),
    "a formula that Coq has not seen": lambda: of("lemma-1-angle", proofs=(told("x"),)),
    **{f"{a} by the proof of {b}": lambda a=a, b=b: of(a, proofs=CLAIMS[b].proofs)
       for a, b in (("prop-4", "prop-5"), ("prop-5", "prop-4"), ("reach-input", "reach-output"))},
}  # fmt: skip
"""Errors that change the text of a claim or its evidence; none may keep its verdict."""


@pytest.mark.parametrize("name", WEAKER)
def test_evidence_for_something_weaker_does_not_keep_the_verdict(name: str) -> None:
    claim = WEAKER[name]()
    assert verdict(claim) is not claim.expected


def test_a_placement_that_is_not_looked_at_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = attention.notices
    for lost in (("lora", "q"), ("output", "v")):
        monkeypatch.setattr(attention, "notices", lambda symmetry, lost=lost: real(symmetry) - {lost})
        assert verdict(CLAIMS["attention-heads"]) is Verdict.UNDECIDED


def test_a_hypothesis_that_says_nothing_lets_everything_in() -> None:
    """0 ≤ min instead of 0 < min would admit parallel outputs, for which artanh s₀ is infinite."""
    parallel = witness("ce2") | {"x2": [2, 4], "x2_target": witness("ce2")["x1_target"]}
    claim = CLAIMS["prop-2-output-artanh"]
    assert (NOTHING < minimum(SOURCE.sine0, TARGET.sine0)) in claim.given
    with pytest.raises((HypothesisError, UndecidedError), match="min"):
        evaluate(claim, parallel)


GOAL = CLAIMS["lemma-1-angle"].concludes[0]
LINE, LAST = Step("a", Check(True)), Step("b", Check(True), reaches=True)
UNREACHED, LEFT = "the lines do not reach the right side", "the lines leave O(ε^2)"


@pytest.mark.parametrize(
    ("goal", "steps", "leaves", "broken"),
    [
        *((goal, (LINE, LAST), order, []) for goal, order in ((GOAL, None), (GOAL.up_to(2), None), (GOAL.up_to(2), 2))),
        (GOAL.up_to(3), (LINE, LAST), 2, [LEFT]), (GOAL, (LINE, LAST), 2, [LEFT]),
        (GOAL, (LAST,), None, [UNREACHED]), (GOAL, (LINE, LINE), None, [UNREACHED]),
        (GOAL, (Step("no", Check(False)), LAST), None, ["no"]),
        (GOAL.left < GOAL.right, (LINE, LAST), None, [f"not {text(GOAL.left < GOAL.right)}"]),
        (GOAL.left <= 2 * GOAL.right, (LINE, LAST), None, [f"the lines show {text(GOAL)}, not "]),
    ],
)  # fmt: skip
def test_lines_reach_the_conclusion_and_leave_no_more(goal: Any, steps: Any, leaves: Any, broken: list[str]) -> None:
    claim = of("lemma-1-angle", concludes=(goal,))
    proof = Reached(goal if goal.sign == "<" else GOAL, lambda _: iter(steps), leaves)
    for said, expected in zip(proof.broken(claim), broken, strict=True):
        assert expected in said
        assert proof(claim, Run(), 0).lacks == {f"{proof.name}: {said}"}
    assert f"{text(goal)} is not the same conclusion for the target" in proof.broken(
        of("lemma-1-angle", concludes=(goal, goal))
    )


TOLD = [(c, p) for c in CLAIMS.values() for p in c.proofs if isinstance(p, Told) and p.options]


def test_a_wrong_formula_in_the_lines_of_a_proof_of_coq_is_a_lack() -> None:
    """One is added to the right side of every quoted formula."""
    assert len(TOLD) > 5
    for claim, proof in TOLD:
        for says in proof.lines:
            for formula in formulas(says):
                wrong = says.replace(formula, formula.replace(" = ", " = 1 + ", 1).replace(" ≥ 0", " − 1 ≥ 0"))
                assert replace(proof, lines=(wrong,))(claim, Run(), 0).lacks, wrong


U, V = row("u"), row("v")


def test_a_chain_begins_and_ends_where_the_statement_does_and_its_links_are_so() -> None:
    claim = CLAIMS["lemma-1-sharp"]
    first, links = claim.proofs[0].chains[0]

    def broken(*others: Link, start: Any = first, about: Claim = claim) -> list[str]:
        return list(Derived((Chain(start, others),)).broken(about))

    assert broken(*links) == []
    assert "not at |δ|" in broken(*links, start=norm(U))[0]
    assert "does not end" in broken(*links[:-1])[0]
    assert "does not end" in broken()[0]
    sometimes = norm(U) / norm(V) * links[0].formula
    says = broken(links[0], Link("sometimes", sometimes), *links[1:])[0]
    assert (says[:11], says[-9:]) == ("sometimes: ", " is false")
    assert "the formula does not change" in broken(Link("again", first), *links)[0]
    assert "1 chains for 2" in broken(*links, about=replace(claim, concludes=claim.concludes * 2))[-1]
    missed = broken(*links, about=replace(claim, given=(norm(U) <= norm(V),), inequality=None))
    assert missed == ["Coq has no theorem about this formula", "a random instance does not meet ‖u‖ ≤ ‖v‖"]


@pytest.mark.parametrize(("off", "holds"), [(Fraction(3, 10**9), False), (Fraction(3, 10**10), True)])
def test_a_link_is_not_so_from_a_billionth_on(off: Fraction, holds: bool) -> None:
    first, links = CLAIMS["lemma-1-sharp"].proofs[0].chains[0]
    proof = Derived((Chain(first, (Link("less", (1 - off) * first), *links)),))
    assert any("less: " in said for said in proof.broken(CLAIMS["lemma-1-sharp"])) is not holds


def test_a_link_that_is_wrong_now_and_then_is_found() -> None:
    """The link is wrong only where the bound is nearly attained, in one draw of twenty."""
    first, links = CLAIMS["lemma-1-sharp"].proofs[0].chains[0]
    wrong = Link("now and then", minimum(first, Fraction(4, 5) * links[-1].formula))
    proof = Derived((Chain(first, (wrong, *links)),))
    assert any("now and then: " in said for said in proof.broken(CLAIMS["lemma-1-sharp"]))


@pytest.mark.parametrize(("off", "holds"), [(Fraction(2, 10**12), False), (Fraction(5, 10**13), True)])
def test_a_family_attains_to_a_millionth_of_a_millionth(off: Fraction, holds: bool) -> None:
    claim = replace(with_right("prop-1-weights", 1 + off), inequality=None)
    assert any("lhs/rhs - 1 is" in said for said in claim.proofs[1].broken(claim)) is not holds
    third = replace(with_right("prop-1-weights", 3), inequality=None)
    assert any(said.endswith(": lhs/rhs - 1 is -0.67") for said in claim.proofs[1].broken(third))


def test_what_rests_on_a_claim_that_is_not_proved_or_about_something_else_says_so() -> None:
    one, other = CLAIMS["prop-1"], CLAIMS["prop-4"]
    assert list(RefutedBy(one, one.concludes[0].left).broken(one)) == ["prop-1 is not proved"]
    about = other.concludes[0].left
    assert list(RefutedBy(other, about).broken(one)) == []
    unproved = of("prop-4", proofs=(*other.proofs, told("«x = y»")))
    assert list(RefutedBy(unproved, about).broken(one)) == ["prop-4 is not proved"]
    wider = replace(other, concludes=(*other.concludes, GOAL))
    assert list(RefutedBy(wider, about).broken(one))[-1] == f"prop-4 is not about {text(about)}"


def test_a_parameter_that_is_not_tried_is_named() -> None:
    family = replace(CLAIMS["prop-2-output-finite"].proofs[1], over={SOURCE.s0: ()})
    assert "the right side depends on ε, which is not a parameter" in family.broken(CLAIMS["prop-2-output-finite"])
    assert [undetermined(x, {sim(U, V)}) for x in (sine(U, V), dot(U, V))] == [None, U]


def test_a_family_has_the_parameters_that_it_says_and_a_factor_of_the_right_side() -> None:
    family = Attained(lambda s: output_sharp.far_ends(Fraction(1, 2), s / 7), {SOURCE.s0: (Fraction(1, 3),)})
    assert list(family.broken(CLAIMS["prop-2-output-finite"]))[1:] == ["s₀ = 1/3: s₀ is 0.047619"]
    assert list(family.printed(CLAIMS["prop-2-output-finite"])) == ["evaluated at 50 digits for s₀ in {1/3}"]
    best = CLAIMS["lemma-1-remainder-best"]
    (family,) = (p for p in best.proofs if isinstance(p, Attained))
    goal, says = best.concludes[0], f"{text(family.factor)} is not a factor of the right side"
    assert list(family.broken(of("any-phi")))[-1] == "the claim has no conclusion or no setting"
    empty = replace(family, over={}, family=lambda _: {key: [0] for key in ("u", "v", "du", "dv")})
    assert ": u is the zero vector" in next(empty.broken(best))
    for right, fits in ((goal.right, True), (2 * goal.right, False), (goal.right.args[0] / 2, False)):
        about = replace(best, concludes=(replace(goal, right=right),), setting=None, inequality=None)
        assert (says not in family.broken(about)) is fits


def test_an_argument_without_lines_is_none() -> None:
    assert list(Shown(lambda _: iter(())).broken(CLAIMS["any-phi"])) == ["the argument has no steps"]
    (says,) = Shown(lambda _: iter([LINE])).broken(CLAIMS["prop-4"])
    assert says == "lines of prose cannot settle a formula; give a derivation or an instance"


@pytest.mark.parametrize("word", Word)
def test_every_word_needs_something_that_shows_it(word: Word) -> None:
    bare = of("prop-4", words=(word,), attained=(), proofs=())
    assert Said()(bare, Run(), 0).lacks == {f'nothing shows "{word}"'}
    family = Attained(lambda: {}, {EPSILON: (1,)}, every_pair=True)
    for proof in (family, replace(family, over={}), OnlyIf(lambda _: iter([LINE]))):
        shown = word in proof.shows
        assert bool(Said()(replace(bare, proofs=(proof,)), Run(), 0).lacks) is not shown


def test_an_instance_that_misses_a_hypothesis_contradicts_nothing() -> None:
    ce2 = Contradicted("ce2")
    assert not list(ce2.broken(CLAIMS["prop-2-output"]))
    assert "ce2 does not meet" in next(ce2.broken(CLAIMS["prop-2-output-frobenius"]))
    holds = CLAIMS["prop-2-output-sharp"]
    assert "does not violate" in next(ce2.broken(holds))
    (says,) = Contradicted("eq-5-tall").printed(CLAIMS["eq-5-scope"])
    assert says == "eq-5-tall: the squared entries of the difference add up to 5/3"
    assert not list(ce2.broken(replace(holds, concludes=(*holds.concludes, *CLAIMS["prop-2-output"].concludes))))


@pytest.mark.parametrize(("sign", "holds"), [("<", (True, False, False)), ("<=", (True, True, False))])
@pytest.mark.parametrize("right", [EPSILON, term(Fraction(1, 5))])
def test_a_relation_of_exact_numbers_is_decided_on_both_sides_of_equality(
    right: Any, sign: Any, holds: tuple[bool, ...]
) -> None:
    """On ce2, ‖AB‖₂ = ε = 1/5."""
    values = Values(exact_instance(CLAIMS["prop-2-output"], witness("ce2")))
    sides = ((spectral(AB), 2 * right), (spectral(AB), right), (spectral(AB), right / 2))
    assert tuple(holds_exactly(Relation(a, sign, b), values) for a, b in sides) == holds
    equal = [holds_exactly(Relation(a, "=", b), values) for a, b in (*sides, (AB, AB), (AB, 2 * AB))]
    assert equal == [False, True, False, True, False]
