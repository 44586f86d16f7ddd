"""The bench of the layer compares layers that agree, counts what it says, and judges by the cells it was given."""

import pytest
import torch
from torch import nn

from benchmarks import bars
from benchmarks.measure import alternate, peak, saved


@pytest.fixture(autouse=True)
def _float32():
    torch.set_default_dtype(torch.float32)


def test_peak_and_saved_count_bytes():
    x = torch.randn(100, 30, requires_grad=True)
    w = torch.randn(30, 50)
    assert peak(lambda: x @ w) == 4 * 100 * 50
    assert saved(lambda x: (x @ w).exp(), x, [w]) == 4 * 100 * 50  # exp keeps its result
    assert saved(lambda x: x @ w, x, [w]) == 0


def test_alternate_runs_each_call_equally_often():
    counts = {"a": 0, "b": 0}

    def count(name: str) -> None:
        counts[name] += 1

    times = alternate({name: lambda name=name: count(name) for name in counts}, seconds=0, rounds=(3, 9))
    assert counts == {"a": 4, "b": 4}
    assert all(t >= 0 for t in times.values())


@pytest.mark.parametrize("placement", ["weight", "input", "output"])
@pytest.mark.parametrize(("family", "rank"), [("lora", 4), ("dora", 4), ("lokr", 128), ("loha", 4)])
def test_contenders_are_the_same_function_and_a_cell_has_every_figure(family, rank, placement):
    pytest.importorskip("peft")
    pytest.importorskip("lycoris")
    from benchmarks.layer import Shape, training

    cell = training(Shape("tiny", 8, 12, 20, bias=True), family, rank, placement, seconds=0)
    others = {"base", "ours", *(["peft", "lycoris"] if placement == "weight" else ["naive"])}
    assert all(set(cell[key]) == others for key in ("train", "forward", "peak", "saved"))


def test_three_layers_on_one_x_are_measured_shared_and_apart():
    pytest.importorskip("peft")
    pytest.importorskip("lycoris")
    from benchmarks.layer import Shape, sharing

    cell = sharing(Shape("tiny", 8, 12, 12), "lora", 2, "weight", seconds=0)
    assert set(cell["train"]) == set(cell["peak"]) == {"base", "ours", "shared", "peft"}


def test_layers_that_differ_are_not_compared(monkeypatch):
    pytest.importorskip("peft")
    from benchmarks import layer, peers

    monkeypatch.setattr(peers, "naive", lambda *_: peers.Contender(nn.Linear(12, 20), []))
    with pytest.raises(AssertionError, match="naive"):
        layer.contenders(layer.Shape("tiny", 8, 12, 20), "lora", 4, "input", torch.float32)


def test_bars_name_the_cell_that_decides():
    def cell(shape: str, ours: float) -> dict:
        times = {"base": 1.0, "ours": ours, "peft": 2.0}
        common = {"family": "lora", "rank": 4, "placement": "weight", "wide": True, "allowed": 10}
        return {"shape": shape, **common, "train": times, "peak": times, "saved": {"ours": 5}}

    results = {
        "training": [cell("fast", 1.0), cell("slow", 4.0)],
        **{section: [] for section in ("autocast", "sharing", "decoding", "merging", "convolutions")},
        "importing": {"ours": 1.1, "torch": 1.0},
    }
    found = {bar.what: bar for bar in bars.bars(results)}
    total = found["all families, placements and shapes: peer / ours"]
    assert (total.measured, total.reached) == (pytest.approx(1.0), False)
    worst = next(bar for what, bar in found.items() if what.startswith("lora 4, c = d"))
    assert (worst.measured, worst.reached, worst.decided_by) == (4.0, False, "lora 4 weight slow")
