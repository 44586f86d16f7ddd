"""Formulas as text (Unicode, one line) and as LaTeX, and the definitions that they use."""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, Final

from ioadapt_theory.claims.expression.tree import Relation, Term

GREEK: Final = {
    "epsilon": "ε", "sigma": "σ", "factor": "F", "ab": "AB", "du": "Δu", "dv": "Δv", "lip": "Lip", "bias": "b",
    "rho": "ρ",
}  # fmt: skip
COMMANDS: Final = {
    **{"Δ": r"\Delta ", "Lip": r"\mathrm{Lip}", "ŷ": r"\hat y", "ŝ": r"\hat s", "cos(": r"\cos("},
    **{"ε": r"\varepsilon ", "σ": r"\sigma ", "δ": r"\delta ", "κ": r"\kappa ", "τ": r"\tau ", "θ": r"\theta "},
    **{"α": r"\alpha ", "β": r"\beta ", "μ": r"\mu ", "ρ": r"\rho "},
}
SUBSCRIPTS: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
UNITS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
SUM, PRODUCT, POWER, ATOM = range(4)
"""Precedence of operations; a formula with lower precedence than its position requires is put in parentheses."""
TEXT, LATEX = range(2)
OPERATIONS: Final[dict[str, tuple[str, str]]] = {
    "abs": ("|{}|", r"\left|{}\right|"), "sqrt": ("√({})", r"\sqrt{{{}}}"),
    **{name: (f"{name}({{}})", rf"\{name}({{}})") for name in ("cos", "ln", "arcsin")},
    **{name: (f"{name}({{}}, {{}})", rf"\{name}({{}}, {{}})") for name in ("max", "min")},
    **{name: (f"{name}({{}})", rf"\operatorname{{{{{name}}}}}({{}})") for name in ("artanh", "cond", "rank")},
    "size": ("rows({})", r"\operatorname{{rows}}({})"), "positive": ("[{}]₊", "[{}]_+"),
    **{name: ("⟨{}, {}⟩", r"\langle {}, {}\rangle") for name in ("dot", "inner")}, "norm": ("‖{}‖", r"\|{}\|"),
    "sim": ("sim({}, {})", r"\operatorname{{sim}}({}, {})"),
    "sine": ("√(1 − sim({}, {})²)", r"\sqrt{{1 - \operatorname{{sim}}({}, {})^2}}"),
    "angle": ("arccos sim({}, {})", r"\arccos\operatorname{{sim}}({}, {})"), "fro": ("‖{}‖_F", r"\|{}\|_F"),
    "spectral": ("‖{}‖₂", r"\|{}\|_2"), "inverse": ("({})⁻¹", "({})^{{-1}}"), "pinv": ("({})⁺", r"({})^{{\dagger}}"),
    "hessian_norm": ("‖H({}, {})‖_op", r"\|H({}, {})\|_{{\mathrm{{op}}}}"), "mean": ("E[{}]", r"\mathbb{{E}}[{}]"),
    "relu": ("relu({})", r"\operatorname{{relu}}({})"), "mean_square": ("E‖{}‖²", r"\mathbb{{E}}\|{}\|^2"),
    "sup_hessian_norm": (
        "sup_t ‖H({0} + t{2}, {1} + t{3})‖_op", r"\sup_t \|H({0} + t{2}, {1} + t{3})\|_{{\mathrm{{op}}}}",
    ),
    "segment": ("min_t min(‖{0} + t{2}‖, ‖{1} + t{3}‖)", r"\min_t \min(\|{0} + t{2}\|, \|{1} + t{3}\|)"),
    "outside": ("outside({})", r"\operatorname{{outside}}({})"), "pi": ("π", r"\pi"), "eye": ("I", "I"),
    "landau": ("O({})", "O({})"),
}  # fmt: skip
"""Text and LaTeX of every operation that ``_term`` does not handle itself; {} is an argument."""
SIGNS: Final = {"<=": ("≤", r"\le"), "<": ("<", "<"), "=": ("=", "=")}
WORD: Final = re.compile("Σ|[A-Za-z][a-z]")
"""Start of a factor that would read as one word with a letter before it."""
MINUS: Final = ("−", "-")
TRANSPOSED: Final = ("ᵀ", r"^{\top}")


def text(x: Term | Relation) -> str:
    return _relation(x, TEXT) if isinstance(x, Relation) else _term(x, TEXT)[0]


def latex(x: Term | Relation) -> str:
    return _relation(x, LATEX) if isinstance(x, Relation) else _term(x, LATEX)[0]


def definitions(relations: Iterable[Relation]) -> list[str]:
    """Return the definitions of all names in the relations, in order of use."""
    known = dict[str, str]()
    for relation in relations:
        for x in (*_lets(relation.left), *_lets(relation.right)):
            if x.op == "mean":
                for m, variance in zip(x.args[1::2], x.args[2::2], strict=True):
                    law = f"is random with uncorrelated entries of mean 0 and variance {text(variance)}"
                    known.setdefault(text(m), f"{text(m)} {law}")
                continue
            name, meaning = x.name, f"{x.name} = {text(x.args[0])}"
            if x.name in {"δ", "δ'"}:  # long, and printed in the paper
                meaning = _derivative(x)
            elif "ŷ" in x.name:  # one definition for all four outputs
                name, meaning = (re.sub("[₁₂']", "", part) for part in (name, meaning))
            known.setdefault(name, meaning)
    return list(known.values())


def _derivative(x: Term) -> str:
    """Return the definition of δ, whose formula is (⟨Δu, v⟩ + ⟨u, Δv⟩)/(‖u‖‖v‖) and so on."""
    (du, v), (u, dv) = (product.args for product in x.args[0].args[0].args[0].args)
    a, b, da, db = (_in(y, POWER if y.op == "scale" else PRODUCT, TEXT) for y in (u, v, du, dv))
    return f"{x.name} is the derivative of sim({a} + t{da}, {b} + t{db}) in t, for t → 0 (Eq. 7)"


def letter(name: str, form: int, *, matrix: bool) -> str:
    """Return, as text or LaTeX, the paper's symbol for an instance's attribute, e.g. W₁' for the matrix w1_target."""
    base, prime = (name.removesuffix("_target"), "'") if name.endswith("_target") else (name, "")
    stem, index = re.fullmatch(r"(.*?)(\d*)", base).groups()  # type: ignore[union-attr]
    stem = GREEK.get(stem, stem.upper() if matrix else stem)
    return _named(stem + index.translate(SUBSCRIPTS), form) + prime


def printed(x: Any) -> str:
    """Return the symbol of a letter of a setting."""
    return letter(x.attribute.removeprefix("given_"), TEXT, matrix=len(x.axes.split()) == 2)


def _named(name: str, form: int) -> str:
    if form == TEXT:
        return name
    for mark, command in COMMANDS.items():
        name = name.replace(mark, command)
    return re.sub("([₀-₉])", lambda m: "_" + m[1].translate(UNITS), name).strip()


def _lets(x: Term) -> Iterator[Term]:
    if x.op == "sum":  # only the general term is printed
        general, *_ = x.args
        yield from _lets(general)
        return
    if x.op == "sine" and x.name:
        yield Term("let", (Term("sim", x.args),), x.name)
    for a in x.args if x.op != "let" else ():
        yield from _lets(a)
    if x.op in {"let", "mean"}:
        yield x
    if x.op == "let":
        yield from _lets(x.args[0]) if x.name not in {"δ", "δ'"} else ()


def _relation(r: Relation, form: int) -> str:
    order = "" if r.order is None else f" + O({_named('ε', form)}{_power(str(r.order), form)})"
    return f"{_term(r.left, form)[0]} {SIGNS[r.sign][form]} {_term(r.right, form)[0]}{order}"


def _power(digits: str, form: int) -> str:
    return (digits.translate(SUPERSCRIPTS), f"^{{{digits}}}")[form]


def _in(x: Term, place: int, form: int) -> str:
    written, bound = _term(x, form)
    return written if bound >= place else f"({written})"


def _term(x: Term, form: int) -> tuple[str, int]:
    match x:
        case Term("scalar" | "row" | "matrix", _, name):
            return letter(name, form, matrix=x.op == "matrix"), PRODUCT if name == "ab" else ATOM
        case Term("let", _, name):
            return _named(name, form), ATOM
        case Term("number", _, digits):
            return _number(Fraction(digits), form)
        case Term("add" | "plus", (a, b)):
            negative = _negated(b)
            right = _in(negative or b, PRODUCT if negative else SUM, form)
            return f"{_in(a, SUM, form)} {MINUS[form] if negative else '+'} {right}", SUM
        case Term("mul" | "scale", (a, b)):
            return _times(x, a, b, form), PRODUCT
        case Term("product", (a, b)):
            left, right = (_in(y, POWER if y.op == "scale" else PRODUCT, form) for y in (a, b))
            return left + (f"({right})" if b.op == "product" else right), PRODUCT
        case Term("transpose", (a,)):
            return _in(a, ATOM, form) + TRANSPOSED[form], ATOM
        case Term("outer", (u, v)):
            return _in(u, ATOM, form) + TRANSPOSED[form] + _in(v, PRODUCT, form), PRODUCT
        case Term("div", (a, b)):
            if form == TEXT:
                return f"{_in(a, PRODUCT, form)}/{_in(b, POWER, form)}", PRODUCT
            return rf"\frac{{{_term(a, form)[0]}}}{{{_term(b, form)[0]}}}", POWER
        case Term("sine", _, name) if name:
            return (f"√(1 − {name}²)", rf"\sqrt{{1 - {_named(name, form)}^2}}")[form], ATOM
        case Term("pow", (Term("sine", _, name),), "2") if name:
            return (f"(1 − {name}²)", f"(1 - {_named(name, form)}^2)")[form], ATOM
        case Term("pow", (a,), power):
            return _in(a, ATOM, form) + _power(power, form), POWER
        case Term("sum", (general, *_)):
            return ("Σ ", r"\sum ")[form] + _in(general, PRODUCT, form), PRODUCT
        case Term("sigma", (m,), index):
            which = "s_c" if index == "-1" else ("s_{c−1}", "s_{c-1}")[form]
            return f"{which}({_term(m, form)[0]})", ATOM
        case Term("inverse" | "pinv", (m,)) if m.op == "matrix":
            return _term(m, form)[0] + OPERATIONS[x.op][form].format("").removeprefix("()"), ATOM
        case Term("sqrt", (a,)) if form == TEXT and _term(a, form)[1] == ATOM:
            return f"√{_term(a, form)[0]}", ATOM
        case Term("cells", (), name):
            what, *where = name.split("|")
            return f"{what}({', '.join(where)})", ATOM
    return OPERATIONS[x.op][form].format(*(_in(a, SUM, form) for a in x.args)), ATOM


def _negated(x: Term) -> Term | None:
    match x:
        case Term("mul" | "scale", (Term("number", _, "-1"), b)):
            return b
    return None


def _times(x: Term, a: Term, b: Term, form: int) -> str:
    if negative := _negated(x):
        return MINUS[form] + _in(negative, PRODUCT, form)
    left, right = _in(a, PRODUCT, form), _in(b, PRODUCT, form)
    digits = right[0].isdigit()
    if form == LATEX:
        return rf"{left} \cdot {right}" if digits else f"{left} {right}"
    words = left[-1].isalpha() and WORD.match(right)
    return f"{left} · {right}" if digits or words or "/" in left else left + right


def _number(x: Fraction, form: int) -> tuple[str, int]:
    sign, bound = ("", ATOM) if x >= 0 else (MINUS[form], SUM)
    x = abs(x)
    if x.denominator == 1:
        return f"{sign}{x}", bound
    if form == TEXT:
        return (f"{sign}½", bound) if x == Fraction(1, 2) else (f"{sign}{x.numerator}/{x.denominator}", PRODUCT)
    return sign + rf"\frac{{{x.numerator}}}{{{x.denominator}}}", bound
