"""A hollow argument is none: it proves no other goal than its own, and no step compares a thing with itself."""

import ast
import builtins
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import pytest

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims import __file__ as CLAIMS_FILE
from ioadapt_theory.claims.claim import Proof
from ioadapt_theory.claims.evidence.argument import Computed
from ioadapt_theory.claims.expression import algebra
from ioadapt_theory.claims.expression.algebra import sympy
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


IDENTITIES = {
    "vanishes((1 + a) ** 2 / (1 - a ** 2) - (1 + a) / (1 - a))",
    "vanishes((1 + a) ** 2 - (1 - a ** 2) - 2 * a * (1 + a))",
    "vanishes(2 + eps ** 2 / (1 - eps) - 1 / (1 - eps) - (1 - eps))",
    "vanishes((lam - a) * (b - lam) / lam - (a + b) + lam + a * b / lam)",
    "vanishes(k + 1 / k - 2 - (k - 1) ** 2 / k)",
    "simplifies(sp.expand(size * mu ** 2) - sp.expand(mu ** 4 + (1 - eps ** 2) ** 2))",
    "agree(2 * v * (n * size - n * tau * tau * size), 2 * v * n * size * (1 - tau ** 2))",
    "agree(r * (c + d - r) - r ** 2, r * (c - r + (d - r)))",
    "simplifies(sp.atanh(-s) + sp.atanh(s))",
    "vanishes(sp.diff(sp.atanh(s), s) - 1 / (1 - s ** 2))",
    "simplifies(sp.diff(sp.sqrt(k ** 2 - z ** 2), z, 2) + k ** 2 / (k ** 2 - z ** 2) ** sp.Rational(3, 2))",
    "words((z * p * (p_ * t * p - t) * layer).subs({p: 1, p_: 1}), 0)",
    "words((s * x * k + s2 * x * k2) * t, s * x * (k * t) + s2 * x * (k2 * t))",
    "words(s * (x * m) * k + s2 * (x * m) * k2, s * x * (m * k) + s2 * x * (m * k2))",
    "Check(2 * w + m - 2 * w == m)",
    "true(after != before)",
}
"""Steps that say school algebra, true of whatever their letters stand for; the last two compare what was computed."""
DECIDE: dict[str, Callable[..., bool]] = {
    "vanishes": algebra.vanishes,
    "simplifies": lambda x: bool(sympy().simplify(x) == 0),
    "nonnegative": lambda x: x.is_nonnegative is True,
    "zero": lambda x: all(map(algebra.vanishes, x)),
    "agree": lambda x, y: algebra.vanishes(x - y),
    "words": lambda x, y: bool(sympy().expand(x - y) == 0),
    "found": lambda x, y: bool(x == y),
}


def of_any_names(call: ast.Call, path: Path) -> bool:
    """Whether a check holds when each of its names is a letter of its own, so that nothing derived enters."""
    assert isinstance(call.func, ast.Name)
    known = {**vars(builtins), **_globals(path)}
    names = {n.id for n in ast.walk(call) if isinstance(n, ast.Name)} - {*known}
    known |= {name: sympy().Symbol(name) for name in names}
    compared = call.args[: COMPARING.get(call.func.id, 1)]
    try:
        values = [eval(compile(ast.Expression(a), str(path), "eval"), known) for a in compared]
        decide = DECIDE.get(call.func.id)
        return decide(*values) if decide else values[0] in (True, sympy().true)
    except (TypeError, AttributeError, NameError, ValueError, sympy().SympifyError):
        return False  # an array or a function, not a letter


def _globals(path: Path) -> dict[str, object]:
    """What a file that states claims has at hand; sympy, which its functions import, too."""
    parts = path.with_suffix("").parts
    name = ".".join(parts[parts.index("ioadapt_theory") :]) if "ioadapt_theory" in parts else "fractions"
    return {"sp": sympy(), **vars(import_module(name))}


SOURCES = [
    p
    for room in ("statements", "beyond", "words", "evidence")
    for p in Path(CLAIMS_FILE).parent.glob(f"{room}/**/*.py")
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: f"{p.parent.name}.{p.stem}")
def test_no_step_compares_a_thing_with_itself(path: Path) -> None:
    assert [ast.unparse(call) for call in checks(path) if hollow(call)] == []
    if path.parent.name != "evidence":  # which defines the checks
        assert {ast.unparse(call) for call in checks(path) if of_any_names(call, path)} <= IDENTITIES


@pytest.mark.parametrize(
    "source",
    [
        "vanishes(a - a)", "vanishes(0)", "agree(a + b, a + b)", "found(1, 1)", "true(True)", "Check(True)",
        "Check(x == x)", "Check(a or True)", "both(vanishes(x - x), found(a, b))", "zero(m - m, circle)",
        "reached(claim, symbolic(claim.goals[0].right, known), known)", "simplifies(sp.Integer(0))",
        "Check(bool(1 < 2))", "vanishes(0 * sp.Symbol('x'))", "zero(sp.zeros(2, 2))", "found(sp.eye(2).rank(), 2)",
        "vanishes(0 * x)", "Check(all(True for _ in rows))",
        "vanishes(x**2 - x*x)", "agree((a + b) ** 2, a**2 + 2 * a * b + b**2)", "agree(derived, derived.expand())",
        "simplifies(sp.sqrt(x) ** 2 - x)", "found(a - b, -(b - a))", "true(x**2 / x == x)",
        "words(a * b + a, a * (b + 1))",
    ],
)  # fmt: skip
def test_such_steps_are_found(source: str, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(f"def f(claim):\n    yield Step('', {source})\n", encoding="utf-8")
    assert [call for call in checks(path) if hollow(call) or of_any_names(call, path)]
