"""The numbers printed in the paper's Tables 1-6 and 8-11, in long form (``tables/tableN.csv``), read as exact decimals.

The columns are side (source or target model), model, peft (family), placement, metric and value; Table 11 adds
quantity (value or diff) and std. Two cells of the FLUX target rows could not be read in one table and are taken from
the other: Table 2, LoHa, output, DINO-I (from Table 8) and Table 8, DoRA, output, DINO-I (from Table 2). Table 7 holds
no results.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import comb
from pathlib import Path

FOLDER = Path(__file__).parent / "tables"
SUMMARIES = ("Avg.", "Overall")
Cell = Mapping[str, str]


@cache
def table(number: int) -> tuple[Cell, ...]:
    with (FOLDER / f"table{number}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def values(number: int, **where: str) -> dict[tuple[str, ...], Decimal]:
    """Return the values of a table's cells that match ``where``, by the tuple of their other columns except std."""
    return {
        tuple(v for k, v in cell.items() if k not in {"value", "std", *where}): Decimal(cell["value"])
        for cell in table(number)
        if all(cell[name] == wanted for name, wanted in where.items())
    }


def differences(numbers: str, side: str, comparison: str, metrics: str, model: str = "") -> Iterator[Decimal]:
    """Yield the gains of one placement over another, "input over weight", in tables "1 and 2", of one model or all.

    A placement may be preceded by the family of adapters, as in "LoRA input over LoRA-X subspace".
    """
    one, other = (x.split() for x in comparison.split(" over "))
    for number in re.findall(r"\d+", numbers):
        found = []
        for *peft, placement in (one, other):
            where = {"side": side, "placement": placement} | ({"peft": peft[0]} if peft else {})
            if "quantity" in table(int(number))[0]:
                where["quantity"] = "value"
            found.append(values(int(number), **where))
        mine, base = found
        for key, v in mine.items():
            wanted = key[-1] in metrics.split(" and ") if metrics != "every metric" else key[-1] not in SUMMARIES
            if wanted and model in ("", key[0]):
                yield v - base[key]


def cells(name: str) -> Fraction:
    """Return a number counted from the tables: "losses|Table 8|target|input over weight|CLIP-I and DINO-I", and so on.

    The number of cells is "wins", "ties" or "losses" of the comparison, or those "within one deviation" in Table 11;
    "sign test" is the p-value of the two-sided test.
    """
    what, numbers, *where = name.split("|")
    if what == "within one deviation":
        side, placements, metrics = where
        rows = [c for c in table(11) if (c["side"], c["quantity"]) == (side, "diff") and c["placement"] in placements
                and c["metric"] in metrics.split(" and ")]  # fmt: skip
        return Fraction(sum(abs(Decimal(c["value"])) <= Decimal(c["std"]) for c in rows))
    signs = [(d > 0) - (d < 0) for d in differences(numbers, *where)]
    if what != "sign test":
        return Fraction(signs.count({"wins": 1, "ties": 0, "losses": -1}[what]))
    fewer, differ = min(signs.count(1), signs.count(-1)), len(signs) - signs.count(0)
    return min(Fraction(1), Fraction(2 * sum(comb(differ, k) for k in range(fewer + 1)), 2**differ))
