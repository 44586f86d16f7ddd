"""The printed tables against their own arithmetic, against each other, and against what the text says they show."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest

from ioadapt_theory.claims.settings.printed import (
    COMMONSENSE,
    GENEVAL,
    NUMBERS,
    TEST_SET,
    correct_answers,
    half_unit,
    table,
    values,
)

CELLS = {1: 90, 2: 72, 3: 30, 4: 6, 5: 27, 6: 72, 8: 288, 9: 45, 10: 24, 11: 30}

EACH_ROW = [(s, p) for s, p in product(("source", "target"), ("weight", "input", "output"))]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_cell_of_the_table_is_there(number):
    assert len(table(number)) == CELLS[number]
    assert {cell["side"] for cell in table(number)} <= {"source", "target"}
    assert all(0 < abs(float(c["value"])) <= 100 or c.get("quantity") == "diff" for c in table(number))


def test_there_are_3750_test_cases():
    assert 30 * 25 * 5 == 3750


class TestArithmetic:
    """Numbers that follow from other printed numbers."""

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

    @pytest.mark.parametrize("number", [5, 6])
    def test_percentages_are_whole_numbers_of_correct_answers(self, number):
        """Each printed percentage rounds k / n for a whole k and the public size n of its test set."""
        for cell in table(number):
            if cell["metric"] in TEST_SET[number]:
                printed, size = Decimal(cell["value"]), TEST_SET[number][cell["metric"]]
                exact = Fraction(100 * correct_answers(number, cell["metric"], printed), size)
                assert abs(exact - Fraction(printed)) <= Fraction(half_unit(printed)), cell

    @pytest.mark.parametrize("placement", ["weight", "input", "output"])
    def test_correct_images_of_the_six_tasks_of_table_5_add_up_to_all_correct_images(self, placement):
        row = {
            m: correct_answers(5, m, v)
            for (_, _, _, m), v in values(5, placement=placement).items()
            if m in TEST_SET[5]
        }
        assert sum(row[m] for m in GENEVAL) == row["Img. Acc."]


class TestAgreement:
    """Where tables repeat each other they print the same figure."""

    # Unreadable in one of the two tables and taken from the other, so no evidence of agreement.
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
