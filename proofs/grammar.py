"""Grammar of the Coq statements: formulas, relations, quantifiers and definitions, as nested tuples."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NoReturn

TOKEN: Final = re.compile(
    r"\s*('[rM][VM]?\[R\]_(?:\([a-z], [a-z]\)|[a-z])|1%:M|%:M|%[NR]|\^T|\\rank|`\||\*m|\*:|\^\+|<=|->|/\\|!=|:=|=>"
    r"|Num\.\w+|[A-Za-z_][\w']*|\d+|[()|,:+\-*/<=.])"
)
LEVELS: Final = {"+": 1, "-": 1, "*": 2, "*m": 2, "*:": 2, "/": 2, "^+": 4}
UNARY: Final = 3


class ReadingError(ValueError):
    """Error: a statement is not in the grammar, or uses a name that it does not bind."""


def fail(why: str) -> NoReturn:
    raise ReadingError(why)


@dataclass
class Parser:
    """A parser of Coq propositions into nested tuples."""

    tokens: list[str]
    at: int = 0

    @classmethod
    def of(cls, text: str) -> "Parser":
        if left := TOKEN.sub("", text).strip():
            fail(f"unknown characters {left[:20]!r}")
        return cls(TOKEN.findall(text))

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            fail(f"{token!r} where {' or '.join(wanted)} is expected")
        self.at += 1
        return token

    def proposition(self) -> Any:
        if self.peek() in {"forall", "exists"}:
            quantifier, names = self.take(), self.binders()
            self.take(",")
            return quantifier, names, self.proposition()
        left = self.atom()
        if self.peek() in {"->", "/\\"}:
            return self.take(), left, self.proposition()
        return left

    def atom(self) -> Any:
        start = self.at
        try:
            return self.relation()
        except ReadingError:
            self.at = start
            self.take("(")
            inside = self.proposition()
            self.take(")")
            return inside

    def binders(self) -> list[tuple[str, str]]:
        if self.peek() != "(":
            return self._binder()
        names = []
        while self.peek() == "(":
            self.take("(")
            names += self._binder()
            self.take(")")
        return names

    def _binder(self) -> list[tuple[str, str]]:
        names, kind, depth = [], "", 0
        while self.peek() != ":":
            names.append(self.take())
        self.take(":")
        while (token := self.peek()) not in {",", ")"} or depth:
            depth += {"(": 1, ")": -1}.get(token, 0)
            kind += self.take() + " "
        return [(name, kind.strip()) for name in names]

    def relation(self) -> Any:
        if self.peek() == "(":  # a relation between natural numbers
            start = self.at
            try:
                self.take("(")
                inside = self.relation()
                self.take(")")
                self.take("%N")
                if self.peek() in {"<=", "<", "="}:  # it was a formula
                    fail("a formula")
            except ReadingError:
                self.at = start
            else:
                return inside
        parts = [self.formula()]
        while self.peek() in {"<=", "<", "=", "!="}:
            parts += [self.take(), self.formula()]
        return ("relation", *parts)

    def formula(self, level: int = 0) -> Any:
        if self.peek() == "-":
            self.take()
            left: Any = ("neg", self.formula(UNARY))
        else:
            left = self.applied()
        while self.peek() in LEVELS and LEVELS[self.peek()] > level:
            sign = self.take()
            left = (sign, left, self.formula(LEVELS[sign]))
        return left

    def applied(self) -> Any:
        head = self.operand()
        arguments = []
        while self._starts_operand():
            arguments.append(self.operand())
        return ("call", head, *arguments) if arguments else head

    def _starts_operand(self) -> bool:
        token = self.peek()
        return token in {"(", "1%:M", "`|", "\\rank"} or (bool(re.match(r"[A-Za-z_\d]", token)) and token != "fun")

    def operand(self) -> Any:
        token = self.take()
        if token == "(":
            if self.peek() == "fun":
                self.take()
                self.take("w")
                self.take("=>")
                inside: Any = ("fun", self.formula())
            else:
                inside = self.formula()
            self.take(")")
        elif token == "`|":
            inside = ("abs", self.formula())
            self.take("|")
        elif token == "\\rank":
            inside = ("rank", self.operand())
        elif re.match(r"[A-Za-z_\d]", token):
            inside = token
        else:
            fail(f"{token!r} where a formula is expected")
        while self.peek() in {"%:M", "^T", "%R", "%N"}:
            suffix = self.take()
            inside = inside if suffix in {"%R", "%N"} else (suffix, inside)
        return inside


@cache
def parsed(text: str) -> tuple[dict[str, tuple[list[str], Any]], dict[str, Any]]:
    """Return the definitions of a Coq file, and its statements, by name."""
    definitions, statements = {}, {}
    for block in re.findall(r"^Definition .*?\.$", text, re.MULTILINE | re.DOTALL):
        parser = Parser.of(block[:-1].removeprefix("Definition "))
        name, names = parser.take(), parser.binders() if parser.peek() == "(" else []
        parser.take(":")
        if parser.take("R", "Prop") == "R":
            parser.take(":=")
            definitions[name] = [n for n, kind in names if kind != "nat"], parser.formula()
        else:
            parser.take(":=")
            statements[name] = parser.proposition()
        if parser.peek():
            fail(f"{name}: {parser.peek()!r} is left over")
    return definitions, statements
