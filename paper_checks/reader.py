"""A parser of printed formulas (text, or LaTeX converted to it) that evaluates them on an instance."""

import re
from collections.abc import Mapping
from typing import Any

from mpmath import mp, mpf

LETTERS = {"epsilon": "ε", "sigma": "σ", "factor": "F", "lip": "Lip", "bias": "b", "du": "Δu", "dv": "Δv"}
GREEK = dict(zip("delta kappa tau theta alpha beta mu rho".split(), "δκτθαβμρ", strict=True))
LATEX = (
    (r"\\operatorname\{(\w+)\}", r"\1"), (r"\\(ln|cos|max|min|arccos|arcsin)", r"\1"), (r"\\left\||\\right\|", "|"),
    (r"\\\|", "‖"), (r"‖_\{\\mathrm\{op\}\}", "‖_op"), (r"‖_2", "‖₂"), (r"\\mathbb\{E\}", "E"), (r"\\langle", "⟨"),
    (r"\\rangle", "⟩"), (r"\\cdot", "·"), (r"\\le\b", "≤"), (r"\\sum", "Σ"), (r"\\pi", "π"), (r"\]_\+", "]₊"),
    (r"\^\{\\top\}", "ᵀ"), (r"\^\{-1\}", "⁻¹"), (r"\^\{\\dagger\}", "⁺"), (r"\^\{?2\}?", "²"),
    (r"\^\{?3\}?", "³"), (r"\^\{?4\}?", "⁴"),
    (r"\\varepsilon", "ε"), (r"\\sigma", "σ"), (r"\\Delta ", "Δ"), (r"\\mathrm\{Lip\}", "Lip"), (r"\\hat y", "ŷ"),
    (r"\\(delta|kappa|tau|theta|alpha|beta|mu|rho)(?: (?![·+≤=<-]))?", lambda m: GREEK[m[1]]),
    (r"s_\{c-1\}", "s_{c−1}"), (r"c_\+", "c₊"), (r"c_-", "c₋"), (r"_1", "₁"), (r"_2", "₂"), (r"_3", "₃"), (r"_0", "₀"),
    (r"(?<=[^{\\])-", "−"), (r"^-", "−"),
)  # fmt: skip
FUNCTIONS = "relu artanh sinh cosh arccos arcsin cond rank rows max min sim cos ln s_{c−1} s_c H".split()
EYE = object()


def from_latex(formula: str) -> str:
    while match := re.search(r"\\(frac|sqrt)\{", formula):
        first, rest = _braced(formula, match.end())
        if match[1] == "sqrt":
            new = f"√({first})"
        else:
            second, rest = _braced(formula, rest + 1)
            new = f"(({first})/({second}))"
        formula = formula[: match.start()] + new + formula[rest:]
    for pattern, new in LATEX:
        formula = re.sub(pattern, new, formula)
    return formula


def _braced(text: str, begin: int) -> tuple[str, int]:
    depth, end = 1, begin
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[begin : end - 1], end


def times(a: Any, b: Any) -> Any:
    return b if a is EYE else a if b is EYE else a * b


def plus(a: Any, b: Any, sign: int) -> Any:
    if a is EYE or b is EYE:
        other = b if a is EYE else a
        return (mp.eye(other.rows) + sign * other) if a is EYE else other + sign * mp.eye(other.rows)
    return a + sign * b


def entries(m: Any) -> Any:
    return sum(x * x for x in m)


def singular(m: Any) -> list[Any]:
    return sorted(mp.svd_r(m, compute_uv=False), reverse=True) if any(m) else [mpf(0)] * min(m.rows, m.cols)


class Reader:
    """An evaluator of formulas over symbols that have values or are defined by formulas."""

    def __init__(self, letters: Mapping[str, Any], definitions: list[str]) -> None:
        self.letters = dict(letters) | {"π": +mp.pi, "I": EYE}
        self.meanings = dict(re.split(" ?= ", d, maxsplit=1) for d in definitions if " = " in d and "Eq. 7}" not in d)
        for name, meaning in [*self.meanings.items()]:
            if "'" not in name and name != "ŷ":
                self.meanings.setdefault(prime(name), primed(meaning))
        if "ŷ" in self.meanings:
            for model in ("", "'"):
                for k in "₁₂":
                    meaning = re.sub(r"W(?!')", f"W{model}", self.meanings["ŷ"]).replace("x", f"x{k}{model}")
                    self.meanings[f"ŷ{k}{model}"] = meaning

    def __call__(self, formula: str) -> Any:
        self.text, self.at, self.open = formula.strip(), 0, []
        value = self.sum()
        assert self.at == len(self.text), f"{self.text[: self.at]} <- here: {self.text[self.at :]}"
        return value

    def inner(self, formula: str, letters: Mapping[str, Any] = {}) -> Any:
        other = Reader.__new__(Reader)
        other.letters, other.meanings = self.letters | dict(letters), self.meanings
        return other(formula)

    def take(self, *words: str) -> str:
        while self.text[self.at : self.at + 1] == " " and self.text[self.at :].lstrip().startswith(words):
            self.at += 1
        found = next((w for w in words if self.text.startswith(w, self.at)), "")
        self.at += len(found)
        return found

    def until(self, close: str, mark: str = "") -> list[Any]:
        self.open.append(mark)
        values = [self.sum()]
        while self.take(", "):
            values.append(self.sum())
        assert self.take(close), f"{close} is missing: {self.text[self.at :]}"
        self.open.pop()
        return values

    def sum(self) -> Any:
        value = -self.product() if self.take("−") else self.product()
        while sign := self.take(" + ", " − "):
            value = plus(value, self.product(), 1 if "+" in sign else -1)
        return value

    def product(self) -> Any:
        value = self.negated()
        while True:
            if self.take("/"):
                value = value / self.power()
            elif self.take(" · "):
                value = times(value, self.power())
            elif self.starts():
                value = times(value, self.power())
            else:
                return value

    def starts(self) -> bool:
        rest = self.text[self.at :].lstrip(" ")
        if self.text[self.at : self.at + 1] == " " and rest[:1] in "+−·=≤<":
            return False
        if rest[:1] in ("|", "‖"):
            return not (self.open and self.open[-1] == rest[0])
        return bool(rest) and rest[0] not in ")],+−·=≤<⟩₊/"

    def negated(self) -> Any:
        return -self.power() if self.take("−") else self.power()

    def power(self) -> Any:
        value = self.atom()
        while mark := self.take("²", "³", "⁴", "⁻¹", "⁺", "ᵀ"):
            if mark == "ᵀ":
                value = value.T
            elif mark in "²³⁴":
                value = value ** {"²": 2, "³": 3, "⁴": 4}[mark]
            elif mark == "⁻¹":
                value = value**-1
            else:
                value = pinv(value)
        return value

    def atom(self) -> Any:
        self.take(" ")
        if number := re.match(r"\d+", self.text[self.at :]):
            self.at += len(number[0])
            return mpf(int(number[0]))
        if self.take("½"):
            return mpf(1) / 2
        if self.take("√"):
            return mp.sqrt(self.atom())
        if self.take("("):
            return self.until(")")[0]
        if self.take("E["):  # the body of a mean, on one draw
            return self.until("]")[0]
        if self.take("["):
            return max(self.until("]₊")[0], mpf(0))
        if self.take("|"):
            return abs(self.until("|", "|")[0])
        if self.take("⟨"):
            a, b = self.until("⟩")
            return dot(a, b)
        if self.take("E‖"):
            value = entries(self.until("‖", "‖")[0])
            assert self.take("²")
            return value
        if self.take("‖"):
            (value,) = self.until("‖", "‖")
            if self.take("_op"):
                return value
            return (
                singular(value)[0] if self.take("₂") else mp.sqrt(entries(value)) if self.take("_F") else length(value)
            )
        if self.take("Σ "):
            begin = self.at
            self.letters.setdefault("x", self.letters["x₁"])  # finds the end of the summand
            self.product()
            return self.total(self.text[begin : self.at])
        if name := self.take(*(m for m in sorted(self.meanings, key=len, reverse=True) if "(" in m)):
            return self.inner(self.meanings[name])
        if name := self.take(*(f"{f}(" for f in FUNCTIONS if f not in self.letters), "arccos sim(", "arccossim("):
            return self.function(name[:-1], self.until(")"))
        names = sorted({*self.letters, *self.meanings}, key=len, reverse=True)
        name = self.take(*names)
        assert name, f"what is {self.text[self.at :]!r}"
        return self.letters[name] if name in self.letters else self.inner(self.meanings[name])

    def total(self, summand: str) -> Any:
        """Return the sum over both models, or over all four inputs if the summand contains ‖x‖."""
        if "‖x‖" in summand:
            models = [(f"x{k}{t}", f"W{t}") for t in ("", "'") for k in "₁₂"]
            return sum(self.inner(summand.replace("x", x).replace("W", w)) for x, w in models)
        return self.inner(summand) + self.inner(primed(summand))

    def function(self, name: str, args: list[Any]) -> Any:
        first = args[0]
        match name:
            case "sim":
                return sim(*args)
            case "arccos sim" | "arccossim":
                return mp.acos(sim(*args))
            case "cond":
                return singular(first)[0] / singular(first)[-1]
            case "rank":
                return sum(s > mpf(10) ** -30 * (1 + singular(first)[0]) for s in singular(first))
            case "rows":
                return first.rows
            case "s_c" | "s_{c−1}":
                return singular(first)[-1 if name == "s_c" else -2]
            case "max" | "min":
                return (max if name == "max" else min)(args)
            case "relu":
                return first.apply(lambda x: max(x, mpf(0)))
            case "H":
                return hessian_norm(*args)
        return getattr(mp, {"artanh": "atanh", "arcsin": "asin", "arccos": "acos", "ln": "log"}.get(name, name))(first)


def primed(formula: str) -> str:
    return re.sub(r"(cos\(θ_x \+ θ₀\)|s₀|κ|μ|α|β|θ₀|W|x₁|x₂)", lambda m: prime(m[0]), formula)


def prime(name: str) -> str:
    return "cos(θ_x' + θ₀')" if name.startswith("cos") else f"{name}'"


def pinv(m: Any) -> Any:
    return m.T * (m * m.T) ** -1 if m.rows <= m.cols else (m.T * m) ** -1 * m.T


def length(u: Any) -> Any:
    assert u.rows == 1, "this norm is one of rows"
    return mp.sqrt(entries(u))


def dot(u: Any, v: Any) -> Any:
    return sum(a * b for a, b in zip(u, v, strict=True))


def sim(u: Any, v: Any) -> Any:
    return dot(u, v) / (length(u) * length(v))


def hessian(u: Any, v: Any) -> Any:
    """Return the Hessian of the cosine from second difference quotients with 120 digits, accurate to about 50."""
    with mp.workdps(120):
        n, h = u.cols, mpf(10) ** -30
        z = mp.matrix([[*u, *v]])
        steps = [h * mp.matrix([[int(i == j) for j in range(2 * n)]]) for i in range(2 * n)]
        quotients = [
            [sum(a * b * at(z + a * p + b * q, n) for a in (1, -1) for b in (1, -1)) / (4 * h * h) for q in steps]
            for p in steps
        ]
        return mp.matrix(quotients)


def hessian_norm(u: Any, v: Any) -> Any:
    return max(abs(x) for x in mp.eigsy(hessian(u, v), eigvals_only=True))


def at(z: Any, n: int) -> Any:
    return sim(z[0, :n], z[0, n:])
