"""The figures printed in the paper's Tables 1-6 and 8-11, in long form (``tables/tableN.csv``), read as exact decimals.

The columns are side (source or target model), model, peft (family), placement, metric and value; Table 11 adds
quantity (value or diff) and std. Two cells of the FLUX target rows could not be read in one table and are taken from
the other: Table 2, LoHa, output, DINO-I (from Table 8) and Table 8, DoRA, output, DINO-I (from Table 2). Table 7 holds
no results.
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import comb, sqrt
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tables"
NUMBERS = (1, 2, 3, 4, 5, 6, 8, 9, 10, 11)
SUMMARIES = ("Avg.", "Overall")

COMMONSENSE = ("BoolQ", "PIQA", "SIQA", "HellaSwag", "WinoGrande", "ARC-e", "ARC-c", "OBQA")
GENEVAL = ("Two Obj.", "Pos.", "Cnt.", "Sin. Obj.", "Col.", "Col. Attr.")

# Sizes of the public test sets (GenEval: images, four a prompt); the paper does not print them.
TEST_SET = {
    5: {"Img. Acc.": 2212, "Text Acc.": 553} | dict(zip(GENEVAL, (396, 400, 320, 320, 376, 400), strict=True)),
    6: dict(zip(COMMONSENSE, (3270, 1838, 1954, 10042, 1267, 2376, 1172, 500), strict=True))
    | {"GSM8K": 1319, "HumanEval": 164, "MBPP": 378},
}

Cell = Mapping[str, str]


@cache
def table(number: int) -> tuple[Cell, ...]:
    """Every cell of one table, in the printed order."""
    with (FOLDER / f"table{number}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def values(number: int, **where: str) -> dict[tuple[str, ...], Decimal]:
    """The cells that match, keyed by the columns that ``where`` leaves open; a key met twice is an error."""
    found: dict[tuple[str, ...], Decimal] = {}
    for cell in table(number):
        if all(cell[name] == wanted for name, wanted in where.items()):
            key = tuple(v for k, v in cell.items() if k not in {"value", "std", *where})
            if key in found:
                msg = f"Table {number} has two cells for {key}."
                raise ValueError(msg)
            found[key] = Decimal(cell["value"])
    return found


def half_unit(printed: Decimal) -> Decimal:
    """Half a unit in the last printed place: how far the rounded figure may be from the true one."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(5).scaleb(exponent - 1)


def correct_answers(number: int, metric: str, printed: Decimal) -> int:
    """The whole number of correct answers that the printed percentage rounds."""
    return round(Fraction(printed) * TEST_SET[number][metric] / 100)


def z_score(number: int, metric: str, printed: Decimal, base: Decimal) -> float:
    """Two-proportion z of the answers behind two percentages, as if each had been given on items of its own.

    The items are the same and answers to them go together, so that the true significance is higher, if anything.
    """
    n = TEST_SET[number][metric]
    a, b = (correct_answers(number, metric, x) / n for x in (printed, base))
    pooled = (a + b) / 2
    return (a - b) / sqrt(2 * pooled * (1 - pooled) / n)


@dataclass(frozen=True, slots=True)
class Score:
    """Cells in which a placement is above, level with, and below the weight placement of the same row."""

    wins: int
    ties: int
    losses: int

    @property
    def p_value(self) -> float:
        """Two-sided sign test over the cells that are not level."""
        cells = self.wins + self.losses
        return min(1.0, sum(comb(cells, k) for k in range(min(self.wins, self.losses) + 1)) / 2 ** (cells - 1))

    def __str__(self) -> str:
        return f"{self.wins}-{self.ties}-{self.losses}"

    @classmethod
    def of(cls, differences: Iterable[Decimal]) -> "Score":
        """Count the signs."""
        d = list(differences)
        return cls(sum(x > 0 for x in d), sum(x == 0 for x in d), sum(x < 0 for x in d))


def gains(
    number: int, side: str, placement: str, *, over: str = "weight", keep: Callable[[str], bool] = lambda metric: True
) -> dict[tuple[str, ...], Decimal]:
    """Placement - over for every (model, peft, metric) that prints both; averages are no cells of their own."""
    base = values(number, side=side, placement=over)
    mine = values(number, side=side, placement=placement)
    return {k: v - base[k] for k, v in mine.items() if k in base and k[2] not in SUMMARIES and keep(k[2])}


def score(number: int, side: str, placement: str, metric: str) -> Score:
    """Wins, ties and losses against the weight placement in one metric."""
    return Score.of(gains(number, side, placement, keep=metric.__eq__).values())
