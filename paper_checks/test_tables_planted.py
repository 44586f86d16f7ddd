"""What is said of the tables is counted: other figures in them, level or a unit lower, change the verdicts."""

from collections.abc import Callable
from decimal import Decimal
from itertools import product

import pytest

from ioadapt_theory.claims.settings import printed
from ioadapt_theory.claims.settings.printed import Cell
from ioadapt_theory.claims.words import tables

STATEMENTS: dict[str, Callable[[], tuple[bool, str]]] = {
    "tables_1_and_2": tables.tables_1_and_2,
    "table_8": tables.table_8,
    "on_par": tables.on_par,
    "prompt_fidelity": tables.prompt_fidelity,
    "ranks": tables.ranks,
    "seeds": tables.seeds,
    "distilled": tables.distilled,
    "geneval": tables.geneval,
    "geneval_overall": tables.geneval_overall,
    "over the weights": tables.language("weight"),
    "over the outputs": tables.language("output"),
    "subspace": tables.subspace,
}
NEVER_BELOW = {"tables_1_and_2", "table_8", "on_par", "ranks"}
ALL_BETTER = {*STATEMENTS} - {"on_par", "prompt_fidelity"}
WHOLE = {number: printed.table(number) for number in printed.NUMBERS}
Change = Callable[[Cell], int | None]
"""By how many thousandths a cell is above one half; None leaves it as it is printed."""


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], set[str]]:
    """Print other figures, with deviations of 1/1000, and say which statements are true of them."""

    def other(cell: Cell, change: Change) -> Cell:
        thousandths = change(cell)
        if thousandths is None:
            return cell
        middle = 0 if cell.get("quantity") == "diff" else Decimal("0.5")
        return {**cell, "value": str(middle + Decimal(thousandths) / 1000), **{k: "0.001" for k in cell if k == "std"}}

    def true(change: Change) -> set[str]:
        changed = {number: tuple(other(cell, change) for cell in cells) for number, cells in WHOLE.items()}
        for module in (printed, tables):
            monkeypatch.setattr(module, "table", changed.__getitem__)
        return {name for name, counts in STATEMENTS.items() if counts()[0]}

    return true


def better(cell: Cell) -> int:
    """Input above output, output above every other."""
    return {"input": 4, "output": 2}.get(cell["placement"], 0)


def test_where_all_are_level_none_is_above_and_none_below(plant: Callable[[Change], set[str]]) -> None:
    assert plant(lambda cell: 0) == NEVER_BELOW


def test_a_gain_counts_from_the_deviation_on(plant: Callable[[Change], set[str]]) -> None:
    assert plant(better) | {"on_par"} == ALL_BETTER | {"on_par"}
    for at_most, above in ((1, set()), (2, {"seeds"})):
        for sign in (1, -1):
            assert plant(lambda c, size=sign * at_most: size if c.get("quantity") else 0) & {"seeds"} == above


def target(number: int, placement: str, metric: str) -> Cell:
    """The last such cell of a table."""
    return [c for c in WHOLE[number] if [c["side"], c["placement"], c["metric"]] == ["target", placement, metric]][-1]


SIDES, IMAGES = ("input", "output"), ("CLIP-I", "DINO-I")


@pytest.mark.parametrize(
    ("number", "sides", "metrics", "at_level", "below"),
    [
        (1, SIDES, IMAGES, set(), {"tables_1_and_2"}),
        (2, SIDES, IMAGES, set(), {"tables_1_and_2"}),
        (8, SIDES, IMAGES, set(), {"table_8"}),
        (9, SIDES, IMAGES, set(), {"ranks"}),
        (3, ("input",), ("CLIP-T", *IMAGES), {"distilled"}, {"distilled"}),
        (5, ("input",), ("Pos.", "Img. Acc."), {"geneval"}, {"geneval"}),
        (5, ("input",), ("Overall",), {"geneval_overall"}, {"geneval_overall"}),
        (
            6,
            ("input",),
            ("PIQA", "MBPP"),
            {"over the weights", "over the outputs"},
            {"over the weights", "over the outputs"},
        ),
        (6, SIDES, ("Avg.",), set(), set()),
        (10, SIDES, IMAGES, {"subspace"}, {"subspace"}),
    ],
)
def test_a_single_cell_of_a_table_decides(
    plant: Callable[[Change], set[str]],
    number: int,
    sides: tuple[str, ...],
    metrics: tuple[str, ...],
    at_level: set[str],
    below: set[str],
) -> None:
    for placement, metric in product(sides, metrics):
        for height, fallen in ((0, at_level), (-1, below)):
            cell = target(number, placement, metric)
            true = plant(lambda c, cell=cell, height=height: height if c is cell else better(c))
            assert ALL_BETTER - true == fallen, (placement, metric, height)


def test_table_6_compares_with_the_output_adapter_too(plant: Callable[[Change], set[str]]) -> None:
    cell = target(6, "input", "PIQA")
    assert ALL_BETTER - plant(lambda c: 2 if c is cell else better(c)) == {"over the outputs"}


@pytest.mark.parametrize("placement", SIDES)
def test_the_fidelity_to_prompts_falls_where_one_placement_loses_one_cell(
    plant: Callable[[Change], set[str]], placement: str
) -> None:
    cell = target(8, placement, "CLIP-T")
    assert "prompt_fidelity" in plant(lambda c: -int(c is cell))
    assert "prompt_fidelity" not in plant(lambda c: int(c is cell))


@pytest.mark.parametrize("placement", SIDES)
def test_a_metric_that_always_moves_on_the_source_tells_a_placement_apart(
    plant: Callable[[Change], set[str]], placement: str
) -> None:
    """13 of 16 cells: p = 0.021; 12 of 16: p = 0.077."""
    for metric in ("CLIP-T", *IMAGES):
        where = ["source", placement, metric]
        cells = [c for c in WHOLE[8] if [c["side"], c["placement"], c["metric"]] == where]
        for sign, (wins, on_par) in product((1, -1), ((13, False), (12, True))):
            up = {id(c): sign if k < wins else -sign for k, c in enumerate(cells)}
            assert ("on_par" in plant(lambda c, up=up: up.get(id(c), 0))) == on_par
