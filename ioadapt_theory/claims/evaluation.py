"""Evaluation of a claim on one instance, with enough digits for a reliable result."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ioadapt_theory.claims.arithmetic import DIGITS, mp
from ioadapt_theory.claims.claim import ACCURACY, Claim, HypothesisError, Inequality, UndecidedError
from ioadapt_theory.claims.findings import TOLERANCE
from ioadapt_theory.claims.instances import load_or_witness
from ioadapt_theory.errors import InvalidValueError

AGREEMENT = mp.mpf(10) ** -20
VANISHES = mp.mpf(10) ** -25
SMALLEST, LARGEST = sys.float_info.min, sys.float_info.max


class UndefinedError(InvalidValueError):
    """Error: a statement has no value on an instance, where it divides by zero or leaves the domain of a function."""

    def __init__(self, reason: str = "a divisor is zero, for example the norm of an adapted vector") -> None:
        super().__init__(f"The statement is undefined on this instance: {reason}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The values of both sides of a claim on one instance."""

    claim: str  # id of the claim
    lhs: float
    rhs: float
    first_order: float | None  # limit of lhs(tAB)/t as t → 0 in statements up to O(ε^p), else None
    hypotheses: Mapping[str, float]  # by how much the instance misses each hypothesis, by the text of the latter

    @property
    def decisive(self) -> float:
        """The value that is compared with ``rhs``: ``first_order`` if there is one, else ``lhs``."""
        return self.lhs if self.first_order is None else self.first_order

    @property
    def holds(self) -> bool:
        """Whether the statement holds on this instance; a tolerance allows for rounded decimals in an instance file."""
        return self.decisive <= self.rhs * (1 + TOLERANCE)

    @property
    def decisive_ratio(self) -> float:
        """The ratio of ``decisive`` to ``rhs``; 0 if ``decisive`` is 0, infinite if only ``rhs`` is 0."""
        return _quotient(self.decisive, self.rhs)

    def __str__(self) -> str:
        verb, sides = "holds" if self.holds else "fails", f"{self.decisive:.6g} against {self.rhs:.6g}"
        return f"{self.claim} {verb} on this instance: {sides}, {self.decisive_ratio:.6g} times the right side."

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation as JSON values; the ratio lhs/rhs is None if it is infinite or the right side is 0."""
        ratio = _quotient(self.lhs, self.rhs) if self.rhs else math.inf
        return {
            "claim": self.claim, "lhs": self.lhs, "rhs": self.rhs, "ratio": ratio if math.isfinite(ratio) else None,
            **({} if self.first_order is None else {"first_order": self.first_order}),
            "holds": self.holds,
            "hypotheses": [{"hypothesis": name, "residual": r} for name, r in self.hypotheses.items()],
        }  # fmt: skip


def _quotient(a: float, b: float) -> float:
    return 0.0 if a == 0 else math.inf if b == 0 else a / b


def evaluate(claim: Claim | str, instance: Mapping[str, Any] | str) -> Evaluation:
    """Return both sides of a claim, which may be given by its id or number, on an instance.

    ``instance`` is the content of an instance file, its path, or the name of a shipped instance.

    The number of digits is doubled from 50, up to 400, until two results agree or the value vanishes. If rounding of
    the numbers in the file makes a norm exceed ε, ε is enlarged by as much.

    Raises:
        UnknownNameError: there is no such claim, file or shipped instance.
        FileFormatError: ``instance`` does not have the form of an instance.
        ShapeError: the sizes of vectors and matrices do not fit.
        InvalidValueError: a value is outside its limits or remains inaccurate, or the claim has no instances.
        HypothesisError: the instance does not meet a hypothesis.
        UndecidedError: a hypothesis holds only up to rounding, or rounding could explain the violation.
        UndefinedError: the statement has no value on the instance.

    Example:
        >>> from ioadapt_theory import evaluate
        >>> result = evaluate("prop-2-input", "ce1")
        >>> result.holds, result.decisive_ratio
        (False, 1.5)
    """
    from ioadapt_theory.claims.verifying import single

    claim, instance = single(claim), load_or_witness(instance) if isinstance(instance, str) else instance
    inequality = claim.inequality
    if inequality is None:
        msg = f"The claim {claim.id} cannot be evaluated on an instance; run `ioadapt verify {claim.id}` to check it."
        raise InvalidValueError(msg)
    residuals = after = _residuals(inequality, instance)
    if missed := max((residuals[name] for name, h in inequality.hypotheses.items() if h.mends), default=0.0):
        larger = Fraction(instance["epsilon"]) * (1 + Fraction(math.nextafter(missed, math.inf)))
        instance = {**instance, "epsilon": str(larger)}
        after = _residuals(inequality, instance)
    for name, hypothesis in inequality.hypotheses.items():
        if after[name] and not hypothesis.enters:
            reason = (
                f"the instance meets the hypothesis {name} only up to rounding (residual {after[name]:.3g}), "
                "so the conclusion need not hold"
            )
            raise UndecidedError(reason, residuals)
    lhs, rhs, first_order = _settled_sides(inequality, instance)
    result = Evaluation(claim=claim.id, lhs=lhs, rhs=rhs, first_order=first_order, hypotheses=residuals)
    entering = max((residuals[name] for name, h in inequality.hypotheses.items() if h.enters), default=0.0)
    if not result.holds and entering and (violation := result.decisive - rhs) <= 2 * entering:
        reason = (
            f"the bound is exceeded by {violation:.3g}, which a hypothesis's residual of {entering:.3g} could explain"
        )
        raise UndecidedError(reason, residuals)
    return result


def _residuals(inequality: Inequality, raw: Mapping[str, Any]) -> dict[str, float]:
    """Return by how much the instance misses each hypothesis, by its text; amounts due to rounding count as 0.

    Raises:
        HypothesisError: a value is above ``ACCURACY``, or both sides of a strict inequality are equal.
    """
    exact = {name: h for name, h in inequality.hypotheses.items() if h.exact}
    others = {name: h for name, h in inequality.hypotheses.items() if not h.exact}
    at_50_digits = _at(DIGITS, inequality, raw, lambda i: {name: h.residual(i) for name, h in others.items()})
    rounded = {name: 0.0 if r <= VANISHES else float(r) for name, r in at_50_digits.items()}
    rational = inequality.setting.read(raw, exact=True)
    rounded |= {name: float(h.residual(rational)) for name, h in exact.items()}
    if equal := next((name for name, h in exact.items() if h.equal(rational)), None):
        raise HypothesisError(equal, 0.0)
    for name in inequality.hypotheses:
        if not rounded[name] <= ACCURACY:
            raise HypothesisError(name, rounded[name])
    return {name: rounded[name] for name in inequality.hypotheses}


def _settled_sides(inequality: Inequality, raw: Mapping[str, Any]) -> list[Any]:
    def sides(instance: Any) -> list[Any]:
        functions = (inequality.lhs, inequality.rhs, inequality.first_order or (lambda _: None))
        values = [side(instance) for side in functions]
        return [x.item() if isinstance(x, np.ndarray) else x for x in values]

    before = _at(DIGITS, inequality, raw, sides)
    for digits in (2 * DIGITS, 4 * DIGITS, 8 * DIGITS):
        after = _at(digits, inequality, raw, sides)
        settled = [_settled(a, b) for a, b in zip(before, after, strict=True)]
        if all(done for done, _ in settled):
            return [_float(value) for _, value in settled]
        before = after
    msg = f"Cancellation makes a side of the statement inaccurate even at {digits} digits; change the instance."
    raise InvalidValueError(msg)


def _at(digits: int, inequality: Inequality, raw: Mapping[str, Any], function: Callable[[Any], Any]) -> Any:
    with mp.workdps(digits):
        try:
            return function(inequality.setting.read(raw))
        except ZeroDivisionError:
            raise UndefinedError from None


def _settled(a: Any, b: Any) -> tuple[bool, Any]:
    """Return whether b, computed with twice the digits of a, agrees with a or is 0 up to rounding, and then b or 0."""
    if not (_real(a) and _real(b)):
        return _real(a) == _real(b), b
    if b is None or abs(a - b) <= AGREEMENT * abs(b):
        return True, b
    return bool(abs(b) <= VANISHES * abs(a)), mp.mpf(0)


def _real(value: Any) -> bool:
    return value is None or (not isinstance(value, mp.mpc) and bool(mp.isfinite(value)))


def _float(value: Any) -> float | None:
    if value is None:
        return None
    if not _real(value):
        msg = "a side is infinite or not real, since an argument of a function is outside its domain"
        raise UndefinedError(msg)
    if value and not SMALLEST <= abs(value) <= LARGEST:
        limits = f"the range of doubles ({SMALLEST:.3g} to {LARGEST:.3g}); rescale the instance"
        msg = f"The instance gives the value {mp.nstr(value, 5)}, outside {limits}."
        raise InvalidValueError(msg)
    return float(value)
