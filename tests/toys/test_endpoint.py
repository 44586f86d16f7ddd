"""The share of retraining's gain that is kept, and what is concluded of it."""

import numpy as np
import pytest

from toys.transfer.protocol import protocol
from toys.transfer.verdicts import endpoint
from toys.transfer.verdicts.endpoint import concluded, endpoints, shares
from toys.transfer.verdicts.judge import Verdict

PLAN = protocol("encoder")
SEEDS = 6


def record(lora: float, moved: float) -> dict:
    """Losses of 2 without an adapter and 1 with a retrained LoRA, so that a share is 2 - loss; small noise by seed."""
    noise = np.random.default_rng(0).normal(scale=1e-3, size=SEEDS)
    models = ("source", *PLAN.related)
    loss = {"no adapter": 2.0, "lora": 2 - lora, "input": 2 - moved, "output": 2 - lora, "lora, retrained": 1.0}
    return {"rows": {row: {m: list(value + noise * (row == "input")) for m in models} for row, value in loss.items()}}


def test_a_share_is_what_is_kept_of_what_retraining_gains():
    lora, moved, lead = shares(PLAN, record(0.5, 0.8), "input")
    assert lora == pytest.approx(np.full(SEEDS, 0.5))
    assert moved == pytest.approx(np.full(SEEDS, 0.8), abs=5e-3)
    assert lead == pytest.approx(np.full(SEEDS, 0.3), abs=5e-3)


@pytest.mark.parametrize(("moved", "word"), [(0.8, Verdict.BETTER), (0.2, Verdict.WORSE), (0.5, Verdict.SAME)])
def test_the_word_follows_the_difference_and_the_lead_on_the_source_is_taken_off(moved, word):
    ours = next(one for one in endpoints({"encoder": PLAN}, {"encoder": record(0.5, moved)}) if one.row == "input")
    assert ours.verdict is word
    assert ours.difference.mean == pytest.approx(moved - 0.5, abs=5e-3)
    assert ours.verdict_beyond is Verdict.SAME  # every model is alike here, so the lead explains all of it


def test_conclusions_are_corrected_together():
    gap = np.random.default_rng(1).normal(size=8) + 1.1
    assert concluded([gap]) == [Verdict.BETTER]
    assert concluded([gap] * 40) == [Verdict.INCONCLUSIVE] * 40


def test_nothing_is_divided_by_a_gain_near_zero():
    flat = record(0.5, 0.8)
    flat["rows"]["lora, retrained"] = flat["rows"]["no adapter"]
    assert endpoints({"encoder": PLAN}, {"encoder": flat}) == []


def test_every_recorded_study_has_its_line():
    table = endpoint.table(str)
    for one in endpoint.decided():
        if one.row in {"input", "output", "residual"}:
            assert f"({one.study})" in table
            assert f"{one.method.mean:.2f} {one.verdict}" in table
