"""Values of the symbols in the claims' arguments (proofs), to check each line: generic values, or values at a bound."""

from collections.abc import Callable, Iterator
from typing import Any

from mpmath import mp, mpf

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.expression.values import value
from paper_checks import reader

Objects = dict[str, Any]
OBJECTS: list[tuple[str, int, Callable[[], Iterator[Objects]]]] = []
"""Ids of claims, numbers of their arguments, and functions that yield instances for those arguments."""


def of(*arguments: tuple[str, int]) -> Callable[[Callable[[], Iterator[Objects]]], Callable[[], Iterator[Objects]]]:
    def noted(instances: Callable[[], Iterator[Objects]]) -> Callable[[], Iterator[Objects]]:
        OBJECTS.extend((*argument, instances) for argument in arguments)
        return instances

    return noted


def draw(rows: int, columns: int, seed: int = 1) -> Any:
    """Return a fixed, seemingly random matrix with entries between −1 and 1."""
    x = mpf(seed) * mp.sqrt(2) + rows + columns / mpf(7)
    entries = []
    for _ in range(rows * columns):
        x = mp.frac(x * 997 + mp.sqrt(3))
        entries.append(2 * x - 1)
    return mp.matrix(rows, columns) + mp.matrix([entries[k * columns : (k + 1) * columns] for k in range(rows)])


def row(*entries: Any) -> Any:
    return mp.matrix([[*entries]])


def unit(x: Any) -> Any:
    return x / mp.norm(x)


def gradient(u: Any, v: Any) -> Any:
    return v / (mp.norm(u) * mp.norm(v)) - reader.sim(u, v) * u / mp.norm(u) ** 2


def remainder(u: Any, v: Any, du: Any, dv: Any) -> tuple[Any, Any]:
    """Return δ and R of Lemma 1: the first-order change of the cosine, and the rest of the change."""
    delta = reader.dot(gradient(u, v), du) + reader.dot(gradient(v, u), dv)
    return delta, reader.sim(u + du, v + dv) - reader.sim(u, v) - delta


def det(*vectors: Any) -> Any:
    return mp.det(mp.matrix([[reader.dot(a, b) for b in vectors] for a in vectors]))


@of(("lemma-1-remainder", 1), ("lemma-1-remainder-best", 0), ("lemma-1-expansion", 0))
def lemma_1_sides() -> Iterator[Objects]:
    yield from (i for i in lemma_1() if "K" not in i)


@of(("lemma-1-remainder", 0))
def one_side() -> Iterator[Objects]:
    for i in lemma_1():
        if "K" in i:
            del i["δ"], i["c₊"]
            yield i


def lemma_1() -> Iterator[Objects]:
    near = row(mpf("0.1"), mpf("-0.2"), mpf("0.05")), row(mpf("-0.1"), mpf("0.1"), mpf("-0.07"))
    for s, du, dv in ((mpf("0.2"), *near), (mpf("-0.6"), *near), (mpf(-1), 0 * near[0], 0 * near[0]),
                      (mpf(1), 0 * near[0], 0 * near[0])):  # fmt: skip
        u, v = row(1, 0, 0), row(s, mp.sqrt(1 - s * s), 0)
        delta, r_ = remainder(u, v, du, dv)
        p, q = u + du, v + dv
        cs = [mp.sqrt((1 + sign * s) / 2) for sign in (1, -1)]
        common = {"u": u, "v": v, "Δu": du, "Δv": dv, "s": s, "δ": delta, "R": r_, "c₊": cs[0], "c₋": cs[1],
                  "ρ_u": mp.norm(du), "ρ_v": mp.norm(dv)}  # fmt: skip
        _, opposite = remainder(u, -v, du, -dv)
        derivative = mp.diff(lambda t: reader.sim(u + t * du, v + t * dv), 0)  # noqa: B023
        yield common | {"s(u, −v)": reader.sim(u, -v), "R(u, −v, Δu, −Δv)": opposite, "c": max(cs),
                        "the derivative of s(u + tΔu, v + tΔv) in t at 0": derivative}  # fmt: skip
        if s == 1:
            continue
        c = cs[1]
        n, big, small = c * mp.sqrt(8 * (1 + c)), (1 + 2 * c) * u - v, (1 + 2 * c) * v - u
        e, f, x, y = big / n, small / n, unit(p), unit(q)
        a, b, h = reader.dot(x, e), reader.dot(y, f), reader.dot(e, y)
        sines = {name.upper(): mp.sqrt(abs(1 - z * z)) for name, z in {"a": a, "b": b, "c": c, "h": h}.items()}
        h0 = sines["C"] * sines["B"] - c * b
        yield common | sines | {
            "c": c, "K": c * (1 + c), "p": p, "q": q, "E": big, "F": small, "N": n, "r": mp.norm(p), "w": a,
            "e": e, "f": f, "x": x, "y": y, "a": a, "b": b, "z": reader.dot(x, y), "h": h, "h₀": h0,
            "H₀": mp.sqrt(1 - h0**2), "α": mp.acos(a), "β": mp.acos(b), "k": mp.cos(mp.acos(a) + mp.acos(b)),
            "t": mp.sin(mp.acos(a) + mp.acos(b)), "the Gram determinant of e, x, y": det(e, x, y),
            "the Gram determinant of e, y, f": det(e, y, f)}  # fmt: skip


@of(("lemma-1-angle", 0), ("prop-1-finite", 0))
def on_the_sphere() -> Iterator[Objects]:
    for du in (row(mpf("0.3"), mpf("-0.8")), row(mpf("-0.4"), mpf("0.8")), row(mpf("-1.2"), mpf("1.6"))):
        u = row(2, 0)
        yield {"u": u, "Δu": du, "ρ": mp.norm(du) / 2, "r": mp.norm(u + du) / 2,
               "x": reader.sim(u, u + du)}  # fmt: skip


@of(("lemma-2-sharp", 0), ("lemma-2", 0))
def lemma_2() -> Iterator[Objects]:
    x, y = mpf("0.3"), mpf("0.7")
    for s, lengths in ((mpf("0.6"), (2, 3)), (mpf("-0.28"), (2, 2)), (mpf(0), (1, 1))):
        q = mp.sqrt(1 - s * s)
        uu, vv = row(1, 0, 0), row(s, q, 0)
        h, u, v = reader.hessian(uu, vv), lengths[0] * uu, lengths[1] * vv
        out = mp.matrix([[h[2, 2], h[2, 5]], [h[5, 2], h[5, 5]]])
        assert max(abs(h[i, j]) for i in (2, 5) for j in (0, 1, 3, 4)) < mpf(10) ** -25
        basis = mp.matrix([[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, s, q, 0], [0, 0, 0, -q, s, 0]])
        inner = basis * h * basis.T
        there = reader.hessian(u, v)
        sizes = mp.diag([mpf(1) / lengths[0]] * 3 + [mpf(1) / lengths[1]] * 3)
        plain = {"s": s, "q": q, "a": abs(s), "u": u, "v": v, "m": mpf(min(lengths)), "D": sizes, "û": uu, "v̂": vv,
                 "H(u, v)": there, "H(û, v̂)": h, "diag(I/‖u‖, I/‖v‖)": sizes,
                 "‖H‖": abs(reader.singular(there)[0])}  # fmt: skip
        yield plain
        lam, other = mpf("0.37"), {"s": s, "q": q}
        sym = [mp.matrix([[1, 0, k, 0], [0, 1, 0, -k]]) / mp.sqrt(2) for k in (-1, 1)]
        blocks = [m * inner * m.T for m in sym]
        for block in (out, blocks[1]):
            yield other | {"λ": lam, "det(λI − H)": mp.det(lam * mp.eye(2) - block)}
        yield {"s": s, "H": out}
        yield other | {"x": x, "y": y, "H(x, y; −x, y)": (inner * row(x, y, -x, y).T).T,
                       "H(x, y; x, −y)": (inner * row(x, y, x, -y).T).T}  # fmt: skip
        yield from ({"q": q, "|λ|": abs(e)} for e in mp.eigsy(blocks[0], eigvals_only=True))
        yield from ({"s": s, "|λ|": abs(e)} for e in mp.eigsy(h, eigvals_only=True))


@of(("lemma-2-integral", 0), ("lemma-2-remainder", 0))
def taylor() -> Iterator[Objects]:
    def phi(t: Any) -> Any:
        return reader.sim(u + t * du, v + t * dv)

    def second(t: Any) -> Any:
        return mp.diff(phi, t, 2)

    for u, v, du, dv in ((row(1, 0), row(1, 2), row(mpf("0.2"), mpf("-0.3")), row(mpf("0.1"), mpf("0.2"))),
                         (row(1, 0), row(1, 0), row(0, 0), row(0, 0))):  # fmt: skip
        t = mpf("0.4")
        h = reader.hessian(u + t * du, v + t * dv)
        yield {"u": u, "v": v, "Δu": du, "Δv": dv, "t": t, "s(u + tΔu, v + tΔv)": phi(t), "φ(t)": phi(t), "H": h,
               "φ''(t)": second(t), "(Δu, Δv)": row(*du, *dv), "Δ": row(*du, *dv), "‖H‖": reader.singular(h)[0],
               "((1 − t)φ' + φ)'": mp.diff(lambda t: (1 - t) * mp.diff(phi, t) + phi(t), t), "φ(1)": phi(1),
               "φ(0)": phi(0), "φ'(0)": mp.diff(phi, 0), "R": remainder(u, v, du, dv)[1],
               "∫((1 − t)φ''(t)) dt": mp.quad(lambda t: (1 - t) * second(t), [0, 1])}  # fmt: skip
    yield {"ρ": mpf("0.4"), "t": mpf("0.3")}


@of(("prop-1-sine", 1))
def saved() -> Iterator[Objects]:
    for a, b, x, y in ((2, 3, "0.4", "0.7"), (1, 2, "1", mp.pi - 1)):
        yield {"α": mpf(a), "β": mpf(b), "θ_x": mpf(x), "θ₀": mpf(y), "C": mp.cos(mpf(x) + mpf(y))}


@of(("prop-1-sharp", 0))
def in_the_plane() -> Iterator[Objects]:
    alpha, beta, t, tx = mpf("0.7"), mpf("1.6"), mpf("1.1"), mpf("0.5")
    y1, y2 = row(1, 0), row(mp.cos(t), mp.sin(t))
    x1, x2 = alpha * row(1, 0), beta * row(mp.cos(tx), mp.sin(tx))
    s0 = mp.cos(t)
    g1, g2 = gradient(y1, y2), gradient(y2, y1)
    g = x1.T * g1 + x2.T * g2
    left, _, right_ = mp.svd_r(g)
    for m, other in ((draw(2, 2), mpf("0.3")), (left * right_, None)):
        delta = reader.dot(g1, x1 * m) + reader.dot(g2, x2 * m)
        yield {"δ": delta, "δ'": -delta if other is None else other, "y₁": y1, "y₂": y2, "M": m, "G": g, "x₁": x1,
               "x₂": x2, "g₁": g1, "g₂": g2, "s₀": s0, "c": mp.cos(t), "s": mp.sin(t), "α": alpha, "β": beta,
               "p": mp.cos(tx), "q": mp.sin(tx), "θ_x": tx,
               "σ₁": reader.singular(g)[0], "σ₂": reader.singular(g)[1]}  # fmt: skip


def models_of_one_layer() -> Iterator[tuple[str, Objects]]:
    h, k = mpf("0.5"), mpf(3)
    swap, axis = mp.matrix([[0, 1], [1, 0]]), mp.diag([1, -1])
    for w, u, v, adapter, kind in (
        (draw(2, 3), None, None, draw(2, 2) / 9, "any"),
        (mp.diag([1, k]), row(1 + h, 1 - h), row(1 - h, 1 + h), swap / 10, "input"),
        (mp.diag([1, k]), row(1, h), row(1, -h), axis / 10, "lora"),
    ):
        inner = w.T * (w * w.T) ** -1
        u, v = (unit(row(*x) * (1 if u is not None else w)) for x in ((u, v) if u else ((1, "0.3"), ("-0.4", 1))))
        s = reader.sim(u, v)
        plus, minus = unit(u + v), unit(u - v)
        values = sorted(x**2 for x in reader.singular(w))
        for m, to_output in (
            (adapter, "input"),
            (draw(*map(int, (w.rows, w.cols))) / 9 if kind == "any" else adapter, "lora"),
        ):
            n = inner * m * w if to_output == "input" else inner * m
            delta = reader.dot(gradient(u, v), u * n) + reader.dot(gradient(v, u), v * n)
            sharp = kind == to_output
            letters = {
                "u": u, "v": v, "s": s, "c": mp.sqrt((1 + s) / 2), "h": mp.sqrt((1 - s) / 2), "e₊": plus, "e₋": minus,
                "K": u.T * v + v.T * u - s * (u.T * u + v.T * v), "W": w, "M": m, "δ": delta, "W⁺": inner,
                "ε": mp.mpf(1) / 10 if kind != "any" else reader.singular(m)[0] * 2, "Δu": u * n, "Δv": v * n,
                "δ'": -delta if sharp else mpf("0.2"), "κ": mp.sqrt(values[-1] / values[0]),
                "a": values[0], "b": values[-1], "x": u * inner, "y": u,
            }  # fmt: skip
            if to_output == "lora":
                ks = reader.singular(inner)
                yield to_output, letters | {"σ₁": ks[0], "σ₂": ks[1], "N": n}
                continue
            for e in (plus, minus):
                bases = mp.svd_r(w)
                weights = [x**2 for x in (e * bases[2].T if w.rows != w.cols else e)]
                lams = [x**2 for x in bases[1]] if w.rows != w.cols else [w[0, 0] ** 2, w[1, 1] ** 2]
                for lam in lams:
                    yield to_output, letters | {"N": n, "e": e, "λ": lam,
                                     "X": sum(a * b for a, b in zip(weights, lams, strict=True)),
                                     "Y": sum(a / b for a, b in zip(weights, lams, strict=True))}  # fmt: skip


@of(("prop-2-input-sharp", 0), ("prop-2-input-sharp-two", 0))
def of_input() -> Iterator[Objects]:
    yield from (i for placement, i in models_of_one_layer() if placement == "input")


@of(("prop-1-weights", 0))
def of_lora() -> Iterator[Objects]:
    for placement, i in models_of_one_layer():
        if placement == "lora":
            del i["Δu"], i["Δv"], i["κ"]
            yield i


def bounds(name: str, s: Any, k: Any, k_target: Any) -> Any:
    """Return a claim's right side divided by ε for outputs with the cosine s, k = cond W and k_target = cond W'."""
    raw: dict[str, Any] = {"epsilon": "1/10", "AB": [[0, 0], [0, 0]]}
    for t, kappa in (("", k), ("_target", k_target)):
        raw |= {f"W{t}": [[1, 0], [0, str(kappa)]], f"x1{t}": [1, 0]}
        raw |= {f"x2{t}": [str(s), str(mp.sqrt(1 - s * s) / kappa)]}
    return 10 * CLAIMS[name].inequality.rhs(CLAIMS[name].setting.read(raw))


@of(("prop-2-input-abs", 7))
def of_condition() -> Iterator[Objects]:
    for s, k, k_target in ((mpf("-0.6"), 2, 5), (mpf(0), 2, 3), (mpf(0), 1, 1), (mpf("0.28"), 1, 1)):
        sharp = bounds("prop-2-input-sharp", s, mpf(k), mpf(k_target))
        yield {"s": s, "a": abs(s), "κ": mpf(k), "κ'": mpf(k_target), "the sharp one over ε": sharp,
               "this side less the sharp one, over ε,": bounds("prop-2-input-abs", s, mpf(k), mpf(k_target)) - sharp,
               }  # fmt: skip


@of(("prop-2-output-frobenius", 2))
def of_frobenius() -> Iterator[Objects]:
    axis = mp.diag([1, -1])
    for s, m in ((mpf("-0.6"), draw(2, 2) / 9), (mpf("0.2"), axis / 9)):
        k = (1 - s * s) * axis
        norm_ = mp.sqrt(reader.entries(m))
        yield {"s": s, "M": m, "K": k, "K'": -k, "δ": reader.dot(m, k), "δ'": -reader.dot(m, k), "ε": norm_}


@of(("prop-2-input-finite", 0), ("prop-2-input-finite-sharp", 0), ("prop-2-input-finite-sharp", 2))
def of_input_finite() -> Iterator[Objects]:
    k, turn, swap = mpf(3), mp.matrix([[3, 4], [-4, 3]]) / 5, mp.matrix([[0, 1], [1, 0]])
    h = mpf("0.5")
    for w, m, e in ((turn * mp.diag([mp.sqrt(k), 1 / mp.sqrt(k)]) * turn, draw(2, 2) / 9, mpf("0.4")),
                    (mp.diag([mp.sqrt(k), 1 / mp.sqrt(k)]), swap * mpf("0.4"), mpf("0.4"))):  # fmt: skip
        inner, eye, t = w**-1, mp.eye(2), mpf("0.3")
        sharp = w[0, 1] == 0
        s_ = inner * (eye + m) * w
        left, _sizes, right_ = mp.svd_r(s_)
        u, v = (left[:, 0].T, right_[0, :]) if sharp else (row(1, mpf("0.3")), row(mpf("0.2"), 1))
        one, two = left[:, 0].T + h * left[:, 1].T, left[:, 0].T - h * left[:, 1].T
        mean, inverse = (k + 1 / k) / 2, (eye + m) ** -1
        mu = mean * e + mp.sqrt(1 + (mean**2 - 1) * e**2)
        bases = mp.svd_r(w)
        ds = [x**2 for x in bases[1]]
        us, vs = (u * bases[2].T, v * bases[2].T)
        total = sum(a * b + e / 2 * (a * a / d + b * b * d) for a, b, d in zip(us, vs, ds, strict=True))
        letters = {"y": one, "ŷ": one * s_, "S": s_, "W": w, "W⁺": inner, "I": eye, "M": m, "κ": k, "K": mean, "μ": mu,
                   "ε": e, "T": inverse, "N": (1 - e**2) * inverse - eye, "x": one * inner, "t": t,
                   "s": reader.sim(one, two), "ŝ": reader.sim(one * s_, two * s_), "L": mp.log(mu**2 / (1 - e**2)),
                   "q": mu**2 / (1 - e**2)}  # fmt: skip
        for a, b, d in zip(us, vs, ds, strict=True):
            yield letters | {"u": u, "v": v, "a": a, "b": b, "d": d, "Σ(ab + (ε/2)(a²/d + b²d))": total}
            yield letters | {"a": b * d, "b": b, "d": d}


@of(("prop-2-output-artanh", 0))
def of_output() -> Iterator[Objects]:
    k, h = mpf(3), mpf("0.5")
    for t, u, v in ((draw(2, 2), row(1, mpf("0.3")), row(mpf("-0.2"), 1)), (mp.diag([k, 1]), row(1, h), row(1, -h))):
        u, v = unit(u), unit(v)
        sizes = reader.singular(t)
        yield {"u": u, "v": v, "s": reader.dot(u, v), "T": t, "p": mp.norm(u * t), "r": mp.norm(v * t), "M": sizes[0],
               "k": reader.dot(u * t, v * t), "ŝ": reader.sim(u * t, v * t), "m": sizes[-1]}  # fmt: skip


@of(("prop-2-output-finite", 0), ("prop-2-output-finite", 2), ("prop-2-output-sharp", 0))
def of_output_finite() -> Iterator[Objects]:
    h = mpf("0.5")
    for e, _s, ab, about in ((mpf("0.3"), mpf("0.6"), draw(2, 2) / 9, row(1, h)),
                            (mpf("0.3"), mpf("0.6"), mp.diag([mpf("0.3"), mpf("-0.3")]), row(1, h)),
                            (mpf("0.3"), mpf("-0.6"), mp.diag([mpf("0.3"), mpf("-0.3")]), row(h, 1)),
                            (mpf("0.3"), mpf(0), mp.zeros(2, 2), row(1, 1)),
                            (mpf(0), mpf(0), mp.zeros(2, 2), row(1, 1))):  # fmt: skip
        mirror = mp.diag([1, -1])
        pair = about, (about * mirror if about[0] == 1 else -about * mirror)
        pair = (about, about * mirror) if about[0] >= about[1] else (about, -about * -mirror)
        eye = mp.eye(2)
        there = [x * (eye + ab) for x in pair]
        away = [x * (eye - ab) for x in pair]
        tau = 2 * e / (1 + e * e)
        cosine = reader.sim(*pair)
        yield {"I": eye, "AB": ab, "x": (1 + e) / (1 - e), "ε": e, "τ": tau, "s": cosine, "ŝ": reader.sim(*there),
               "ŝ'": reader.sim(*away), "s₀": cosine, "s₀'": cosine,
               "the right side of prop-2-output-finite, without a term in ε²,": 2 * tau * (1 - cosine**2)
               / (1 - (cosine * tau) ** 2)}  # fmt: skip


@of(("lemma-3", 1))
def gaussian() -> Iterator[Objects]:
    """Yield moments of ‖xD‖² for normal x, from a quadrature that is exact up to degree 7."""
    sigma, d = mpf(3) / 2, mp.matrix([[1, 2], [0, "0.5"]])
    nodes = [(sign * mp.sqrt(3 + k * mp.sqrt(6)), (3 - k * mp.sqrt(6)) / 12) for sign in (1, -1) for k in (1, -1)]
    points = [(sigma * row(a, b), p * q) for a, p in nodes for b, q in nodes]
    lengths = [(reader.entries(x * d), p) for x, p in points]
    mean = sum(y * p for y, p in lengths)
    moments = sum((x.T * x * p for x, p in points), mp.zeros(2, 2))
    fourth = sum(a**4 * p for a, p in nodes)
    for lam in (x**2 for x in reader.singular(d)):
        there = [(lam * sigma**2 * a**2, p) for a, p in nodes]
        m = sum(y * p for y, p in there)
        yield {"D": d, "σ": sigma, "λ": lam, "I": mp.eye(2), "E‖xD‖²": mean, "E z⁴": fourth, "E[xᵀx]": moments,
               "Var‖xD‖²": sum((y - mean) ** 2 * p for y, p in lengths),
               "Var(λσ²z²)": sum((y - m) ** 2 * p for y, p in there),
               "Σλ": sum(x**2 for x in reader.singular(d)), "Σλ²": sum(x**4 for x in reader.singular(d))}  # fmt: skip


@of(("eq-5-row-rank", 0))
def multiplied() -> Iterator[Objects]:
    for i in of_eq_5(free=True):
        del i["c"]
        yield i


@of(("eq-5-row-rank", 1))
def of_eq_5(*, free: bool = False) -> Iterator[Objects]:
    ones = mp.matrix([[1, 1], [1, 1]])
    for w, inner in ((draw(3, 2), None), (ones, ones / 4)):
        inner = reader.pinv(w) if inner is None else inner
        eye, m = mp.eye(w.rows), draw(*map(int, (w.rows, w.cols)), 3)
        common = {"W": w, "M": m, "P": inner, "W⁺": inner, "c": mpf(w.rows)}
        yield common | ({"X": draw(2, int(w.rows)), "AB": m} if free else {"AB": (eye - w * inner) * m})


@of(("eq-5-size", 0))
def converted() -> Iterator[Objects]:
    for w, ab in ((draw(2, 3), draw(2, 3, 2)), (mp.diag([2, 3]), mp.diag([1, 0]))):
        yield {"W": w, "AB": ab, "W⁺": reader.pinv(w), "ε": reader.singular(ab)[0], "σ": reader.singular(w)[-1],
               "the least singular value of W": reader.singular(w)[-1]}  # fmt: skip


@of(("eq-6-same-set", 2))
def reached() -> Iterator[Objects]:
    w, one, two = draw(3, 3), draw(3, 3, 2), draw(3, 3, 3)
    for product in (one * w**-1, w**-1 * one):
        yield {"W": w, "M₁": one, "M₂": two, "A₁B₁": product, "A₂B₂": two, "I": mp.eye(3)}


@of(("prop-1-finite", 0))
def turned_by() -> Iterator[Objects]:
    ab, e = mp.diag(["0.3", "-0.3"]), mpf("0.3")
    for x1, x2, w in ((row(1, 2), row(2, 1), mp.matrix([[1, 2], [0, 1]])),):
        yield {"x₁": x1, "x₂": x2, "W": w, "AB": ab, "ε": e,
               "a": sum(mp.asin(e * mp.norm(x) / mp.norm(x * w)) for x in (x1, x2))}  # fmt: skip


@of(("prop-1-segment", 0))
def through_zero() -> Iterator[Objects]:
    x, ab = row(1, 0), mp.matrix([[-2, 0], [0, -2]])
    yield {"x": x, "x'": x, "W": mp.eye(2), "W'": mp.eye(2), "I": mp.eye(2), "AB": ab, "ε": mpf(2), "y": x,
           "ŷ": x * (mp.eye(2) + ab)}  # fmt: skip


@of(("prop-1-segment-small", 0))
def from_below() -> Iterator[Objects]:
    e = mpf("0.3")
    for t, ab in ((mpf("0.4"), draw(2, 2) / 9), (mpf(1), -e * mp.eye(2)), (mpf(0), -e * mp.eye(2))):
        x = row(1, 2)
        yield {"y": x, "x": x, "t": t, "AB": ab, "ε": e}


@of(("remark-a1", 0))
def not_displayed() -> Iterator[Objects]:
    for e in (mpf("0.3"), mpf("0.9")):
        for sign in (1, -1):
            for t in (mpf(0), mpf("0.3"), mpf(1)):
                x, eye = row(1, 0), mp.eye(2)
                yield {"W": eye, "I": eye, "x": x, "AB": sign * e * eye, "ε": e, "t": t, "s₀": mpf("0.4"),
                       "A_min": min(mp.norm(x * (eye + k * sign * e * eye)) for k in (0, mpf("0.5"), 1))}  # fmt: skip


def over_units(f: Callable[..., Any], *shapes: tuple[int, int]) -> Any:
    """Return E f, a quadratic form in each argument, for matrices of independent entries of mean 0 and variance 1."""
    if not shapes:
        return f()
    (c, d), *others = shapes
    total = 0
    for i in range(c):
        for j in range(d):
            m = mp.zeros(c, d)
            m[i, j] = 1
            total = total + over_units(lambda *rest: f(m, *rest), *others)  # noqa: B023
    return total


@of(("transfer-same-function", 1))
def equal_functions() -> Iterator[Objects]:
    for r in (mpf("0.1"), mpf(3)):
        yield {"W₁": mpf(1), "W₂": mpf(1), "W₁'": r, "W₂'": 1 / r, "AB": mpf(1), "r": r}


@of(("transfer-sufficient", 0))
def nearly_equal() -> Iterator[Objects]:
    """Yield nearly equal functions with very different second layers, and two models with equal layers."""
    w1, w2, basis, ab = draw(2, 2), draw(2, 2, 2), draw(2, 2, 5), draw(2, 2, 4)
    for v1, v2, sigma in ((w1 * basis + draw(2, 2, 3) / 10**4, basis**-1 * w2, mpf(2)), (w1, w2, mpf(1))):
        gap, change, sizes = w1 * w2 - v1 * v2, ab * (w2 - v2), reader.singular(mp.eye(2) + ab)
        e = reader.entries(gap)
        assert mp.sqrt(reader.entries(change)) >= (sizes[0] + 1) * mp.sqrt(e)
        claim = CLAIMS["transfer-sufficient"]
        raw = {k: [[str(x) for x in m[i, :]] for i in range(2)] for k, m in
               {"W1": w1, "W2": w2, "W1_target": v1, "W2_target": v2, "AB": ab}.items()}  # fmt: skip
        whole = value(claim.concludes[0].right, claim.setting.read(raw | {"sigma": str(sigma)}))
        yield {"D": gap, "C": change, "W₁": w1, "W₂": w2, "W₁'": v1, "W₂'": v2, "AB": ab, "σ": sigma, "ε": e,
               "LoRA's discrepancy": whole}  # fmt: skip


@of(("depth-two-parts", 0))
def gauged() -> Iterator[Objects]:
    z, w, p, q, t = (draw(2, 2, k) for k in range(5))
    yield {"Z": z, "P": p, "Q": q, "T": t, "W": w, "Y": z * p, "V": p**-1 * w * q}
    yield {"Q": mp.matrix([[0, 1], [1, 0]]), "T": mp.diag([2, 1])}


@of(("depth-two-parts", 1))
def permuted() -> Iterator[Objects]:
    n, v, tau = 3, mpf("0.7"), mpf(1) / 3
    q = mp.matrix([[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    first = mp.quad(lambda x: x * mp.npdf(x), [0, 10, 20])
    second = mp.quad(lambda x: x * x * mp.npdf(x), [0, 10, 20])
    tr = sum(q[i, i] for i in range(n))

    def size(m: Any, moments: Any) -> Any:
        return sum((moments * m * m.T)[i, i] for i in range(n))

    for z in (row(1, 2, "0.5"), None):
        moments = z.T * z if z else mp.matrix(n, n) + first**2 + (second - first**2) * mp.eye(n)
        letters = {"Q": q, "v": v, "n": mpf(n),
                   "E‖z(MQ − QM)‖²": v * over_units(lambda m: size(m * q - q * m, moments), (n, n)),  # noqa: B023
                   "E‖zM‖²": v * over_units(lambda m: size(m, moments), (n, n))}  # noqa: B023  # fmt: skip
        if z:
            yield letters | {
                "z": z, "S": reader.entries(z), "t": tr, "k": (z * q * z.T)[0],
                "E‖zMQ‖²": v * over_units(lambda m: size(m * q, moments), (n, n)),  # noqa: B023
                "E‖zQM‖²": v * over_units(lambda m: size(q * m, moments), (n, n)),  # noqa: B023
                "E⟨zMQ, zQM⟩": v * over_units(lambda m: (z * m * q * (z * q * m).T)[0], (n, n))}  # noqa: B023  # fmt: skip
        else:
            yield letters | {"a": first, "E z_i": first, "E z_i²": second, "τ": tau, "t": tr, "S": n * second,
                             "E S": n * second, "E zQzᵀ": sum((moments * q)[i, i] for i in range(n))}  # fmt: skip


@of(("nonlinear-input", 0))
def six_relus() -> Iterator[Objects]:
    for k in (10, 100):

        def relu(x: Any) -> Any:
            return max(x, mpf(0))

        corner = mp.atan(mpf(1) / k)
        mean = 2 * 4 * mp.quad(lambda t: (mp.cos(t) - k * mp.sin(t)) ** 2, [0, corner]) / (2 * mp.pi)  # noqa: B023
        square = 2 * mp.quad(lambda x: x * x * mp.npdf(x), [0, 10, 20])
        for a, b in ((5, "0.2"), (-5, "0.2"), (5, "-0.2"), (-5, "-0.2"), (1, 1), (-1, 1), (1, -1), (-1, -1), (3, 0)):
            x1, x2 = mpf(a), mpf(b)
            outer = sum(relu(s * (x1 + t * k * x2)) for s in (1, -1) for t in (1, -1))
            yield {"k": mpf(k), "x₁": x1, "x₂": x2, "g": outer / 2 - k * (relu(x2) + relu(-x2)), "E g²": mean,
                   "E x₁²": square, "σ": mpf(1), "AB": mp.diag([0, -1])}  # fmt: skip


@of(("nonlinear-input-lipschitz", 1))
def gelu() -> Iterator[Objects]:
    def slope(x: Any) -> Any:
        return mp.diff(lambda t: t * mp.ncdf(t), x)

    root = mp.sqrt(2)
    for x in (mpf("0.3"), root):
        yield {"GELU'": slope(x), "GELU''": mp.diff(lambda t: t * mp.ncdf(t), x, 2), "φ(x)": mp.npdf(x), "x": x,
               "GELU'(√2)": slope(root), "GELU'(−√2)": slope(-root), "Φ(√2)": mp.ncdf(root),
               "φ(√2)": mp.npdf(root)}  # fmt: skip


@of(("attention-heads", 0))
def turned() -> Iterator[Objects]:
    k, ab = draw(2, 2, 7), draw(2, 2, 8)
    yield {name: draw(2, 2, k) for k, name in enumerate("QVOR")} | {
        "K": k, "W_k": k.T, "AB": ab, "T": (mp.eye(2) + ab).T}  # fmt: skip
    yield {"R": mp.diag([1, 2]), "D": mp.matrix([[3, 4], [-4, 3]]) / 5}


@of(("broader-class-maps", 0))
def zero_layer() -> Iterator[Objects]:
    yield {"W": mp.zeros(2, 2), "M": draw(2, 2)}


@of(("attention-residual", 0), ("absorption-channel-mix", 0), ("broader-class-maps", 0), ("broader-class", 2))
def any_matrices() -> Iterator[Objects]:
    yield {
        name: draw(2, 2, k)
        for k, name in enumerate(("Q", "K", "V", "O", "R", "T", "X", "W", "M", "S₁", "S₂", "K₁", "K₂"))
    }


@of(("broader-class", 2))
def dimensions() -> Iterator[Objects]:
    for c, d in ((3, 5), (5, 3), (3, 3)):
        w = draw(c, d)
        images = [[], []]
        for k, (m, n) in enumerate(((c, c), (d, d))):
            for i in range(m):
                for j in range(n):
                    unit_ = mp.zeros(m, n)
                    unit_[i, j] = 1
                    images[k].append([*(unit_ * w if k == 0 else w * unit_)])
        ranks = [sum(x > mpf(10) ** -20 for x in reader.singular(mp.matrix(m))) for m in images]
        yield {"c": mpf(c), "d": mpf(d), "dim MW": mpf(ranks[0]), "dim WM": mpf(ranks[1])}


@of(("lora-x-capacity", 0))
def bottleneck() -> Iterator[Objects]:
    for c, d, r in ((4, 3, 2), (3, 3, 3)):
        yield {"c": mpf(c), "d": mpf(d), "r": mpf(r)}


@of(("effect-retained", 0))
def shares() -> Iterator[Objects]:
    for g, h, e, there in ((row(1, 2, "0.5"), row("0.3", "-0.2", 1), None, row(1, "0.4", "-0.7")),
                           (row(1, 2, 0), row(0, 0, 0), row(1, 0, 0), row("0.3", "0.7", 0))):  # fmt: skip
        e = e if e else (lambda x: reader.dot(g, x) / reader.dot(x, x) * x)(row(1, 1, 0))
        size, k = reader.dot(e, e), reader.dot(e, there)
        c, q = reader.sim(e, there), mp.norm(there) / mp.norm(e)

        def gain(need: Any, effect: Any) -> Any:
            return reader.dot(need, need) - reader.dot(need - effect, need - effect)

        yield {"g": g, "h": h, "e": e, "e'": there, "G": reader.dot(g, there), "H": reader.dot(h, there), "k": k,
               "Q": reader.dot(there, there),
               "N": size, "the share": gain(g + h, there) / gain(g, e), "c": c, "q": q, "v": there - k / size * e,
               "P": reader.dot(g, g), "x": gain(g, e) / reader.dot(g, g),
               "its prediction": 2 * c * q - q**2 + 2 * reader.dot(h, there) / size}  # fmt: skip


@of(("effect-best-strength", 0))
def best_shares() -> Iterator[Objects]:
    for there in (row("0.3", "0.7"), row("0.5", "0.5")):
        e = row(1, 0)
        c, q = reader.sim(e, there), mp.norm(there) / mp.norm(e)
        yield {"c": c, "q": q, "k": c / q, "the share": 1 - reader.dot(there - e, there - e),
               "the best share": 1 - reader.dot(c / q * there - e, c / q * there - e)}  # fmt: skip


@of(("effect-own-layer", 1))
def rescaled() -> Iterator[Objects]:
    m = mp.matrix([[0, 1], [0, 0]])
    for t in (mpf("0.3"), mpf(4)):
        first, last = mp.diag([t, 1]), mp.diag([1 / t, 1])
        there = first * m * last
        yield {"t": t, "W₁'": first, "W₂'": last, "W": mp.eye(2), "I": mp.eye(2), "M": m, "e": m, "e'": there,
               "R": 1 - reader.entries(there - m)}  # fmt: skip
    yield {name: draw(2, 2, k) for k, name in enumerate("ZDJ")} | {"W": mp.eye(2)}


@of(("effect-filter-lora", 2))
def without_the_layer() -> Iterator[Objects]:
    m = mp.matrix([[0, 1], [0, 0]])
    for t in (mpf("0.3"), mpf(4)):
        yield {"t": t, "W": mp.diag([1, t]), "F": mp.eye(2), "I": mp.eye(2), "H": mp.matrix([[0], [1]]), "M": m}


@of(("effect-weights-only", 0))
def unseen() -> Iterator[Objects]:
    one, swap, eye = mp.diag([1, 0]), mp.matrix([[0, 1], [1, 0]]), mp.eye(2)
    for t in (mpf("0.3"), mpf(4)):
        x = row(t, 1)
        e, there = x * one, x * swap * one
        yield {"t": t, "x": x, "M": one, "W₁": eye, "W₂": eye, "W₂'": eye, "W₁'": swap, "I": eye, "e": e, "e'": there,
               "R": 1 - reader.entries(there - e) / reader.entries(e)}  # fmt: skip


@of(("effect-best", 0))
def nearest() -> Iterator[Objects]:
    def objects(r: Any, r_: Any, j: Any, j_: Any, m: Any, x: Any) -> Objects:
        r_plus, j_plus = reader.pinv(r_), reader.pinv(j_)
        e, p, o = r * m * j, r_ * r_plus, j_plus * j_
        best = r_plus * e * j_plus
        return {"R": r, "R'": r_, "J": j, "J'": j_, "R'⁺": r_plus, "J'⁺": j_plus, "M": m, "M*": best, "X": x,
                "e": e, "Π": p, "Ω": o}  # fmt: skip

    yield objects(draw(4, 2), draw(4, 3), draw(3, 5), draw(2, 5), draw(2, 3), draw(3, 2))
    for y in (mpf(2), mpf("0.4")):
        a, b, c, d = mpf("0.4"), mpf("-0.3"), mpf("0.7"), mpf("0.1")
        e = mp.matrix([[a, b], [c, d]])
        unit_ = mp.matrix([[1], [0]])
        yield objects(mp.eye(2), unit_, mp.eye(2), unit_.T, e, mp.matrix([[y]])) | {
            "a": a,
            "b": b,
            "c": c,
            "d": d,
            "y": y,
        }


@of(("effect-random", 0))
def random_adapters() -> Iterator[Objects]:
    v, w = mpf("0.7"), mpf("1.3")
    for same in (False, True):
        js = [(draw(3, 2, k), draw(3, 2, k + 5)) for k in ((1, 1) if same else (1, 2))]
        samples = [(draw(1, 2, 3 * k), draw(1, 2, 7 * k), *j) for k, j in zip((1, 2), js, strict=True)]

        def product(m: Any) -> Any:
            return sum(((r * m * j) * (s * m * k).T)[0] for r, s, j, k in samples)  # noqa: B023

        right = sum((r * s.T)[0] * reader.dot(j, k) for r, s, j, k in samples)
        letters = {"v": v, "w": w, "AB": mpf(1), "Σ ⟨r, r'⟩⟨J, J'⟩": right}
        if same:
            yield letters | {"R": mp.matrix([[*x[0]] for x in samples]), "R'": mp.matrix([[*x[1]] for x in samples]),
                             "J": js[0][0], "J'": js[0][1]}  # fmt: skip
        else:
            yield {"v": v, "Σ ⟨r, r'⟩⟨J, J'⟩": right, "iid entries: E⟨e, e'⟩": v * over_units(product, (2, 3))}
            yield letters | {
                "an AB through 2 columns: E⟨e, e'⟩": v * w * over_units(lambda a, b: product(a * b), (2, 2), (2, 3))
            }


@of(("effect-random-source", 0), ("effect-fixed-source", 0))
def random_layers() -> Iterator[Objects]:
    v, s, rho, b, size = mpf("0.7"), mpf("1.2"), mpf("0.6"), draw(3, 3), mpf("0.3")

    def forms(m: Any, n: Any) -> tuple[Any, Any, Any]:
        there = s * (rho * m + mp.sqrt(1 - rho**2) * n)
        return m * b * there.T, there * b * there.T, m * b * m.T

    zero = mp.zeros(2, 3)
    means = [over_units(lambda m, k=k: forms(m, zero)[k] + forms(zero, m)[k], (2, 3)) * v for k in range(3)]
    labels = {"⟨e, e'⟩": mpf(0), "‖e'‖²": mpf(0), "‖e‖²": mpf(0)}
    yield labels | {"v": v, "s": s, "ρ": rho, "B": b, "I": mp.eye(2),
                    **dict(zip(("E WBW'ᵀ", "E W'BW'ᵀ", "E WBWᵀ"), means, strict=True))}  # fmt: skip
    k, big = 3, 1 + size**2
    yield {"δ": size, "s": mp.sqrt(big), "ρ": 1 / mp.sqrt(big), "k": mpf(k), "(1 + δ²)^k": big**k,
           "R": 2 * mpf(1) ** k - mp.sqrt(big) ** (2 * k)}  # fmt: skip
    w = draw(2, 3)
    yield {"W": w, "B": b, "ν": v, "I": mp.eye(2), "e": w, "E e'": (w + v) / 2 + (w - v) / 2,
           "E(W + H)B(W + H)ᵀ": w * b * w.T + v * over_units(lambda h: h * b * h.T, (2, 3))}  # fmt: skip


@of(("effect-wide", 0))
def kernels() -> Iterator[Objects]:
    from ioadapt_theory.claims.effect import wide

    t = mpf("0.3")
    yield {"t": t, "κ'": mp.diff(wide.kernel, t), "ψ": mpf("0.1")}
