"""Formulas as text (Unicode, one line) and as LaTeX, with the definitions they use."""

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from ioadapt_theory.claims.expression.tree import Relation, Term

GREEK: Final = {
    "epsilon": "ε",
    "sigma": "σ",
    "factor": "F",
    "ab": "AB",
    "du": "Δu",
    "dv": "Δv",
    "lip": "Lip",
    "bias": "b",
}
LATEX_GREEK: Final = {"ε": r"\varepsilon", "σ": r"\sigma", "Δu": r"\Delta u", "Δv": r"\Delta v", "Lip": r"\mathrm{Lip}"}
COMMANDS: Final = {
    "δ": r"\delta ",
    "κ": r"\kappa ",
    "τ": r"\tau ",
    "θ": r"\theta ",
    "α": r"\alpha ",
    "β": r"\beta ",
    "μ": r"\mu ",
    "ρ": r"\rho ",
    "cos(": r"\cos(",
}
SUBSCRIPTS: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
UNITS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly a formula is bound; what is bound less tightly than its place asks for is put in parentheses."""


class Style(NamedTuple):
    """The marks of a notation; {} is an argument."""

    functions: dict[str, str]
    letters: str
    times: str
    fraction: str
    signs: dict[str, str]


TEXT: Final = Style(
    functions={
        "abs": "|{}|",
        "sqrt": "√({})",
        "cos": "cos({})",
        "ln": "ln({})",
        "arcsin": "arcsin({})",
        "artanh": "artanh({})",
        "sinh": "sinh({})",
        "cosh": "cosh({})",
        "max": "max({}, {})",
        "min": "min({}, {})",
        "positive": "[{}]₊",
        "dot": "⟨{}, {}⟩",
        "inner": "⟨{}, {}⟩",
        "norm": "‖{}‖",
        "sim": "sim({}, {})",
        "sine": "√(1 − sim({}, {})²)",
        "angle": "arccos sim({}, {})",
        "fro": "‖{}‖_F",
        "spectral": "‖{}‖₂",
        "cond": "cond({})",
        "rank": "rank({})",
        "size": "rows({})",
        "inverse": "({})⁻¹",
        "pinv": "({})⁺",
        "hessian_norm": "‖H({}, {})‖_op",
        "mean_square": "E‖{}‖²",
        "sup_hessian_norm": "sup_t ‖H({0} + t{2}, {1} + t{3})‖_op",
        "pi": "π",
        "eye": "I",
        "segment": "min_t min(‖{0} + t{2}‖, ‖{1} + t{3}‖)",
        "landau": "O({})",
    },
    letters="text",
    times=" · ",
    fraction="{}/{}",
    signs={"<=": "≤", "<": "<", "=": "="},
)
LATEX: Final = Style(
    functions={
        "abs": r"\left|{}\right|",
        "sqrt": r"\sqrt{{{}}}",
        "cos": r"\cos({})",
        "ln": r"\ln({})",
        "arcsin": r"\arcsin({})",
        "artanh": r"\operatorname{{artanh}}({})",
        "sinh": r"\sinh({})",
        "cosh": r"\cosh({})",
        "max": r"\max({}, {})",
        "min": r"\min({}, {})",
        "positive": "[{}]_+",
        "dot": r"\langle {}, {}\rangle",
        "inner": r"\langle {}, {}\rangle",
        "norm": r"\|{}\|",
        "sim": r"\operatorname{{sim}}({}, {})",
        "sine": r"\sqrt{{1 - \operatorname{{sim}}({}, {})^2}}",
        "angle": r"\arccos\operatorname{{sim}}({}, {})",
        "fro": r"\|{}\|_F",
        "spectral": r"\|{}\|_2",
        "cond": r"\operatorname{{cond}}({})",
        "rank": r"\operatorname{{rank}}({})",
        "size": r"\operatorname{{rows}}({})",
        "inverse": "({})^{{-1}}",
        "pinv": r"({})^{{\dagger}}",
        "hessian_norm": r"\|H({}, {})\|_{{\mathrm{{op}}}}",
        "mean_square": r"\mathbb{{E}}\|{}\|^2",
        "sup_hessian_norm": r"\sup_t \|H({0} + t{2}, {1} + t{3})\|_{{\mathrm{{op}}}}",
        "pi": r"\pi",
        "eye": "I",
        "segment": r"\min_t \min(\|{0} + t{2}\|, \|{1} + t{3}\|)",
        "landau": "O({})",
    },
    letters="latex",
    times=r" \cdot ",
    fraction=r"\frac{{{}}}{{{}}}",
    signs={"<=": r"\le", "<": "<", "=": "="},
)


def text(x: Term | Relation) -> str:
    """One line of Unicode."""
    return _relation(x, TEXT) if isinstance(x, Relation) else _term(x, TEXT)[0]


def latex(x: Term | Relation) -> str:
    """LaTeX, without the dollars."""
    return _relation(x, LATEX) if isinstance(x, Relation) else _term(x, LATEX)[0]


def definitions(relations: Iterable[Relation], write: Callable[[Term], str] = text) -> list[str]:
    """What every defined name in them stands for, in the order of their use."""
    found = dict[str, str]()
    for relation in relations:
        for x in (*_lets(relation.left), *_lets(relation.right)):
            name, meaning = _named(x.name, LATEX if write is latex else TEXT), write(x.args[0])
            if x.name in {"δ", "δ'"}:  # long, and printed in the paper
                found.setdefault(name, f"{name} of Eq. 7" if write is text else rf"{name} \text{{ of Eq. 7}}")
                continue
            if "ŷ" in x.name:  # one for all four outputs
                name, meaning = (re.sub("[₁₂']|_[12]", "", part) for part in (name, meaning))
            found.setdefault(name, f"{name} = {meaning}")
    return list(found.values())


def letter(name: str, style: Style = TEXT, *, matrix: bool = False) -> str:
    """A letter of the paper from the attribute of an instance: w1_target is W₁'; matrices are capitals."""
    base, prime = (name.removesuffix("_target"), "'") if name.endswith("_target") else (name, "")
    stem, index = re.fullmatch(r"(.*?)(\d*)", base).groups()  # type: ignore[union-attr]
    stem = GREEK.get(stem, stem.upper() if matrix else stem)
    if style is TEXT:
        return stem + index.translate(SUBSCRIPTS) + prime
    return LATEX_GREEK.get(stem, stem) + (f"_{index}" if index else "") + prime


def _named(name: str, style: Style) -> str:
    if style is TEXT:
        return name
    stem = name.replace("ŷ", r"\hat y").replace("ŝ", r"\hat s")
    for greek, command in COMMANDS.items():
        stem = stem.replace(greek, command)
    return re.sub("([₀-₉])", lambda m: "_" + m[1].translate(UNITS), stem).strip()


def _lets(x: Term) -> Iterator[Term]:
    if x.op == "sum":  # as it is printed
        yield from _lets(x.args[0])
        return
    if x.op == "sine" and x.name:
        yield Term("let", (Term("sim", x.args),), x.name)
    for a in x.args if x.op != "let" else ():
        yield from _lets(a)
    if x.op == "let":
        yield x
        yield from _lets(x.args[0]) if x.name not in {"δ", "δ'"} else ()


def _relation(r: Relation, style: Style) -> str:
    order = "" if r.order is None else f" + O({letter('epsilon', style)}{_power(str(r.order), style)})"
    return f"{_term(r.left, style)[0]} {style.signs[r.sign]} {_term(r.right, style)[0]}{order}"


def _power(digits: str, style: Style) -> str:
    return digits.translate(SUPERSCRIPTS) if style is TEXT else f"^{{{digits}}}"


def _in(x: Term, place: int, style: Style) -> str:
    written, bound = _term(x, style)
    return written if bound >= place else f"({written})"


def _term(x: Term, style: Style) -> tuple[str, int]:
    match x:
        case Term("scalar" | "row" | "matrix", _, name):
            return letter(name, style, matrix=x.op == "matrix"), PRODUCT if name == "ab" else ATOM
        case Term("let", _, name):
            return _named(name, style), ATOM
        case Term("number", _, digits):
            return _number(Fraction(digits), style)
        case Term("add" | "plus", (a, b)):
            negative = _negated(b)
            right = _in(negative or b, PRODUCT if negative else SUM, style)
            return f"{_in(a, SUM, style)} {('−' if style is TEXT else '-') if negative else '+'} {right}", SUM
        case Term("mul" | "scale", (a, b)):
            return _times(x, a, b, style), PRODUCT
        case Term("product", (a, b)):
            left, right = (_in(y, POWER if y.op == "scale" else PRODUCT, style) for y in (a, b))
            return left + (f"({right})" if b.op == "product" else right), PRODUCT
        case Term("transpose", (a,)):
            return _in(a, ATOM, style) + ("ᵀ" if style is TEXT else r"^{\top}"), ATOM
        case Term("outer", (u, v)):
            return _in(u, ATOM, style) + ("ᵀ" if style is TEXT else r"^{\top}") + _in(v, PRODUCT, style), PRODUCT
        case Term("div", (a, b)):
            if style is TEXT:
                return f"{_in(a, PRODUCT, style)}/{_in(b, POWER, style)}", PRODUCT
            return style.fraction.format(_term(a, style)[0], _term(b, style)[0]), POWER
        case Term("sine", _, name) if name:
            return (f"√(1 − {name}²)" if style is TEXT else rf"\sqrt{{1 - {_named(name, style)}^2}}"), ATOM
        case Term("pow", (Term("sine", _, name),), "2") if name:
            return f"(1 − {name}²)" if style is TEXT else f"(1 - {_named(name, style)}^2)", ATOM
        case Term("pow", (a,), power):
            return _in(a, ATOM, style) + _power(power, style), POWER
        case Term("sum", (general, *_)):
            return ("Σ " if style is TEXT else r"\sum ") + _in(general, PRODUCT, style), PRODUCT
        case Term("sigma", (m,), index):
            which = {"-1": "s_c", "-2": "s_{c−1}"}[index] if style is TEXT else {"-1": "s_c", "-2": "s_{c-1}"}[index]
            return f"{which}({_term(m, style)[0]})", ATOM
        case Term("inverse" | "pinv", (m,)) if m.op == "matrix":
            mark = {"inverse": "⁻¹", "pinv": "⁺"} if style is TEXT else {"inverse": "^{-1}", "pinv": r"^{\dagger}"}
            return _term(m, style)[0] + mark[x.op], ATOM
        case Term("sqrt", (a,)) if style is TEXT and _term(a, style)[1] >= POWER:
            return f"√{_term(a, style)[0]}", ATOM
    return style.functions[x.op].format(*(_shown(a, style, x.op) for a in x.args)), ATOM


def _shown(x: Term, style: Style, op: str) -> str:
    return _in(x, SUM, style)


def _negated(x: Term) -> Term | None:
    """What is subtracted, where the term is minus something."""
    match x:
        case Term("mul" | "scale", (Term("number", _, "-1"), b)):
            return b
    return None


def _times(x: Term, a: Term, b: Term, style: Style) -> str:
    if negative := _negated(x):
        return ("−" if style is TEXT else "-") + _in(negative, PRODUCT, style)
    left, right = _in(a, PRODUCT, style), _in(b, PRODUCT, style)
    digits = right[0].isdigit() or (left[-1].isdigit() and right[0].isdigit())
    dense = not digits and not (left[-1].isalpha() and right[0].isalpha() and (len(left) > 3 or len(right) > 3))
    if style is LATEX:
        return f"{left} {right}" if dense else f"{left}{style.times}{right}"
    return left + right if dense and "/" not in left else left + style.times + right


def _number(x: Fraction, style: Style) -> tuple[str, int]:
    sign = "" if x >= 0 else "−" if style is TEXT else "-"
    x = abs(x)
    bound = ATOM if not sign else SUM
    if x.denominator == 1:
        return f"{sign}{x}", bound
    if style is TEXT:
        return (f"{sign}½", bound) if x == Fraction(1, 2) else (f"{sign}{x.numerator}/{x.denominator}", PRODUCT)
    return sign + rf"\frac{{{x.numerator}}}{{{x.denominator}}}", bound
