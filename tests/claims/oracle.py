"""Every statement once more, naively: mpmath matrices, no batch, derivatives as difference quotients at 80 digits."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from mpmath import mp, mpf

Raw = Mapping[str, Any]
DIGITS = 80


def number(x: Any) -> Any:
    exact = Fraction(x)
    return mpf(exact.numerator) / exact.denominator


def matrix(rows: Any) -> Any:
    rows = [rows] if not isinstance(rows[0], list) else rows
    return mp.matrix([[number(x) for x in row] for row in rows])


def least(s: Any) -> Any:
    """The constant of Lemma 1's remainder: c + c² with c² = (1 + s)/2."""
    return mp.sqrt((1 + s) / 2) + (1 + s) / 2


def length(v: Any) -> Any:
    return mp.sqrt(sum(x * x for x in v))


def sim(u: Any, v: Any) -> Any:
    return sum(a * b for a, b in zip(u, v, strict=True)) / length(u) / length(v)


def spectral(m: Any) -> Any:
    return max(mp.svd_r(m, compute_uv=False)) if any(m) else mpf(0)


def fro2(m: Any) -> Any:
    return sum(x * x for x in m)


def eye(n: int) -> Any:
    return mp.eye(n)


class Pair:
    """Setting A.1; ``t`` scales AB."""

    def __init__(self, raw: Raw, placement: str) -> None:
        self.placement = placement
        self.ab, self.eps = matrix(raw["AB"]), number(raw["epsilon"])
        self.models = [(matrix(raw[f"W{t}"]), matrix(raw[f"x1{t}"]), matrix(raw[f"x2{t}"])) for t in ("", "_target")]

    def outputs(self, model: int, t: Any) -> tuple[Any, Any]:
        w, *xs = self.models[model]
        ab = t * self.ab
        match self.placement:
            case "lora":
                return tuple(x * (w + ab) for x in xs)
            case "input":
                return tuple(x * (eye(w.rows) + ab) * w for x in xs)
            case _:
                return tuple(x * w * (eye(w.cols) + ab) for x in xs)

    def distance(self, t: Any = 1) -> Any:
        return abs(sim(*self.outputs(0, t)) - sim(*self.outputs(1, t)))

    def shift(self, model: int, t: Any) -> Any:
        return sim(*self.outputs(model, t)) - sim(*self.outputs(model, 0))

    @property
    def slope(self) -> Any:
        t = mpf(10) ** -40
        return abs(self.shift(0, t) - self.shift(1, t)) / t

    @property
    def s0(self) -> Any:
        return sim(*self.outputs(0, 0))

    def stretch(self, model: int, k: int) -> Any:
        w, *xs = self.models[model]
        return length(xs[k]) / length(xs[k] * w)

    @property
    def stretches(self) -> list[Any]:
        return [self.stretch(m, k) for m in (0, 1) for k in (0, 1)]

    def kappa(self, model: int) -> Any:
        s = mp.svd_r(self.models[model][0], compute_uv=False)
        return max(s) / min(s)

    def artanh(self, model: int) -> Any:
        return abs(mp.atanh(sim(*self.outputs(model, 1))) - mp.atanh(self.s0))


def kp(k: Any) -> Any:
    return k + 1 / k


def worse(p: Pair) -> int:
    return max((0, 1), key=lambda m: p.artanh(m) / kp(p.kappa(m)))


def reach(p: Pair, m: int) -> Any:
    """L with sinh(L/2) = cosh(ln κ) sinh(artanh ε)."""
    return 2 * mp.asinh(mp.cosh(mp.log(p.kappa(m))) * mp.sinh(mp.atanh(p.eps)))


def worst(p: Pair) -> int:
    return max((0, 1), key=lambda m: p.artanh(m) / reach(p, m))


def segment(p: Pair) -> Any:
    """min_t min ‖y + t xAB‖ of the source, at the vertex of the parabola in t."""
    w, *xs = p.models[0]
    found = []
    for x in xs:
        y, dy = x * w, x * p.ab
        t = min(mpf(1), max(mpf(0), -sum(a * b for a, b in zip(y, dy, strict=True)) / fro2(dy)))
        found.append(length(y + t * dy))
    return min(found)


def prop_1_weights(p: Pair) -> Any:
    smallest = [sorted(mp.svd_r(w, compute_uv=False))[:2] for w, *_ in p.models]
    return (1 - p.s0**2) * p.eps * sum(1 / s for pair in smallest for s in pair)


def prop_1_sharp(p: Pair) -> Any:
    total = mpf(0)
    thx, th0 = mp.acos(sim(*p.models[0][1:])), mp.acos(p.s0)
    for m in (0, 1):
        a, b = p.stretch(m, 0), p.stretch(m, 1)
        total += mp.sqrt(a * a + b * b - 2 * a * b * mp.cos(thx + th0))
    return p.eps * mp.sin(th0) * total


def prop_1_finite(p: Pair) -> Any:
    th0 = mp.acos(p.s0)
    a, b = (sum(mp.asin(p.eps * p.stretch(m, k)) for k in (0, 1)) for m in (0, 1))
    high = [mp.cos(max(th0 - x, mpf(0))) for x in (a, b)]
    low = [mp.cos(min(mp.pi, th0 + x)) for x in (a, b)]
    return max(high[0] - low[1], high[1] - low[0])


def tau(e: Any) -> Any:
    return 2 * e / (1 + e * e)


def sine(p: Pair) -> Any:
    return mp.sqrt(1 - p.s0**2)


def second_main(p: Pair) -> Any:
    a, _, c, d = p.stretches
    w, _, x2 = p.models[0]
    return (1 + p.s0) * p.eps * (a + length(p.models[1][2]) / length(x2 * w) + c + d)


A1: dict[str, tuple[str, Callable[[Pair], Any], Callable[[Pair], Any], bool]] = {
    **dict.fromkeys(
        ("prop-1", "prop-1-literal", "prop-1-frobenius"),
        ("lora", Pair.distance, lambda p: (1 + p.s0) * p.eps * sum(p.stretches), True),
    ),
    "prop-1-main": ("lora", Pair.distance, second_main, True),
    "prop-1-abs": ("lora", Pair.distance, lambda p: (1 + abs(p.s0)) * p.eps * sum(p.stretches), True),
    "prop-1-sine": ("lora", Pair.distance, lambda p: sine(p) * p.eps * sum(p.stretches), True),
    "prop-1-sharp": ("lora", Pair.distance, prop_1_sharp, True),
    "prop-1-weights": ("lora", Pair.distance, prop_1_weights, True),
    "prop-1-explicit": (
        "lora",
        Pair.distance,
        lambda p: sum(sine(p) * p.eps * k + least(abs(p.s0)) * (p.eps * k) ** 2 for k in p.stretches),
        False,
    ),
    "prop-1-finite": ("lora", Pair.distance, prop_1_finite, False),
    **dict.fromkeys(
        ("prop-2-input", "prop-2-input-literal", "prop-2-input-frobenius"),
        ("input", Pair.distance, lambda p: 4 * (1 + p.s0) * p.eps, True),
    ),
    "prop-2-input-abs": ("input", Pair.distance, lambda p: 4 * (1 + abs(p.s0)) * p.eps, True),
    "prop-2-input-sharp": (
        "input",
        Pair.distance,
        lambda p: (1 - p.s0**2) * p.eps * (kp(p.kappa(0)) + kp(p.kappa(1))),
        True,
    ),
    "prop-2-input-vectors": (
        "input",
        Pair.distance,
        lambda p: sine(p) * p.eps * sum(p.stretch(m, k) * spectral(p.models[m][0]) for m in (0, 1) for k in (0, 1)),
        True,
    ),
    "prop-2-input-finite": (
        "input",
        lambda p: p.artanh(worse(p)),
        lambda p: kp(p.kappa(worse(p))) * mp.log(1 / (1 - p.eps)),
        False,
    ),
    "prop-2-input-finite-sharp": ("input", lambda p: p.artanh(worst(p)), lambda p: reach(p, worst(p)), False),
    "prop-2-input-sharp-two": (
        "input",
        Pair.distance,
        lambda p: (1 - p.s0**2) * p.eps * (kp(p.kappa(0)) + kp(p.kappa(1))),
        True,
    ),
    **dict.fromkeys(
        ("prop-2-output", "prop-2-output-literal", "prop-2-output-frobenius"),
        ("output", Pair.distance, lambda p: 4 * (1 + p.s0) * p.eps, True),
    ),
    "prop-2-output-abs": ("output", Pair.distance, lambda p: 4 * (1 + abs(p.s0)) * p.eps, True),
    "prop-2-output-sharp": ("output", Pair.distance, lambda p: 4 * (1 - p.s0**2) * p.eps, True),
    "prop-2-output-finite": (
        "output",
        Pair.distance,
        lambda p: 2 * tau(p.eps) * (1 - p.s0**2) / (1 - p.s0**2 * tau(p.eps) ** 2),
        False,
    ),
    "prop-2-output-artanh": (
        "output",
        lambda p: max(p.artanh(m) for m in (0, 1)),
        lambda p: mp.log(mp.cond(eye(p.ab.rows) + p.ab, lambda m: spectral(m))),
        False,
    ),
}


BESIDE_A1: dict[str, tuple[Callable[[Pair], Any], Callable[[Pair], Any]]] = {
    "prop-1-segment-small": (
        lambda p: min(length(x * p.models[0][0]) - p.eps * length(x) for x in p.models[0][1:]),
        segment,
    ),
    "bounds-rank": (lambda p: 4 * (1 + p.s0) * p.eps, lambda p: (1 + p.s0) * p.eps * sum(p.stretches)),
}


class Models:
    """Setting A.2."""

    def __init__(self, raw: Raw) -> None:
        self.w1, self.w2, self.v1, self.v2 = (matrix(raw[k]) for k in ("W1", "W2", "W1_target", "W2_target"))
        self.ab, self.var = matrix(raw.get("AB", [[0]])), number(raw.get("sigma", 1)) ** 2
        self.f = matrix(raw["F"]) if "F" in raw else None

    @property
    def eps(self) -> Any:
        return fro2(self.w1 * self.w2 - self.v1 * self.v2)

    @property
    def t(self) -> Any:
        return eye(self.ab.rows) + self.ab

    def gap(self, adapted: Callable[[Any, Any], Any]) -> Any:
        return adapted(self.w1, self.w2) - adapted(self.v1, self.v2)


def triangle(m: Models, change: Any) -> Any:
    return m.var * (mp.sqrt(m.eps) + spectral(m.ab) * mp.sqrt(fro2(change))) ** 2


def layers(m: Models) -> Any:
    first = mp.sqrt(fro2(m.w1 - m.v1)) * spectral(m.w2)
    return m.var * (spectral(m.t) * (first + spectral(m.v1) * mp.sqrt(fro2(m.w2 - m.v2)))) ** 2


A2: dict[str, tuple[Callable[[Models], Any], Callable[[Models], Any]]] = {
    "lemma-3": (lambda m: m.var * fro2(m.gap(lambda a, b: a * b)), lambda m: m.var * m.eps),
    "prop-3": (
        lambda m: m.var * fro2(m.gap(lambda a, b: (a + m.ab) * b)),
        lambda m: triangle(m, m.w2 - m.v2),
    ),
    "prop-3-second": (
        lambda m: m.var * fro2(m.gap(lambda a, b: a * (b + m.ab))),
        lambda m: triangle(m, m.w1 - m.v1),
    ),
    "prop-4": (
        lambda m: m.var * fro2(m.gap(lambda a, b: m.t * a * b)),
        lambda m: m.var * spectral(m.t) ** 2 * m.eps,
    ),
    "prop-5": (
        lambda m: m.var * fro2(m.gap(lambda a, b: a * b * m.t)),
        lambda m: m.var * spectral(m.t) ** 2 * m.eps,
    ),
    "prop-4-interior": (
        lambda m: m.var * fro2(m.gap(lambda a, b: a * m.t * b)),
        lambda m: m.var * spectral(m.t) ** 2 * m.eps,
    ),
    "prop-4-interior-layers": (lambda m: m.var * fro2(m.gap(lambda a, b: a * m.t * b)), layers),
    "prop-4-every-layer": (
        lambda m: m.var * fro2(m.gap(lambda a, b: m.t * a * m.t * b)),
        lambda m: m.var * spectral(m.t) ** 4 * m.eps,
    ),
    "prop-4-anisotropic": (
        lambda m: fro2(m.f * m.gap(lambda a, b: m.t * a * b)),
        lambda m: spectral(m.t) ** 2 * fro2(m.f * m.gap(lambda a, b: a * b)),
    ),
    "prop-4-whitened": (
        lambda m: fro2(m.f * m.gap(lambda a, b: m.t * a * b)),
        lambda m: spectral(m.f * m.t * m.f**-1) ** 2 * fro2(m.f * m.gap(lambda a, b: a * b)),
    ),
    "prop-5-anisotropic": (
        lambda m: fro2(m.f * m.gap(lambda a, b: a * b * m.t)),
        lambda m: spectral(m.t) ** 2 * fro2(m.f * m.gap(lambda a, b: a * b)),
    ),
}


def pseudo(m: Any) -> Any:
    """Of full rank."""
    return m.T * (m * m.T) ** -1 if m.rows <= m.cols else (m.T * m) ** -1 * m.T


def rank_of(m: Any) -> int:
    s = mp.svd_r(m, compute_uv=False)
    return sum(x > mpf(10) ** -50 * max(s) for x in s)


class Matrices:
    """Settings that nothing constrains: the letters of the instance file."""

    def __init__(self, raw: Raw) -> None:
        self.letters = {key: matrix(x) if isinstance(x, list) else number(x) for key, x in raw.items()}

    def __getattr__(self, key: str) -> Any:
        return self.letters[key]

    def eye(self, key: str) -> Any:
        return eye(self.letters[key].rows)


PLAIN: dict[str, tuple[Callable[[Matrices], Any], Callable[[Matrices], Any]]] = {
    "eq-5-size": (
        lambda m: spectral(pseudo(m.W) * m.AB),
        lambda m: spectral(m.AB) / min(mp.svd_r(m.W, compute_uv=False)),
    ),
    "eq-5-rank": (lambda m: rank_of(pseudo(m.W) * m.A * m.B), lambda m: m.B.rows),
    "eq-6-rank-input": (lambda m: rank_of(m.A1 * m.B1 * m.W + m.A2 * m.B2), lambda m: m.B1.rows + m.B2.rows),
    "eq-6-rank-output": (lambda m: rank_of(m.W * m.A1 * m.B1 + m.A2 * m.B2), lambda m: m.B1.rows + m.B2.rows),
    "reach-input": (lambda m: rank_of(m.A * m.B * m.W), lambda m: m.B.rows),
    "reach-output": (lambda m: rank_of(m.W * m.A * m.B), lambda m: m.B.rows),
    "nonlinear-output": (
        lambda m: fro2((m.F - m.F_target) * (m.eye("AB") + m.AB)),
        lambda m: spectral(m.eye("AB") + m.AB) ** 2 * fro2(m.F - m.F_target),
    ),
    "nonlinear-input-lipschitz": (lambda m: fro2(m.H), lambda m: 2 * fro2(m.G) + 2 * m.Lip**2 * fro2(m.XAB)),
}


class Vectors:
    """Setting of Lemmas 1 and 2."""

    def __init__(self, raw: Raw) -> None:
        self.u, self.v, self.du, self.dv = (matrix(raw[k]) for k in ("u", "v", "du", "dv"))

    def s(self, t: Any = 0) -> Any:
        return sim(self.u + t * self.du, self.v + t * self.dv)

    @property
    def delta(self) -> Any:
        t = mpf(10) ** -40
        return (self.s(t) - self.s(-t)) / (2 * t)

    @property
    def rho(self) -> list[Any]:
        return [length(self.du) / length(self.u), length(self.dv) / length(self.v)]

    @property
    def remainder(self) -> Any:
        return self.s(1) - self.s(0) - self.delta

    def hessian_norm(self) -> Any:
        """Second difference quotients of s at (u, v)."""
        d, h = self.u.cols, mpf(10) ** -20
        z = [*self.u, *self.v]

        def value(shift: dict[int, Any]) -> Any:
            w = [x + shift.get(k, 0) for k, x in enumerate(z)]
            return sim(w[:d], w[d:])

        matrix_ = mp.matrix(2 * d)
        for i in range(2 * d):
            for j in range(2 * d):
                moves = [(si, sj) for si in (1, -1) for sj in (1, -1)]
                total = mpf(0)
                for si, sj in moves:
                    shift: dict[int, Any] = {}
                    shift[i] = shift.get(i, 0) + si * h
                    shift[j] = shift.get(j, 0) + sj * h
                    total += si * sj * value(shift)
                matrix_[i, j] = total / (4 * h * h)
        return max(abs(x) for x in mp.eigsy(matrix_, eigvals_only=True))

    @property
    def bound(self) -> Any:
        return (1 + abs(self.s())) / min(length(self.u), length(self.v)) ** 2


def turn(x: Vectors) -> Any:
    return abs(mp.acos(x.s(1)) - mp.acos(x.s()))


LEMMAS: dict[str, tuple[Callable[[Vectors], Any], Callable[[Vectors], Any]]] = {
    "lemma-1": (lambda x: abs(x.delta), lambda x: (1 + abs(x.s())) * sum(x.rho)),
    "lemma-1-sharp": (lambda x: abs(x.delta), lambda x: mp.sqrt(1 - x.s() ** 2) * sum(x.rho)),
    "lemma-1-remainder-best": (lambda x: abs(x.remainder), lambda x: least(abs(x.s())) * sum(r * r for r in x.rho)),
    "lemma-1-angle": (turn, lambda x: sum(mp.asin(r) for r in x.rho)),
    "lemma-2": (Vectors.hessian_norm, lambda x: 12 * x.bound),
    "lemma-2-sharp": (Vectors.hessian_norm, lambda x: x.bound),
    "lemma-2-remainder": (
        lambda x: abs(x.remainder),
        lambda x: 2 * sum(-r - mp.log(1 - r) for r in x.rho),
    ),
}


def expected(claim: str, raw: Raw) -> tuple[Any, Any, Any]:
    """lhs, rhs, first order (None where the statement has none)."""
    with mp.workdps(DIGITS):
        if claim in A1:
            placement, lhs, rhs, to_first_order = A1[claim]
            pair = Pair(raw, placement)
            return lhs(pair), rhs(pair), pair.slope if to_first_order else None
        if claim in A2:
            left, right = A2[claim]
            models = Models(raw)
            return left(models), right(models), None
        if claim in BESIDE_A1:
            one, other = BESIDE_A1[claim]
            return one(Pair(raw, "lora")), other(Pair(raw, "lora")), None
        if claim in PLAIN:
            before_, after_ = PLAIN[claim]
            matrices = Matrices(raw)
            return before_(matrices), after_(matrices), None
        before, after = LEMMAS[claim]
        vectors = Vectors(raw)
        return before(vectors), after(vectors), None


KNOWN = (*LEMMAS, *A1, *BESIDE_A1, *A2, *PLAIN)
