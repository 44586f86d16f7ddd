"""One instance, evaluated so that its digits can be believed."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ioadapt_theory.claims.arithmetic import DIGITS, mp
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import TOLERANCE
from ioadapt_theory.claims.evidence.inequality import ACCURACY, HypothesisError, Inequality, UndecidedError
from ioadapt_theory.errors import InvalidValueError

AGREEMENT = mp.mpf(10) ** -20
VANISHES = mp.mpf(10) ** -25
SMALLEST, LARGEST = sys.float_info.min, sys.float_info.max


class UndefinedError(InvalidValueError):
    """A quotient 0/0 in the statement."""

    def __init__(self) -> None:
        """Say why that happens."""
        super().__init__("The statement is undefined on this instance: an adapted vector is zero.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Both sides of a claim on one instance.

    Attributes:
        claim: id.
        lhs: left side.
        rhs: right side.
        first_order: limit of lhs/t for AB → tAB, t → 0, for statements up to O(ε²), which decides there.
        hypotheses: residual of every hypothesis.
    """

    claim: str
    lhs: float
    rhs: float
    first_order: float | None
    hypotheses: Mapping[str, float]

    @property
    def decisive(self) -> float:
        """What is compared with rhs."""
        return self.lhs if self.first_order is None else self.first_order

    @property
    def holds(self) -> bool:
        """Whether the statement holds on this instance; the slack is what rounded decimals in a file may cost."""
        return self.decisive <= self.rhs * (1 + TOLERANCE)

    @property
    def decisive_ratio(self) -> float:
        """decisive/rhs; 0/0 counts as 0."""
        return _quotient(self.decisive, self.rhs)

    def to_json(self) -> dict[str, Any]:
        """JSON form; a ratio that is not finite is null."""
        ratio = _quotient(self.lhs, self.rhs) if self.rhs else math.inf
        return {
            "claim": self.claim,
            "lhs": self.lhs,
            "rhs": self.rhs,
            "ratio": ratio if math.isfinite(ratio) else None,
            **({} if self.first_order is None else {"first_order": self.first_order}),
            "holds": self.holds,
            "hypotheses": [{"hypothesis": name, "residual": r} for name, r in self.hypotheses.items()],
        }


def _quotient(a: float, b: float) -> float:
    return 0.0 if a == 0 else math.inf if b == 0 else a / b


def evaluate(claim: Claim, raw: Mapping[str, Any]) -> Evaluation:
    """Evaluate an instance file at 50 digits, 100 and so on until two agree; what vanishes with the precision is zero.

    Raises:
        FileFormatError, ShapeError, InvalidValueError: the file does not hold an instance of this claim.
        HypothesisError: it misses a hypothesis.
        UndecidedError: it violates the claim by no more than what its hypotheses are missed by.
    """
    inequality = claim.inequality
    if inequality is None:
        msg = f"{claim.id} has no instances: it is settled by exact arguments; see `ioadapt verify {claim.id}`."
        raise InvalidValueError(msg)
    values, residuals = _multiprecision(inequality, raw)
    for statement, residual in residuals.items():
        if not residual <= ACCURACY:
            raise HypothesisError(statement, residual)
    lhs, rhs, first_order = values
    found = Evaluation(claim=claim.id, lhs=lhs, rhs=rhs, first_order=first_order, hypotheses=residuals)
    entering = max((residuals[h.statement] for h in inequality.hypotheses if h.enters), default=0.0)
    if not found.holds and 0 < found.decisive - found.rhs <= 2 * entering:
        raise UndecidedError(found.decisive - found.rhs, entering)
    return found


def _multiprecision(inequality: Inequality, raw: Mapping[str, Any]) -> tuple[list[Any], dict[str, float]]:
    residuals = _at(DIGITS, inequality, raw, inequality.residuals)
    rounded = {name: float(r) if abs(r) > VANISHES else 0.0 for name, r in residuals.items()}
    if max(rounded.values(), default=0.0) > ACCURACY:
        return [math.nan, math.nan, None], rounded
    before = _at(DIGITS, inequality, raw, partial(_sides, inequality))
    for digits in (2 * DIGITS, 4 * DIGITS, 8 * DIGITS):
        after = _at(digits, inequality, raw, partial(_sides, inequality))
        settled = [_settled(a, b) for a, b in zip(before, after, strict=True)]
        if all(done for done, _ in settled):
            return [_float(value) for _, value in settled], rounded
        before = after
    msg = f"The values are lost in cancellation: at {digits} digits they are not yet settled."
    raise InvalidValueError(msg)


def _sides(inequality: Inequality, instance: Any) -> tuple[Any, Any, Any]:
    first_order = inequality.first_order(instance) if inequality.first_order else None
    return inequality.lhs(instance), inequality.rhs(instance), first_order


def _at(digits: int, inequality: Inequality, raw: Mapping[str, Any], function: Callable[[Any], Any]) -> Any:
    with mp.workdps(digits):
        instance = inequality.setting.read(raw)
        try:
            return function(instance)
        except ZeroDivisionError:
            raise UndefinedError from None


def _settled(a: Any, b: Any) -> tuple[bool, Any]:
    """Whether a value at some digits and b at twice as many agree, and what it is then."""
    if b is None or abs(a - b) <= AGREEMENT * abs(b):
        return True, b
    return bool(abs(b) <= VANISHES * abs(a)), mp.mpf(0)


def _float(value: Any) -> float | None:
    if value is None:
        return None
    if value and not SMALLEST <= abs(value) <= LARGEST:
        msg = (
            f"{mp.nstr(value, 5)} is outside of double precision, {SMALLEST:.3g} to {LARGEST:.3g}; scale the instance."
        )
        raise InvalidValueError(msg)
    return float(value)
