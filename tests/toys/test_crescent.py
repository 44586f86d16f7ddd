import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from ioadapt_theory.adapters import layers
from toys.crescent import Config, main, run
from toys.plane.methods import ENDS, adapted, learned, moved, plain
from toys.plane.theory import expected, proposition
from toys.plane.world import Case, crescent, isotropic_moment, models, moment

SEEDS = (0, pytest.param(1, marks=pytest.mark.slow))


@cache
def rows(case: Case, seed: int) -> dict[str, dict[str, Any]]:
    return run(Config(case=case, seed=seed, steps=600))["rows"]


@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_measured_distance_is_the_expected_one_which_is_at_most_the_bound(case: Case, seed: int):
    for row in rows(case, seed).values():
        assert abs(row["distance"] - row["exact"]) <= 4 * row["distance_se"] + 1e-20, row["label"]
        for law in ("", "isotropic_"):
            bound = row[f"{law}bound"]
            assert bound is None or row[f"{law}exact"] <= bound * (1 + 1e-12) + 1e-25, row["label"]


@pytest.mark.parametrize("seed", SEEDS)
def test_with_the_same_function_input_and_output_adapters_keep_their_loss_and_lora_does_not(seed: int):
    for key, row in rows(Case.SAME_FUNCTION, seed).items():
        lost = row["loss_target"] - row["loss_source"]
        assert lost > 1 if key.startswith("lora") else abs(lost) < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_with_another_function_lora_on_the_first_map_keeps_the_distance_and_the_others_enlarge_it(seed: int):
    measured = {key: row["distance"] for key, row in rows(Case.OTHER_FUNCTION, seed).items()}
    assert measured["lora-1"] == pytest.approx(measured["base"], rel=1e-9)
    assert min(measured[key] for key in ("input", "output", "lora-2")) > 1.1 * measured["base"]
    best = min(ENDS, key=lambda key: rows(Case.OTHER_FUNCTION, seed)[key]["loss_target"])
    assert best == "lora-1"


def test_the_moment_is_that_of_the_samples():
    x = torch.cat([crescent(200_000, torch.Generator().manual_seed(3)), torch.ones(200_000, 1)], dim=1)
    products = x[:, :, None] * x[:, None, :]
    error = products.std(0) / len(x) ** 0.5
    assert ((products.mean(0) - moment()).abs() <= 4 * error + 1e-12).all()
    assert isotropic_moment().trace() == pytest.approx(moment().trace())


@pytest.mark.parametrize("key", [key for key, method in ENDS.items() if method.proposition])
@pytest.mark.parametrize("case", [Case.SAME_FUNCTION, Case.OTHER_FUNCTION])
def test_the_propositions_closed_form_is_that_of_the_merged_maps(key: str, case: Case):
    source, target = models(case, torch.Generator().manual_seed(5))
    one = adapted(source, ENDS[key], rank=2, seed=0)
    for layer in layers(one).values():
        torch.nn.init.normal_(layer.adapters["default"][ENDS[key].placement].B)
    (ab,) = learned(one).values()
    exact, bound = proposition(ENDS[key], ab, source, target, moment())
    merged = expected(plain(one), plain(moved(one, target)), moment())
    assert exact == pytest.approx(merged, rel=1e-10, abs=1e-25)
    assert merged <= bound * (1 + 1e-12) + 1e-25


@pytest.mark.parametrize("case", Case)
def test_the_command_writes_picture_and_record(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--case", case, "--steps", "5", "--samples", "30", "--out", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"crescent-{case}.{s}" for s in ("json", "png", "svg")]
    record = json.loads((tmp_path / f"crescent-{case}.json").read_text())
    assert record["config"] == {"case": case, "seed": 0, "steps": 5, "rank": 2, "samples": 30, "device": "cpu"}
    screen, err = capsys.readouterr()
    assert all(row["label"] in screen for row in record["results"]["rows"].values())
    assert err == ""
