"""Errors that can be planted in the claims: every mutant replaces a piece of a file."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAIRS = """fro spectral, cosine sine, maximum minimum, max min, all any, sinh cosh, arcsin artanh, w w_target, w1 w2,
x1 x2, du dv, u v, lhs rhs, INPUT OUTPUT, PROVED REFUTED, SHARP ATTAINED, SOURCE TARGET, source target, low high,
argmax argmin, amax amin"""
SWAPS = {a: b for pair in PAIRS.split(",") for a, b in (pair.split(), pair.split()[::-1])}
SWAPS |= {"sim": "sine", "LORA": "INPUT", "randn": "rand"}
"""Name -> a name with which it is easily confused."""
OPERATORS: dict[type[ast.AST], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.Pow: "*"}
COMPARISONS: dict[type[ast.AST], str] = {
    **{ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="},
    **{ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"},
}
WORDS = {
    **{"every": "some", "not ": "", "no ": "a ", "only": "also", "‖₂": "‖_F", "_F": "₂", "sharp": "rough", "≤": "<"},
    **{"attained": "near", "iff": "if", "input": "output", "LoRA": "DoRA", "independent": "dependent", "+": "−"},
    **{"all": "most", "exact": "rough", "false": "true", "rank": "size", "same": "other", "never": "often"},
}
LISTS = ("given", "witnesses", "attained", "words", "proofs", "strategies", "concludes", "over")
"""List arguments of a claim, from which an element is removed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    file: str
    kind: str
    begin: int
    end: int
    new: str

    def applied(self, content: bytes) -> bytes:
        return content[: self.begin] + self.new.encode() + content[self.end :]

    def changes(self, content: bytes) -> bool:
        """Return whether the changed file is a valid and different program."""
        try:
            return ast.dump(ast.parse(self.applied(content))) != ast.dump(ast.parse(content))
        except SyntaxError:
            return not self.file.endswith(".py")

    def lines(self, content: bytes) -> tuple[str, str]:
        start, stop = content.rfind(b"\n", 0, self.begin) + 1, content.find(b"\n", self.end)
        after = content[start : self.begin] + self.new.encode() + content[self.end : stop]
        return content[start:stop].decode().strip(), after.decode().strip()


def mutants(root: Path, folder: str) -> list[Mutant]:
    """Return the candidates in the Python files and instances below a folder, in order; some are not valid Python."""
    made: list[Mutant] = []
    for path in sorted((root / folder).rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".py":
            made += _of_python(name, path.read_bytes())
        elif path.name == "witnesses.json":
            numbers = re.finditer(rb'(?<=[\[ ,"])-?\d+(?=[/."\],\n}])', path.read_bytes())
            made += [Mutant(name, "witness", n.start(), n.end(), str(int(n[0]) + 1)) for n in numbers]
    return list(dict.fromkeys(made))


def by_hand(root: Path) -> list[Mutant]:
    """Return the mutants in drawn.json: kind, file, what stands there once, and what replaces it."""
    made = []
    for kind, name, old, new in json.loads(Path(__file__).with_name("drawn.json").read_text("utf-8")):
        content = (root / name).read_bytes()
        if content.count(old.encode()) != 1:
            msg = f"{name} has {content.count(old.encode())} times: {old}"
            raise ValueError(msg)
        begin = content.index(old.encode())
        made.append(Mutant(name, kind, begin, begin + len(old.encode()), new))
    return made


def _of_python(name: str, content: bytes) -> Iterator[Mutant]:
    tree, starts = ast.parse(content), [0]
    for line in content.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.AST) -> tuple[int, int]:
        begin = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return begin, starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def text(node: ast.AST) -> str:
        return content[slice(*span(node))].decode()

    def between(left: ast.AST, right: ast.AST) -> tuple[int, int]:
        begin, end = span(left)[1], span(right)[0]
        token = re.search(rb"[^\s()#]+(?: (?:in|not))?", content[begin:end])
        assert token
        return begin + token.start(), begin + token.end()

    def of(node: ast.AST) -> Iterator[tuple[str, tuple[int, int], str]]:
        match node:
            case ast.Constant(bool() as value):
                yield "truth", span(node), str(not value)
            case ast.Constant(int() as value):
                yield "constant", span(node), str(value + 1)
            case ast.Constant(float() as value):
                yield "constant", span(node), repr(value * 1000 if value < 1e-3 else value * 1.02)
            case ast.Constant(str() as value) if " " in value or len(value) > 12:
                yield from (("word", span(node), text(node).replace(a, b, 1)) for a, b in WORDS.items() if a in value)
                if digit := re.search(r"\d", text(node)):
                    begin = span(node)[0] + len(text(node)[: digit.start()].encode())
                    yield "word", (begin, begin + 1), str((int(digit[0]) + 1) % 10)
            case ast.BinOp(left, op, right) if type(op) in OPERATORS:
                yield "sign", between(left, right), OPERATORS[type(op)]
                yield "term", span(node), text(left)
            case ast.UnaryOp(ast.USub() | ast.Not(), operand):
                yield "sign", span(node), f"({text(operand)})"
            case ast.Compare(left, [op], [right]):
                yield "comparison", between(left, right), COMPARISONS[type(op)]
                if isinstance(op, ast.Lt | ast.LtE):
                    sides = content[slice(*between(left, right))].decode()
                    yield "side", span(node), f"({text(right)}) {sides} ({text(left)})"
            case ast.BoolOp(_, [first, *_, last]):
                yield from (("logic", span(node), f"({text(part)})") for part in (first, last))
            case ast.If(test) | ast.IfExp(test):
                yield from (("branch", span(test), truth) for truth in ("False", "True"))
            case ast.Expr(ast.Yield() | ast.YieldFrom()):
                yield "step", span(node), "yield from ()"
            case ast.Name(name, ast.Load()) if name in SWAPS:
                yield "name", span(node), SWAPS[name]
            case ast.Attribute(_, name, ast.Load()) if name in SWAPS:
                end = span(node)[1]
                yield "name", (end - len(name.encode()), end), SWAPS[name]
            case ast.keyword(str() as name, ast.Tuple(elements)) if name in LISTS:
                for k in range(len(elements)):
                    rest = [text(e) for j, e in enumerate(elements) if j != k]
                    yield "dropped", span(node.value), f"({', '.join(rest)}{',' * (len(rest) == 1)})"
            case ast.Call(ast.Name(name), [_, _, *_] as args, []) if name[0].isupper() or len(args) > 2:
                yield "dropped", span(node), f"{name}({', '.join(map(text, args[:-1]))})"

    skipped = {id(child) for node in ast.walk(tree) for part in _without_effect(node) for child in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) not in skipped:
            yield from (Mutant(name, kind, *place, new) for kind, place, new in of(node))


def _without_effect(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that are not mutated: docstrings, annotations, imports and error messages."""
    match node:
        case ast.Expr(ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Raise():
            yield node
        case (
            ast.arg(annotation=ast.expr() as part)
            | ast.AnnAssign(annotation=part)
            | ast.FunctionDef(returns=ast.expr() as part)
            | ast.Assert(msg=ast.expr() as part)
            | ast.keyword("slots" | "frozen" | "kw_only" | "strict", part)
        ):
            yield part
        case ast.Assign([ast.Name("msg" | "__all__" | "reason")], part) | ast.Call(ast.Name("_function"), [_, part]):
            yield part  # the second is a docstring
