from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from toys.drift import bins, output
from toys.drift.families import FAMILIES, Family, cosine, data, renumbered
from toys.drift.moves import CARRIED, CEILING, GAUGED, LEVELS
from toys.transfer.protocol import protocol
from toys.transfer.records import DATA, read
from toys.transfer.runs import COPIED
from toys.transfer.verdicts import carried

RECORD = read(DATA / "spectrum.json")
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "drift.md").read_text(encoding="utf-8")


def blank(name: str) -> tuple[Family, torch.nn.Module]:
    of = FAMILIES[name]
    torch.manual_seed(0)
    return of, of.blank()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_gauge_changes_every_adapted_weight_and_not_the_function(name: str):
    of, model = blank(name)
    other = renumbered(model, 3)
    x = data().inputs[0][:5]
    torch.testing.assert_close(other(x), model(x), rtol=1e-4, atol=1e-5)
    for layer in of.layers:
        assert not torch.allclose(other.get_submodule(layer).weight, model.get_submodule(layer).weight, atol=1e-3)


def test_a_model_drifts_to_the_levels_and_the_source_stays():
    of, source = blank("perceptron")
    before = [p.clone() for p in source.parameters()]
    found = of.drifted(source, (0.99, 0.95), 1, "quick")
    assert list(found) == [0.99, 0.95]
    assert all(0 < cosine(source, target, of.layers) < 0.99 for target in found.values())
    assert all(torch.equal(p, q) for p, q in zip(source.parameters(), before, strict=True))


def test_no_row_that_is_measured_is_one_that_an_adapter_is_carried_over_by():
    rows = {tuple(row.tolist()) for row in data().test[0]}
    assert not any(tuple(row.tolist()) in rows for row in data().inputs[0])


def test_the_record_has_every_target_of_every_seed():
    assert set(RECORD["families"]) == set(FAMILIES)
    for name, seeds in RECORD["families"].items():
        assert len(seeds) == len(RECORD["config"]["seeds"][name]) >= 26
        for one in seeds:
            assert set(one["targets"]["drift"]) == {f"{level:g}" for level in (1.0, *LEVELS["full"])}, name
            assert set(one["targets"]["gauge"]) == {f"{level:g}" for level in GAUGED}
            for targets in one["targets"].values():
                for level, at in targets.items():
                    assert at[CEILING] > 0
                    assert at["cosine"] <= float(level) + 0.1


def by_hand(name: str, kind: str, level: str, row: str) -> np.ndarray:
    targets = [one["targets"][kind][level] for one in RECORD["families"][name]]
    return np.array([max(-1.0, at["gain"][row] / at["retrained"]) for at in targets])


def interval(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


PLACES = [("drift", f"{level:g}") for level in LEVELS["full"]] + [("gauge", f"{level:g}") for level in GAUGED]
PLACES += [("apart", "0")]


def test_the_table_of_the_page_is_that_of_the_record():
    text = PAGE.partition("<!-- spectrum:")[2].partition("<!-- end of spectrum -->")[0]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith(("| perc", "| conv"))]
    assert len(lines) == len(PLACES) * len(FAMILIES)
    places = [(name, *place) for name in RECORD["families"] for place in PLACES]
    for cells, (name, kind, level) in zip(lines, places, strict=True):
        family, words, cosine, *values = (cell.strip() for cell in cells)
        assert (family, words) == (name, bins.KINDS[kind])
        of = [one["targets"][kind][level]["cosine"] for one in RECORD["families"][name]]
        assert float(cosine) == pytest.approx(np.mean(of), abs=0.0051)
        for row, cell in zip(bins.ROWS, values, strict=True):
            found = tuple(float(x) for x in cell.split(" ± "))
            assert found == pytest.approx(interval(by_hand(name, kind, level, row)), abs=0.0051), (name, kind, level)


def test_every_number_of_the_findings_follows_from_the_record():
    for sentence in output.findings(RECORD):
        assert sentence in PAGE
    for name in FAMILIES:
        gaps = [interval(by_hand(name, *at, CARRIED) - by_hand(name, *at, "lora")) for at in PLACES]
        more = sum(mean > half for mean, half in gaps)
        assert f"{bins.ROWS[CARRIED]}: more on {more}, less on {sum(-m > half for m, half in gaps)}" in PAGE
        wrong = [
            at["predicted"][CARRIED] - at["gain"][CARRIED] / one["source"]["lora"]
            for one in RECORD["families"][name]
            for at in (one["targets"][kind][level] for kind, level in PLACES)
        ]
        high, low = (np.array(wrong) > 0.3).sum(), (np.array(wrong) < -0.3).sum()
        assert f"Of the {len(wrong)} predictions for carried-over LoRAs, {high} are" in PAGE
        assert f"too high by over 0.3 and {low} too low" in PAGE


def test_what_a_carried_over_lora_keeps_is_of_the_gain_on_the_source_and_of_retraining():
    plan = protocol("encoder")
    flat = {model: [3.0, 3.0] for model in ("source", *plan.targets)}
    rows = {
        "no adapter": flat,
        "lora": {"source": [2.0, 2.0]},
        "lora, retrained": {target: [1.0, 1.0] for target in plan.related},
    }
    rows |= {COPIED: flat, carried.CARRIED: {target: [2.5, 1.5] for target in plan.targets}}
    assert carried.kept(rows, carried.CARRIED, "continued").tolist() == [0.5, 1.5]
    assert carried.share(plan, {"rows": rows}, carried.CARRIED).tolist() == [0.25, 0.75]
    assert carried.share(plan, {"rows": rows}, COPIED).tolist() == [0.0, 0.0]
