"""Plant an error in every statement and see a check turn red.

Four checks look at a claim: the oracle (both sides on an unseen instance, written a second time), the recorded verdict
(replay and searches, without the exact arguments), the shipped instances on which a bound is attained, and for exact
values and Monte-Carlo the models themselves. ``pytest -v`` on this file is the list of errors that were tried.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Claim, Run, Verdict
from ioadapt_theory.claims.arithmetic import apply, condition_number, frobenius_sq, norm, operator_norm, plus_identity
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.findings import Evidence, merged
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.evidence.orders import OrderFit
from ioadapt_theory.claims.expression.tree import Term, replaced
from ioadapt_theory.claims.expression.values import evaluator
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.settings.increments import INCREMENTS, Increments, remainder
from ioadapt_theory.claims.settings.letters import SOURCE
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    LITERAL,
    RelativeSimilarity,
    first_order,
    output_sine,
    similarity_distance,
)
from ioadapt_theory.claims.settings.shared_function import SharedFunction, expected_distance
from ioadapt_theory.claims.verifying import work
from tests.claims import oracle

SMALL = Run(instances=300, starts=16, steps=60, stacks=8, samples=2000)
Plant = Callable[[Claim], Claim]


def of(claim: Claim, **changes: Any) -> Claim:
    return replace(claim, inequality=replace(claim.inequality, **changes))


def disagrees_with_the_oracle(claim: Claim, seed: int = 5) -> bool:
    setting = CLAIMS[claim.id].inequality.setting
    raw = setting.dump(setting.parametrise(setting.start(1, torch.Generator().manual_seed(seed))), 0)
    try:
        found = evaluate(claim, raw)
    except ValueError:  # sizes that do not fit: c is never d
        return True
    sides = zip((found.lhs, found.rhs, found.first_order), oracle.expected(claim.id, raw), strict=True)
    return any(a is not None and a != pytest.approx(float(b), rel=1e-9) for a, b in sides)


def misses_its_verdict(claim: Claim) -> bool:
    found = merged(claim.id, (work_on(claim, k) for k in range(len(claim.strategies))))
    return (found.verdict is Verdict.REFUTED) != (claim.expected is Verdict.REFUTED)


def work_on(claim: Claim, k: int) -> Any:
    return work(claim, SMALL, k, 0)


def is_not_attained(claim: Claim) -> bool:
    ratios = [evaluate(claim, witness(name)).decisive_ratio for name in claim.attained]
    return any(ratio != pytest.approx(1, rel=1e-9) for ratio in ratios)


def with_rhs(change: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]) -> Plant:
    return lambda claim: of(claim, rhs=change(claim.inequality.rhs))


def with_lhs(change: Callable[[Any], Any]) -> Plant:
    """Change the instance that both forms of the left side see."""

    def plant(claim: Claim) -> Claim:
        old, order = claim.inequality.lhs, claim.inequality.first_order
        return of(claim, lhs=lambda i: old(change(i)), first_order=order and (lambda i: order(change(i))))

    return plant


def transposed(i: Any) -> Any:
    names = [name for name in ("w", "w_target", "w1", "w2") if hasattr(i, name)]
    return replace(i, **{name: getattr(i, name).T for name in names})


def for_s0(other: Term) -> Plant:
    """Another formula in the place of s₀ on the right."""
    return lambda claim: of(claim, rhs=evaluator(replaced(claim.concludes[0].right, {SOURCE.s0: other})))


EVERYWHERE: dict[str, Plant] = {
    "rhs doubled": with_rhs(lambda rhs: lambda i: 2 * rhs(i)),
    "rhs halved": with_rhs(lambda rhs: lambda i: rhs(i) / 2),
    "sign of rhs": with_rhs(lambda rhs: lambda i: -rhs(i)),
    "lhs doubled": lambda claim: of(
        claim,
        lhs=lambda i: 2 * claim.inequality.lhs(i),
        first_order=claim.inequality.first_order and (lambda i: 2 * claim.inequality.first_order(i)),
    ),
}
WITH_ADAPTER: dict[str, Plant] = {
    "AB halved": with_lhs(lambda i: replace(i, ab=i.ab / 2)),
    "AB transposed": with_lhs(lambda i: replace(i, ab=i.ab.T)),
    "W transposed": with_lhs(transposed),
}
ABOUT_MODELS: dict[str, Plant] = {"sign of AB": with_lhs(lambda i: replace(i, ab=-i.ab))}
ABOUT_S0: dict[str, Plant] = {
    "-s0 for s0": for_s0(-SOURCE.s0),
    "|s0| for s0": for_s0(abs(SOURCE.s0)),
}


def both(placement: Placement) -> Plant:
    return lambda claim: of(
        claim,
        lhs=lambda i: similarity_distance(i, placement),
        first_order=claim.inequality.first_order and (lambda i: first_order(i, placement)),
    )


def signed_s0(i: RelativeSimilarity) -> Any:
    return (1 + i.s0) * i.epsilon * sum(i.stretches)


def lemma_1_with_a_plus(i: Increments) -> Any:
    return abs(first_order_of(i) + 2 * (i.u * i.v).sum(-1) * (i.u * i.du).sum(-1) / (norm(i.u) ** 3 * norm(i.v)))


def first_order_of(i: Increments) -> Any:
    from ioadapt_theory.claims.settings.increments import first_order as delta

    return delta(i.u, i.v, i.du, i.dv)


def prop_3_rhs(i: SharedFunction, *, size: Callable[[Any], Any], change: Any) -> Any:
    return i.sigma**2 * (i.epsilon**0.5 + size(i.ab) * frobenius_sq(change) ** 0.5) ** 2


SPECIAL: list[tuple[str, str, Plant]] = [
    ("lemma-1", "plus before the term of u in Eq. 7", lambda c: of(c, lhs=lemma_1_with_a_plus)),
    ("lemma-1-sharp", "1 - s^2 without the root", with_rhs(lambda r: lambda i: r(i) ** 2 / r(replace(i, du=i.u)))),
    ("lemma-2", "maximum for minimum of the norms", with_rhs(lambda r: lambda i: r(replace(i, u=i.u * 2)))),
    ("lemma-2-sharp", "mixed block of H forgotten", lambda c: of(c, lhs=lambda i: 1 / norm(i.u) ** 2)),
    ("prop-1", "second model forgotten", with_rhs(lambda r: lambda i: r(replace(i, w_target=i.w_target * 1e9)))),
    ("prop-1", "second term of Sec. 4", lambda c: of(c, rhs=CLAIMS["prop-1-main"].inequality.rhs)),
    ("prop-1-main", "second term of App. A", lambda c: of(c, rhs=CLAIMS["prop-1"].inequality.rhs)),
    ("prop-1-abs", "s0 for |s0|", lambda c: of(c, rhs=signed_s0)),
    ("prop-1-sine", "1 - s0 for the root", with_rhs(lambda r: lambda i: r(i) * (1 - i.s0) / output_sine(i))),
    ("prop-1", "placement swapped: output", both(Placement.OUTPUT)),
    ("prop-2-input", "placement swapped: output", both(Placement.OUTPUT)),
    ("prop-2-input", "placement swapped: LoRA", both(Placement.LORA)),
    ("prop-2-output", "placement swapped: input", both(Placement.INPUT)),
    ("prop-2-output-sharp", "placement swapped: input", both(Placement.INPUT)),
    (
        "prop-2-input-sharp",
        "kappa without 1/kappa",
        with_rhs(lambda r: lambda i: r(i) - output_sine(i) ** 2 * i.epsilon / condition_number(i.w)),
    ),
    ("prop-2-input-sharp", "W for W'", with_rhs(lambda r: lambda i: r(replace(i, w_target=i.w)))),
    ("prop-2-output-finite", "2 eps for tau", with_rhs(lambda r: lambda i: r(i) * (1 + i.epsilon**2))),
    (
        "prop-3",
        "||AB||_F for ||AB||_2",
        lambda c: of(c, rhs=lambda i: prop_3_rhs(i, size=lambda m: frobenius_sq(m) ** 0.5, change=i.w2 - i.w2_target)),
    ),
    (
        "prop-3",
        "W1 for W2",
        lambda c: of(c, rhs=lambda i: prop_3_rhs(i, size=operator_norm, change=i.w1 - i.w1_target)),
    ),
    ("prop-4", "||I + AB||_2 not squared", with_rhs(lambda r: lambda i: r(i) / operator_norm(plus_identity(i.ab)))),
    ("prop-4", "I - AB in the bound", with_rhs(lambda r: lambda i: r(replace(i, ab=-i.ab)))),
    ("prop-4", "sigma not squared", with_rhs(lambda r: lambda i: r(i) / i.sigma)),
    ("prop-4", "placement swapped: output", lambda c: of(c, lhs=lambda i: expected_distance(i, Placement.OUTPUT))),
    ("prop-5", "placement swapped: input", lambda c: of(c, lhs=lambda i: expected_distance(i, Placement.INPUT))),
    ("prop-5", "placement swapped: LoRA", lambda c: of(c, lhs=lambda i: expected_distance(i, Placement.LORA))),
]
INSTANCES = [name for name in CLAIMS if name in oracle.KNOWN and name != "lemma-2-integral"]
GENERAL = [
    (name, label, plant)
    for name in INSTANCES
    for group, applies in (
        (EVERYWHERE, True),
        (WITH_ADAPTER, name in (*oracle.A1, *oracle.A2) and name != "lemma-3"),
        (ABOUT_MODELS, name in oracle.A2 and name != "lemma-3"),
        (ABOUT_S0, name in {"prop-1", "prop-1-main", "prop-2-input", "prop-2-output"}),
    )
    for label, plant in group.items()
    if applies
]


@pytest.mark.parametrize(
    ("name", "label", "plant"), [pytest.param(*p, id=f"{p[0]}: {p[1]}") for p in GENERAL + SPECIAL]
)
def test_the_oracle_turns_red(name: str, label: str, plant: Plant) -> None:
    seeds = range(5, 9)  # |s0| for s0 shows where s0 < 0
    assert any(disagrees_with_the_oracle(plant(CLAIMS[name]), seed) for seed in seeds)


@pytest.mark.parametrize("name", INSTANCES)
def test_without_an_error_the_oracle_stays_green(name: str) -> None:
    assert not any(disagrees_with_the_oracle(CLAIMS[name], seed) for seed in range(5, 9))


@pytest.mark.parametrize("name", [name for name in INSTANCES if CLAIMS[name].attained])
@pytest.mark.parametrize("label", ["rhs doubled", "rhs halved", "lhs doubled"])
def test_attained_bounds_turn_red(name: str, label: str) -> None:
    assert not is_not_attained(CLAIMS[name])
    assert is_not_attained(EVERYWHERE[label](CLAIMS[name]))


FLIPPING: list[tuple[str, str, Plant]] = [
    *((name, "rhs halved", EVERYWHERE["rhs halved"]) for name in INSTANCES if CLAIMS[name].attained),
    ("prop-1-abs", "s0 for |s0|", lambda c: of(c, rhs=signed_s0)),
    ("prop-2-output-abs", "s0 for |s0|", lambda c: of(c, rhs=CLAIMS["prop-2-output"].inequality.rhs)),
    ("prop-2-output", "|s0| for s0", ABOUT_S0["|s0| for s0"]),
    ("prop-1", "|s0| for s0", ABOUT_S0["|s0| for s0"]),
    (
        "prop-2-output-abs",
        "||AB||_2^2 for ||AB||_2",
        lambda c: of(c, setting=CLAIMS["prop-2-output-literal"].inequality.setting, hypotheses=LITERAL.hypotheses),
    ),
    ("prop-4", "placement swapped: between the layers", lambda c: CLAIMS["prop-4-interior"]),
]


@pytest.mark.parametrize(("name", "label", "plant"), [pytest.param(*p, id=f"{p[0]}: {p[1]}") for p in FLIPPING])
def test_the_verdict_turns_red(name: str, label: str, plant: Plant) -> None:
    planted = replace(plant(CLAIMS[name]), expected=CLAIMS[name].expected, witnesses=(), attained=())
    assert misses_its_verdict(planted)


def wrong_remainder(i: Increments) -> Any:
    return remainder(i) + 2 * (i.v * i.dv).sum(-1) / norm(i.v) ** 2


def test_a_wrong_sign_in_eq_7_has_order_one() -> None:
    fit = OrderFit(wrong_remainder, INCREMENTS, ("du", "dv"))
    assert fit(CLAIMS["lemma-1-expansion"], SMALL, 0).refutes


@pytest.mark.parametrize("name", ["prop-3-exact", "prop-4-exact", "prop-5-exact"])
@pytest.mark.parametrize("label", ["AB transposed", "sign of AB", "doubled"])
def test_a_wrong_exact_value_contradicts_the_models(name: str, label: str) -> None:
    (strategy,) = (s for s in CLAIMS[name].strategies if isinstance(s, ExactValue))
    changes: dict[str, Callable[[Any], Any]] = {
        "AB transposed": lambda i: strategy.value(replace(i, ab=i.ab.mT)),
        "sign of AB": lambda i: strategy.value(replace(i, ab=-i.ab)),
        "doubled": lambda i: 2 * strategy.value(i),
    }
    planted = ExactValue(strategy.placement, changes[label])
    try:
        assert planted(CLAIMS[name], SMALL, 0).refutes
    except RuntimeError as error:
        assert "size" in str(error)  # noqa: PT017  (LoRA's AB is not square, so a transpose does not even fit)


@pytest.mark.parametrize("label", ["lhs doubled", "rhs halved twice", "placement swapped"])
def test_monte_carlo_contradicts_a_wrong_closed_form_or_bound(label: str) -> None:
    claim = CLAIMS["lemma-3"]
    strategy = StackMonteCarlo(None)
    match label:
        case "lhs doubled":
            claim = EVERYWHERE["lhs doubled"](claim)
        case "rhs halved twice":
            claim = EVERYWHERE["rhs halved"](EVERYWHERE["rhs halved"](claim))
        case _:
            claim, strategy = CLAIMS["prop-4"], StackMonteCarlo(Placement.INPUT, layer=1)
            claim = of(claim, lhs=CLAIMS["lemma-3"].inequality.lhs)
    finding = strategy(claim, SMALL, 0)
    assert finding.kind is Evidence.MONTE_CARLO
    assert finding.refutes


def test_a_norm_taken_along_the_wrong_axis_is_seen() -> None:
    """x Wᵀ for xW cannot even be formed, since c is never d."""
    i = CLAIMS["prop-1"].inequality.setting.parametrise(
        CLAIMS["prop-1"].inequality.setting.start(1, torch.Generator().manual_seed(0))
    )
    with pytest.raises(RuntimeError):
        apply(i.x1, i.w.mT)
