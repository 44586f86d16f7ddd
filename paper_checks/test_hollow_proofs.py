"""A hollow argument is none: it proves no other goal than its own, and no step compares a thing with itself."""

import ast
import builtins
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims import __file__ as CLAIMS_FILE
from ioadapt_theory.claims.claim import Proof
from ioadapt_theory.claims.evidence.argument import Computed
from ioadapt_theory.claims.expression.tree import NOTHING, Relation, Term, term

COMPUTED = [
    pytest.param(claim, proof, id=f"{claim.id}: {proof.name}")
    for claim in CLAIMS.values()
    for proof in claim.proofs
    if claim.concludes and isinstance(proof.argument, Computed) and not proof.argument.prose
]
COMPARING = {
    **dict.fromkeys(("vanishes", "zero", "simplifies", "nonnegative", "true"), 1),
    **dict.fromkeys(("agree", "words", "found", "reached"), 2),
}
"""What makes a check of a step, and how many of its arguments are compared."""


NOTHING_COMPUTED = {*dir(builtins), "sp", "sympy", "Fraction"}
"""Names that stand for no result."""
TWO, NEARLY, LITTLE = Fraction(2), Fraction(999, 1000), Fraction(1, 1000)


def times(factor: Fraction, right: Term) -> Term:
    """The right side of another goal."""
    return term(factor) * right if right.kind == "scalar" else right + right


def breaks(claim: Claim, proof: Proof, k: int, factor: Fraction) -> bool:
    """Whether the argument is none for the k-th goal with a right side that many times as large."""
    goal = claim.concludes[k]
    other = Relation(goal.left, goal.sign, times(factor, goal.right), goal.order)
    goals = (*claim.concludes[:k], other, *claim.concludes[k + 1 :])
    try:
        return bool(list(proof.argument.broken(replace(claim, concludes=goals))))
    except (TypeError, AttributeError, ValueError):
        return True  # a formula of another form is not even read


@pytest.mark.parametrize(("claim", "proof"), COMPUTED)
def test_a_computed_argument_proves_no_other_goal(claim: Claim, proof: Proof) -> None:
    """One that takes from the goal what it has to derive would prove any; one of a bound may prove larger bounds."""
    factors = (TWO, NEARLY) if proof.shows & {*claim.words} else (NEARLY,) if claim.words else (LITTLE,)
    rights = [goal.right for goal in claim.concludes]
    goals = [k for k, right in enumerate(rights) if right.op != "landau" and right != NOTHING]  # O(2a) is O(a)
    noticed = [all(breaks(claim, proof, k, factor) for factor in factors) for k in goals]
    assert any(noticed) if proof.aside and noticed else all(noticed)


def checks(path: Path) -> Iterator[ast.Call]:
    """The calls that make checks, in a file that states claims."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {*COMPARING, "Check"}:
            yield node


def hollow(call: ast.Call) -> bool:
    """Whether the form shows that nothing is compared: no result, a thing with itself, nothing times it, a truth."""
    assert isinstance(call.func, ast.Name)
    compared = call.args[: COMPARING.get(call.func.id, 1)]
    if call.func.id == "reached":
        compared = call.args[1:2]
        if "claim" in {n.id for a in compared for n in ast.walk(a) if isinstance(n, ast.Name)}:
            return True
    if not {n.id for a in compared for n in ast.walk(a) if isinstance(n, ast.Name)} - NOTHING_COMPUTED:
        return True
    if len(compared) == 2 and ast.dump(compared[0]) == ast.dump(compared[1]):
        return True
    return any(_same(n) for a in compared for n in ast.walk(a))


def _same(n: ast.AST) -> bool:
    match n:
        case ast.BinOp(left, ast.Sub(), right) | ast.Compare(left, [_], [right]):
            return ast.dump(left) == ast.dump(right)
        case ast.BoolOp(ast.Or(), values):
            return any(isinstance(v, ast.Constant) for v in values)
        case ast.BinOp(ast.Constant(0), ast.Mult(), _) | ast.BinOp(_, ast.Mult(), ast.Constant(0)):
            return True
        case ast.GeneratorExp(ast.Constant()) | ast.ListComp(ast.Constant()):
            return True
    return False


SOURCES = [
    p
    for room in ("statements", "beyond", "words", "evidence")
    for p in Path(CLAIMS_FILE).parent.glob(f"{room}/**/*.py")
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: f"{p.parent.name}.{p.stem}")
def test_no_step_compares_a_thing_with_itself(path: Path) -> None:
    assert [ast.unparse(call) for call in checks(path) if hollow(call)] == []


@pytest.mark.parametrize(
    "source",
    [
        "vanishes(a - a)", "vanishes(0)", "agree(a + b, a + b)", "found(1, 1)", "true(True)", "Check(True)",
        "Check(x == x)", "Check(a or True)", "both(vanishes(x - x), found(a, b))", "zero(m - m, circle)",
        "reached(claim, symbolic(claim.goals[0].right, known), known)", "simplifies(sp.Integer(0))",
        "Check(bool(1 < 2))", "vanishes(0 * sp.Symbol('x'))", "zero(sp.zeros(2, 2))", "found(sp.eye(2).rank(), 2)",
        "vanishes(0 * x)", "Check(all(True for _ in rows))",
    ],
)  # fmt: skip
def test_such_steps_are_found(source: str, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(f"def f(claim):\n    yield Step('', {source})\n", encoding="utf-8")
    assert [call for call in checks(path) if hollow(call)]
