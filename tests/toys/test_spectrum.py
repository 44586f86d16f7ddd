import re
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
PAGE, TABLES = ((DOCS / name).read_text(encoding="utf-8") for name in ("transfer.md", "results.md"))


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


def by_hand(kind: str, level: str, row: str) -> tuple[float, float]:
    """Return the mean of the families' means, and half the width of Welch's interval, computed independently."""
    found = []
    for seeds in RECORD["families"].values():
        some = [one["targets"][kind][level] for one in seeds]
        found.append([max(-1.0, at["gain"][row] / at["retrained"]) for at in some])
    n = len(found)
    errors = [(np.std(s, ddof=1) / len(s) ** 0.5 / n) ** 2 for s in found]
    df = sum(errors) ** 2 / max(sum(e**2 / (len(s) - 1) for e, s in zip(errors, found, strict=True)), 1e-30)
    half = stats.t.ppf(0.975, max(df, 1)) * sum(errors) ** 0.5 if sum(errors) else 0.0
    return float(np.mean([np.mean(s) for s in found])), float(half)


def test_the_tables_of_the_page_are_those_of_the_record():
    text = TABLES.partition("<!-- drift-tables:")[2].partition("<!-- end of drift-tables -->")[0]
    tables = re.findall(r"Target ([^\n]*):\n\n((?:\|[^\n]*\n)+)", text)
    assert [words for words, _ in tables] == list(bins.KINDS.values())
    for kind, (_, table) in zip(bins.KINDS, tables, strict=True):
        _, _, *lines = table.splitlines()
        assert len(lines) == len(bins.ROWS)
        for row, line in zip(bins.ROWS, lines, strict=True):
            cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
            for level, cell in zip(bins.levels(RECORD, kind), cells, strict=True):
                mean, half = (float(x) for x in cell.split(" ± "))
                expected = by_hand(kind, level, row)
                assert (mean, half) == pytest.approx(expected, abs=0.006), (kind, level, row)


def test_every_number_of_the_findings_follows_from_the_record():
    """The sentences are generated from the record; the important numbers are recomputed here."""
    for sentence in output.findings(RECORD):
        assert sentence in PAGE
    near, far = "0.99", "0.3"
    for row in ("lora", CARRIED):
        for level in (near, far):
            mean, half = by_hand("drift", level, row)
            assert f"{mean:.2f} ± {half:.2f}" in PAGE


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
