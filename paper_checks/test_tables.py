"""Checks of the arithmetic and the consistency of the printed tables, and counts of wins, ties and losses.

The counts are compared with those in the claims ``tables-*``.
"""

import csv
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import comb

import pytest

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.printed import FOLDER, cells, table, values

COMMONSENSE = ("BoolQ", "PIQA", "SIQA", "HellaSwag", "WinoGrande", "ARC-e", "ARC-c", "OBQA")
GENEVAL = ("Two Obj.", "Pos.", "Cnt.", "Sin. Obj.", "Col.", "Col. Attr.")


def half_unit(printed: Decimal) -> Decimal:
    """Return half a unit of the last printed digit, which is the maximum rounding error."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(5).scaleb(exponent - 1)


CELLS = {1: 90, 2: 72, 3: 30, 4: 6, 5: 27, 6: 72, 8: 288, 9: 45, 10: 24, 11: 30}

EACH_ROW = [(s, p) for s, p in product(("source", "target"), ("weight", "input", "output"))]


@pytest.mark.parametrize("number", CELLS)
def test_every_cell_of_the_table_is_there(number):
    assert len(values(number)) == len(table(number)) == CELLS[number]  # none is there twice
    assert {cell["side"] for cell in table(number)} <= {"source", "target"}
    assert all(0 < abs(float(c["value"])) <= 100 or c.get("quantity") == "diff" for c in table(number))


class TestArithmetic:
    """Numbers that follow from other printed numbers are consistent with them."""

    @pytest.mark.parametrize(("side", "placement"), EACH_ROW)
    def test_averages_of_table_6_are_the_means_of_the_eight_commonsense_columns(self, side, placement):
        row = {metric: v for (_, _, metric), v in values(6, side=side, placement=placement).items()}
        mean = sum(row[m] for m in COMMONSENSE) / len(COMMONSENSE)
        assert abs(mean - row["Avg."]) <= half_unit(row["Avg."])

    @pytest.mark.parametrize("placement", ["weight", "input", "output"])
    def test_overall_of_table_5_is_the_mean_of_the_six_tasks(self, placement):
        row = {metric: v for (_, _, _, metric), v in values(5, placement=placement).items()}
        mean = sum(row[m] for m in GENEVAL) / len(GENEVAL) / 100
        assert abs(mean - row["Overall"]) <= half_unit(row["Overall"])

    @pytest.mark.parametrize(("side", "placement"), list(product(("source", "target"), ("input", "output"))))
    def test_differences_of_table_11_are_the_differences_of_its_rows(self, side, placement):
        printed = values(11, side=side, quantity="diff", placement=placement)
        base = values(11, side=side, quantity="value", placement="weight")
        mine = values(11, side=side, quantity="value", placement=placement)
        assert printed == {key: mine[key] - base[key] for key in printed}
        assert len(printed) == 3

    def test_deviations_of_table_11_can_belong_to_paired_differences(self):
        """|σ_a - σ_b| <= σ_(a-b) <= σ_a + σ_b for any correlation; each figure is rounded to .001."""
        std = {tuple(c[k] for k in ("side", "placement", "metric", "quantity")): Decimal(c["std"]) for c in table(11)}
        slack = Decimal("0.0015")
        diffs = [key for key in std if key[3] == "diff"]
        assert len(diffs) == 12
        for side, placement, metric, _ in diffs:
            a, b = std[side, placement, metric, "value"], std[side, "weight", metric, "value"]
            assert abs(a - b) - slack <= std[side, placement, metric, "diff"] <= a + b + slack


class TestAgreement:
    # Some cells are illegible in one table and copied from the other, so they are no evidence of agreement.
    BORROWED = (("target", "DoRA", "output", "DINO-I"), ("target", "LoHa", "output", "DINO-I"))

    def test_tables_1_and_8_agree_on_lora(self):
        one = {key: v for key, v in values(1, peft="LoRA").items() if key[1] != "SD-XL (cross-attn)"}
        assert one == values(8, peft="LoRA")
        assert len(one) == 72

    def test_tables_2_and_8_agree_on_flux(self):
        two, eight = values(2, model="FLUX"), values(8, model="FLUX")
        assert two.keys() == eight.keys()
        readable = two.keys() - set(self.BORROWED)
        assert len(readable) == 70
        assert {key: two[key] for key in readable} == {key: eight[key] for key in readable}

    def test_table_9_at_rank_4_repeats_the_flux_target_of_table_1(self):
        nine = values(9, peft="LoRA r=4", side="target", model="FLUX-1.schnell")
        assert nine == values(1, peft="LoRA", side="target", model="FLUX")

    @pytest.mark.parametrize("side", ["source", "target"])
    @pytest.mark.parametrize(("number", "where"), [(10, {}), (11, {"quantity": "value"})])
    def test_tables_10_and_11_repeat_the_flux_rows_of_table_1(self, number, where, side):
        later = {key[1:]: v for key, v in values(number, side=side, peft="LoRA", **where).items()}
        assert later == values(1, side=side, model="FLUX", peft="LoRA")


KINDS = ("wins", "ties", "losses")
TABLE_8 = {  # wins-ties-losses over 4 models x 4 families
    ("source", "input"): {"CLIP-T": "9-2-5", "CLIP-I": "10-1-5", "DINO-I": "9-0-7"},
    ("source", "output"): {"CLIP-T": "6-3-7", "CLIP-I": "11-0-5", "DINO-I": "10-0-6"},
    ("target", "input"): {"CLIP-T": "5-3-8", "CLIP-I": "15-1-0", "DINO-I": "13-3-0"},
    ("target", "output"): {"CLIP-T": "5-3-8", "CLIP-I": "14-1-1", "DINO-I": "15-0-1"},
}


@pytest.mark.parametrize(("side", "placement"), TABLE_8)
def test_wins_of_table_8_are_those_counted_from_the_file_alone(side, placement):
    rows = [line.split(",") for line in (FOLDER / "table8.csv").read_text(encoding="utf-8").split()[1:]]
    milli = {(s, m, f, p, q): round(1000 * float(v)) for s, m, f, p, q, v in rows}
    for metric, printed in TABLE_8[side, placement].items():
        counts = [0, 0, 0]
        for s, m, f, p, q in milli:
            if (s, p, q) == (side, placement, metric):
                d = milli[s, m, f, p, q] - milli[s, m, f, "weight", q]
                counts[(d < 0) * 2 + (d == 0)] += 1
        n, k = counts[0] + counts[2], min(counts[0], counts[2])
        where = f"Table 8|{side}|{placement} over weight|{metric}"
        assert printed == "-".join(map(str, counts)) == "-".join(str(cells(f"{x}|{where}")) for x in KINDS)
        assert cells(f"sign test|{where}") == pytest.approx(min(1, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n))


IMAGE, SIDES = ("CLIP-I", "DINO-I"), ("input", "output")
SCORES = {  # claim: table, placement, baseline, metrics (all but averages by default)
    "consistent": [(n, p, "weight", IMAGE) for n in (1, 2) for p in SIDES],
    "consistent-all": [(8, p, "weight", IMAGE) for p in SIDES],
    "prompt-fidelity": [(8, p, "weight", ("CLIP-T",)) for p in SIDES],
    "ranks": [(9, p, "weight", IMAGE) for p in SIDES],
    **{name: [(n, "input", "weight", ())] for name, n in (("distilled", 3), ("geneval", 5), ("language-lora", 6))},
    "language-output": [(6, "input", "output", ())],
    "choices": [(2, "output", "input", IMAGE)],
}


def rows(number):
    lines = (FOLDER / f"table{number}.csv").read_text(encoding="utf-8").splitlines()
    return [r for r in csv.DictReader(lines) if r["side"] == "target"]


def counts(name: str, number: int, mine: str, base: str, metrics: tuple[str, ...]) -> list[int]:
    value = {
        (r["model"], r["peft"], r["metric"], r["placement"]): round(1000 * float(r["value"])) for r in rows(number)
    }
    kept = [k[:3] for k in value if k[3] == base and k[2] not in ("Avg.", "Overall") and k[2] in (metrics or k)]
    signs = [value[*k, mine] - value[*k, base] for k in kept if (*k, mine) in value]
    assert signs, name
    return [sum((x > 0) - (x < 0) == s for x in signs) for s in (1, 0, -1)]


@pytest.mark.parametrize("name", SCORES)
def test_what_a_claim_counts_is_counted_from_the_file_alone(name):
    computed = dict(
        line.rsplit(" = ", 1) for p in CLAIMS[f"tables-{name}"].proofs for line in p.printed(CLAIMS[f"tables-{name}"])
    )
    said = Counter()
    for cell, number in computed.items():
        what, _, _, comparison, *_ = re.split(r"[(,] ?", cell)
        said[KINDS.index(what), comparison] += int(number)
    for number, mine, base, metrics in SCORES[name]:
        for kind, comparison in list(said):
            if comparison == f"{mine} over {base}":
                said[kind, comparison] -= counts(name, number, mine, base, metrics)[kind]
    assert set(said.values()) == {0}


def test_seeds_parity_and_layers_are_those_of_the_files():
    def values_of(name):
        return [Fraction(line.rsplit(" = ", 1)[1]) for p in CLAIMS[name].proofs for line in p.printed(CLAIMS[name])]

    gains = [r for r in rows(11) if r["quantity"] == "diff" and r["metric"] in IMAGE]
    within = [r for r in gains if abs(float(r["value"])) <= float(r["std"])]
    assert values_of("tables-seeds") == [len(within)]
    tests = [cells(f"sign test|Table 8|source|{p} over weight|{m}") for p in SIDES for m in ("CLIP-T", *IMAGE)]
    assert [x for x in values_of("tables-on-par") if x != Fraction(1, 20)] == tests
    other = {(r["model"], r["peft"], r["metric"], r["placement"]): float(r["value"]) for r in rows(10)}
    assert all(other["FLUX-1.schnell", "LoRA", m, p] > other["FLUX-1.schnell", "LoRA-X", m, "subspace"]
               for m in IMAGE for p in SIDES) == (set(values_of("tables-subspace")) == {0})  # fmt: skip
