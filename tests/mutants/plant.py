"""Which errors can be planted: every mutant is a piece of a file and what stands there instead."""

import ast
import builtins
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SWAPS = {
    **{"fro": "spectral", "spectral": "fro", "cosine": "sine", "sine": "cosine", "sim": "sine"},
    **{"operator_norm": "frobenius_sq", "frobenius_sq": "operator_norm", "frobenius_norm": "operator_norm"},
    **{"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max", "all": "any", "any": "all"},
    **{"sinh": "cosh", "cosh": "sinh", "cos": "sin", "arcsin": "artanh", "artanh": "arcsin", "log": "sqrt"},
    **{"argmax": "argmin", "amax": "amin", "w": "w_target", "w_target": "w", "w1": "w2", "w2": "w1"},
    **{"x1": "x2", "x1_target": "x1", "w1_target": "w1", "w2_target": "w2", "du": "dv", "u": "v"},
    **{"INPUT": "OUTPUT", "OUTPUT": "INPUT", "LORA": "INPUT", "PROVED": "REFUTED", "REFUTED": "PROVED"},
    **{"SPECTRAL": "FROBENIUS", "FROBENIUS": "SPECTRAL", "LITERAL": "SPECTRAL", "SHARP": "ATTAINED"},
    **{"sum": "max", "sorted": "list", "islice": "iter", "target": "source", "source": "target"},
    **{"lhs": "rhs", "rhs": "lhs", "low": "high", "mean": "sum", "square": "abs", "randn": "rand"},
}
"""Names that are easily confused."""
OPERATORS: dict[type[ast.AST], str] = {
    **{ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Pow: "*", ast.Mod: "+"},
    **{ast.BitOr: "&", ast.BitAnd: "|", ast.MatMult: "*"},
}
COMPARISONS: dict[type[ast.AST], str] = {
    **{ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="},
    **{ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"},
}
WORDS = {
    **{"≤": "<", "every": "some", "not ": "", "no ": "a ", "only": "also", "‖₂": "‖_F", "_F": "₂", "sharp": "rough"},
    **{"attained": "near", "iff": "if", "input": "output", "LoRA": "DoRA", "independent": "dependent", "+": "−"},
    **{"all": "most", "exact": "rough", "false": "true", "rank": "size", "same": "other", "never": "often"},
}
SYMMETRIC = {
    "found",
    "agree",
    "dot",
    "cosine",
    "sine",
    "parallel",
    "maximum",
    "minimum",
    "max",
    "min",
    "isinstance",
    "Fraction",
    "zip",
}
"""Functions whose first two arguments may be exchanged, or whose exchange is an error that no test is needed for."""
LISTS = ("given", "hypotheses", "witnesses", "attained", "words", "proofs", "strategies", "concludes", "shows")
"""Arguments that are lists of what a claim has: an element is left out."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file in which the bytes from begin to end are replaced.

    Attributes:
        file: relative to the repository.
        kind: of error.
        begin: of the replaced bytes.
        end: of the replaced bytes.
        new: what stands there instead.
    """

    file: str
    kind: str
    begin: int
    end: int
    new: str

    def applied(self, content: bytes) -> bytes:
        """The file with the error."""
        return content[: self.begin] + self.new.encode() + content[self.end :]

    def changes(self, content: bytes) -> bool:
        """Whether the file is another program with it, and a program at all."""
        if not self.file.endswith(".py"):
            return True
        try:
            return ast.dump(ast.parse(self.applied(content))) != ast.dump(ast.parse(content))
        except SyntaxError:
            return False

    def lines(self, content: bytes) -> tuple[str, str]:
        """The line, or lines, before and after, without indentation."""
        start = content.rfind(b"\n", 0, self.begin) + 1
        stop = content.find(b"\n", self.end) % (len(content) + 1)
        after = content[start : self.begin] + self.new.encode() + content[self.end : stop]
        return content[start:stop].decode().strip(), after.decode().strip()

    def key(self, content: bytes) -> str:
        """A name that changes when anything does that decides whether it is noticed here."""
        before, after = self.lines(content)
        return hashlib.sha256("\n".join((self.file, self.kind, before, after, str(self.begin))).encode()).hexdigest()[
            :12
        ]


def mutants(root: Path, folder: str, only: str = "") -> list[Mutant]:
    """Every candidate in the Python files and witnesses below a folder, in a fixed order; a few are no program."""
    found: list[Mutant] = []
    for path in sorted((root / folder).rglob("*")):
        name = path.relative_to(root).as_posix()
        if only not in name:
            continue
        if path.suffix == ".py":
            found += _of_python(name, path.read_bytes())
        elif path.suffix == ".json":
            found += _of_witness(name, path.read_bytes())
    return list(dict.fromkeys(found))


def _of_witness(name: str, content: bytes) -> Iterator[Mutant]:
    """Every number of a witness, one more and with the other sign."""
    for number in re.finditer(rb'(?<=[\[ ,"])-?\d+(/\d+|\.\d+)?(?=["\],\n}])', content):
        text = number[0].decode()
        head, *rest = re.split(r"(?=[/.])", text, maxsplit=1)
        yield Mutant(name, "witness", number.start(), number.end(), "".join([str(int(head) + 1), *rest]))
        if int(head):
            negative = text[1:] if text.startswith("-") else f"-{text}"
            yield Mutant(name, "witness", number.start(), number.end(), negative)


class _Places:
    """Byte offsets of nodes."""

    def __init__(self, content: bytes) -> None:
        self.content, self.starts, self.names = (
            content,
            [0],
            set(re.findall(r"\w+", content.decode())) | set(dir(builtins)),
        )
        for line in content.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        begin = self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return begin, self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def text(self, node: ast.AST) -> str:
        begin, end = self.span(node)
        return self.content[begin:end].decode()

    def between(self, left: ast.AST, right: ast.AST) -> tuple[int, int]:
        """The operator, without the blanks and parentheses around it."""
        begin, end = self.span(left)[1], self.span(right)[0]
        inner = self.content[begin:end]
        token = re.search(rb"[^\s()#]+(?: (?:in|not))?", inner)
        assert token, inner
        return begin + token.start(), begin + token.end()


def _of_python(name: str, content: bytes) -> Iterator[Mutant]:
    tree, places = ast.parse(content), _Places(content)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    skipped = {id(child) for node in ast.walk(tree) for outer in _without_effect(node) for child in ast.walk(outer)}
    for node in ast.walk(tree):
        if id(node) in skipped or id(node) in documentation:
            continue
        for kind, begin, end, new in _of_node(node, places):
            yield Mutant(name, kind, begin, end, new)


def _without_effect(node: ast.AST) -> Iterator[ast.AST]:
    """Annotations, imports, and the messages of errors: what is checked there is checked elsewhere or is taste."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    if isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Raise):
        yield node
    if isinstance(node, ast.keyword) and node.arg in {
        "slots",
        "frozen",
        "kw_only",
        "strict",
    }:  # no result depends on it
        yield node.value
    if isinstance(node, ast.Assert) and node.msg:
        yield node.msg
    if isinstance(node, ast.Assign) and any(
        isinstance(t, ast.Name) and t.id in {"msg", "__all__"} for t in node.targets
    ):
        yield node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"TypeVar", "cast"}:
        yield node


def _of_node(node: ast.AST, places: _Places) -> Iterator[tuple[str, int, int, str]]:
    match node:
        case ast.Constant(bool() as value):
            yield "truth", *places.span(node), str(not value)
        case ast.Constant(int() as value):
            yield "constant", *places.span(node), str(value + 1)
        case ast.Constant(float() as value):
            yield "constant", *places.span(node), repr(value * 1000 if value < 1e-3 else value * 1.02)
        case ast.Constant(str() as value) if " " in value or len(value) > 12:
            text = places.text(node)
            for word, other in WORDS.items():
                if word in text:
                    yield "word", *places.span(node), text.replace(word, other, 1)
            if digit := re.search(r"\d", text):
                changed = text[: digit.start()] + str((int(digit[0]) + 1) % 10) + text[digit.end() :]
                yield "word", *places.span(node), changed
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            yield "sign", *places.between(left, right), OPERATORS[type(op)]
            if isinstance(op, ast.Mult | ast.Add | ast.Pow | ast.Sub | ast.MatMult):
                yield "term", *places.span(node), places.text(left)
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield "sign", *places.span(node), f"({places.text(operand)})"
        case ast.Compare(left, [op], [right]):
            yield "comparison", *places.between(left, right), COMPARISONS[type(op)]
            if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield "side", *places.span(node), f"({places.text(right)}) {_written(op)} ({places.text(left)})"
        case ast.BoolOp(_, [first, *_, last]):
            yield "logic", *places.span(node), f"({places.text(first)})"
            yield "logic", *places.span(node), f"({places.text(last)})"
        case ast.If(test) | ast.IfExp(test):
            yield "branch", *places.span(test), "False"
            yield "branch", *places.span(test), "True"
        case ast.Expr(ast.Yield() | ast.YieldFrom()):
            yield "step", *places.span(node), "yield from ()"
        case ast.Name(name, ast.Load()) if SWAPS.get(name) in places.names:
            yield "name", *places.span(node), SWAPS[name]
        case ast.Attribute(value, name, ast.Load()) if name in SWAPS:
            end = places.span(node)[1]
            yield "name", end - len(name.encode()), end, SWAPS[name]
        case ast.keyword(str() as name, ast.Tuple(elements)) if name in LISTS:
            for k in range(len(elements)):
                yield "dropped", *places.span(node.value), _tuple([places.text(e) for e in elements], k)
        case ast.Call(func, args, []) if len(args) > 1 and isinstance(func, ast.Name) and func.id not in SYMMETRIC:
            first, second = places.span(args[0]), places.span(args[1])
            swapped = places.content[second[0] : second[1]] + places.content[first[1] : second[0]]
            yield "order", first[0], second[1], (swapped + places.content[first[0] : first[1]]).decode()
            if func.id[:1].isupper() or len(args) > 2:
                for k in range(len(args)):
                    if isinstance(args[k], ast.Call):
                        begin, end = places.span(node)
                        rest = [places.text(a) for j, a in enumerate(args) if j != k]
                        yield "dropped", begin, end, f"{func.id}({', '.join(rest)})"
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return", *places.span(value), "True"


def _tuple(elements: list[str], without: int) -> str:
    kept = [e for k, e in enumerate(elements) if k != without]
    return f"({', '.join(kept)}{',' if len(kept) == 1 else ''})"


def _written(op: ast.cmpop) -> str:
    return {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}[type(op)]


def equivalents(path: Path) -> dict[tuple[str, str, str], str]:
    """(file, line before, line after) of mutants that change nothing, and why each of them does not."""
    return {(e["file"], e["before"], e["after"]): e["why"] for e in json.loads(path.read_text("utf-8"))}
