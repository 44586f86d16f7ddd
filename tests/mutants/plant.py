"""Errors, drawn by hand, that can be planted in the claims: each replaces a piece of a file."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    file: str
    kind: str
    begin: int
    end: int
    new: str

    def applied(self, content: bytes) -> bytes:
        return content[: self.begin] + self.new.encode() + content[self.end :]

    def lines(self, content: bytes) -> tuple[str, str]:
        start, stop = content.rfind(b"\n", 0, self.begin) + 1, content.find(b"\n", self.end)
        after = content[start : self.begin] + self.new.encode() + content[self.end : stop]
        return content[start:stop].decode().strip(), after.decode().strip()


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
