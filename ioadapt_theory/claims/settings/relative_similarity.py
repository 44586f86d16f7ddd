"""The setting of App. A.1: two layers W, W' and two pairs of inputs whose outputs have the same cosine s₀; one AB."""

from collections.abc import Callable
from dataclasses import dataclass

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq, operator_norm, sqrt
from ioadapt_theory.claims.expression import tree
from ioadapt_theory.claims.expression.tree import Relation, fro, norm, spectral
from ioadapt_theory.claims.settings.letters import AB, EPSILON, SOURCE, TARGET, T

__all__ = [
    "BELOW_ONE", "BELOW_OUTPUTS", "FROBENIUS", "FULL_ROW_RANK", "LITERAL", "NOT_PARALLEL", "REGULAR",
    "SAME_OUTPUTS", "SPECTRAL", "Ball",
]  # fmt: skip
"""What claims are written in (``language``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeSimilarity:
    """W, W', x₁, x₂, x₁', x₂', AB, ε; rows are samples."""

    w: Array
    w_target: Array
    x1: Array
    x2: Array
    x1_target: Array
    x2_target: Array
    ab: Array
    epsilon: Array

    @property
    def source(self) -> tuple[Array, Array, Array]:
        """(x₁, x₂, W)."""
        return self.x1, self.x2, self.w

    @property
    def target(self) -> tuple[Array, Array, Array]:
        """(x₁', x₂', W')."""
        return self.x1_target, self.x2_target, self.w_target


SAME_INPUTS = tree.sim(SOURCE.x1, SOURCE.x2).equals(tree.sim(TARGET.x1, TARGET.x2))
SAME_OUTPUTS = SOURCE.s0.equals(TARGET.s0)
FULL_ROW_RANK = tuple(tree.rank(model.w).equals(tree.rows(model.w)) for model in (SOURCE, TARGET))
BELOW_ONE = EPSILON < 1
REGULAR = tree.rank(T).equals(tree.rows(T))
NOT_PARALLEL = tree.NOTHING < tree.minimum(SOURCE.sine0, TARGET.sine0)
BELOW_OUTPUTS = tuple(EPSILON * norm(x) <= norm(x @ m.w) for m in (SOURCE, TARGET) for x in m[:2])


def frobenius_norm(m: Array) -> Array:
    """‖M‖_F."""
    return sqrt(frobenius_sq(m))


@dataclass(frozen=True, slots=True)
class Ball:
    """A reading of "the adaptation components are L2-regularized": norm(AB)^power ≤ ε."""

    norm: Callable[[Array], Array]
    relation: Relation
    power: int = 1

    def radius(self, epsilon: Array) -> Array:
        """Return the largest norm(AB) that is allowed."""
        return epsilon if self.power == 1 else sqrt(epsilon)

    @property
    def given(self) -> tuple[Relation, ...]:
        """The assumptions of App. A.1 with this reading of the last one."""
        return SAME_INPUTS, SAME_OUTPUTS, self.relation


SPECTRAL = Ball(operator_norm, spectral(AB) <= EPSILON)
LITERAL = Ball(operator_norm, spectral(AB) ** 2 <= EPSILON, power=2)
FROBENIUS = Ball(frobenius_norm, fro(AB) <= EPSILON)
