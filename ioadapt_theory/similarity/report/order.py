"""The order in which a network computes its layers, found from their names, and groups of layers."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ioadapt_theory.checkpoints.names import TABLES
from ioadapt_theory.checkpoints.names.kinds import KINDS
from ioadapt_theory.errors import UnknownNameError
from ioadapt_theory.similarity.result import Comparison, Pair, Row

GROUPS: Final = ("kind", "block")

STAGES: Final = TABLES["order"]["stages"]
"""Patterns of the stages of a network, in order; the first part of a name that matches one determines the stage."""
INSIDE: Final = TABLES["order"]["inside"]
"""Patterns of the names of modules in a block, in the order in which the block computes them."""


def place(name: str) -> tuple[object, ...]:
    """Return a key that sorts layers in the network's order: by stage, then by block number and part of the block."""
    stage = next((s for part in name.split(".") if (s := _rank(STAGES, part)) is not None), len(STAGES) // 2)
    name = re.sub(r"\b(resnets|attentions)\.(\d+)\.", r"\2.\1.", name)  # resnets.0, attentions.0, resnets.1
    name = re.sub(r"\b((?:down|up)samplers)\.\d+\.", r"9999.\1.", name)
    return stage, *map(_key, name.split("."))


def _key(part: str) -> tuple[int, int, str]:
    if part.isdecimal():
        return 0, int(part[:9]), ""
    rank = _rank(INSIDE, part)
    return (1, rank, "") if rank is not None else (2, 0, part)


def _rank(table: list[str], part: str) -> int | None:
    return next((i for i, pattern in enumerate(table) if re.fullmatch(pattern, part)), None)


def in_order(c: Comparison) -> list[Row]:
    return sorted(c.rows, key=lambda row: place(row.name))


def groups(c: Comparison, by: str) -> Iterator[tuple[str, Comparison, Pair]]:
    """Yield (group, comparison of its rows, pair) for all groups and pairs; blocks are in the network's order."""
    if by not in GROUPS:
        raise UnknownNameError("grouping", by, GROUPS)
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in in_order(c):
        rows[row.layer.kind if by == "kind" else row.layer.block].append(row)
    for name in sorted(rows, key=KINDS.index) if by == "kind" else rows:
        for pair in c.pairs:
            yield name, replace(c, rows=tuple(rows[name])), pair
