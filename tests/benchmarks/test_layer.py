import pytest
import torch
from torch import nn

from benchmarks import bars, blocks, peers
from benchmarks.__main__ import PARTS, main
from benchmarks.cells import SECTIONS, Setting, Shape, linear
from benchmarks.counting import launches
from benchmarks.measure import peak, saved

pytestmark = pytest.mark.usefixtures("float32")


def test_peak_and_saved_count_bytes():
    x = torch.randn(100, 30, requires_grad=True)
    w = torch.randn(30, 50)
    assert peak(lambda: x @ w) == 4 * 100 * 50
    assert saved(lambda x: (x @ w).exp(), x, [w]) == 4 * 100 * 50  # exp saves its result
    assert saved(lambda x: x @ w, x, [w]) == 0


@pytest.mark.parametrize(
    ("family", "rank", "placement"), [("dora", 4, "weight"), ("lokr", 128, "input"), ("loha", 4, "output")]
)
def test_contenders_are_the_same_function_and_a_cell_has_every_figure(family, rank, placement):
    cell = linear(Setting(quick=True), Shape("tiny", 8, 12, 20), family, rank, placement, memory=True)
    assert all(set(cell[key]) == {"base", "ours", "peer"} for key in ("train", "peak", "saved"))


@pytest.mark.parametrize("placement", ["weight", "input", "output"])
@pytest.mark.parametrize(("family", "rank"), [("lora", 16), ("dora", 16), ("lokr", 128)])
def test_layers_start_no_more_kernels_and_move_fewer_bytes_than_the_peers(family, rank, placement):
    counts = launches(family, rank, placement)
    made, cast = counts["launches"], counts["cast"]
    assert made["base"]["kernels"] == cast["base"] == 2
    assert made["ours"]["kernels"] <= 0.9 * made["peer"]["kernels"]
    assert made["ours"]["bytes"] <= 0.9 * made["peer"]["bytes"]
    assert cast["ours"] <= 0.9 * cast["peer"]
    assert not {"_local_scalar_dense", "nonzero"} & set(made["ours"]["which"])  # these operations wait for the GPU


def test_layers_that_differ_are_not_compared(monkeypatch):
    monkeypatch.setattr(peers, "naive", lambda *_: peers.Contender(nn.Linear(12, 20), []))
    with pytest.raises(AssertionError):
        linear(Setting(quick=True), Shape("tiny", 8, 12, 20), "lora", 4, "input")


def test_bars_name_the_cell_that_decides_and_hold_in_both_ways():
    def cell(shape: str, ours: float) -> dict:
        common = {"shape": shape, "family": "lora", "rank": 4, "placement": "output"}
        return {**common, "train": {"base": 1.0, "ours": ours, "peer": 2.0}, "peak": {"base": 1, "ours": 2, "peer": 3}}

    results = {
        "returned": {"training": [cell("fast", 1.0), cell("slow", 4.0)], "importing": [{"ours": 1.1, "torch": 1.0}]},
        "kept": {"training": [cell("fast", 1.0), cell("slow", 9.0)]},
    }
    found = {bar.what: bar for bar in bars.bars(results)}
    slowest = found["training: slowest cell, ours / peer"]
    assert (slowest.measured, slowest.kept, slowest.reached) == (2.0, 4.5, False)
    assert slowest.decided_by == "lora 4 output slow"
    added = found["lora: added time, ours / peer"]
    assert (added.measured, added.kept, added.reached) == (pytest.approx(1.0), pytest.approx(2.0), False)
    assert found["import beyond torch, CPU s"].reached
    assert bars.at_most("", 1.0, 0.9, 1.1).reached is False


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_a_device_that_is_not_there_is_one_sentence(capsys):
    assert main(["layer", "--device", "cuda"]) == 2
    assert capsys.readouterr().err.startswith("benchmarks: torch finds no CUDA device, so that --device must be cpu")
    assert set(PARTS) == set(SECTIONS)


def test_a_whole_step_trains_the_adapters_alone():
    models = blocks.adapted(blocks.BLOCKS["unet"], "dora", 2, "cpu")
    assert set(models) == {"base", "peer", "weight", "input", "output"}
    x = torch.randn(1, 320, 4, 4, requires_grad=True)
    expected = models["base"](x)
    for model in models.values():
        torch.testing.assert_close(model(x), expected, rtol=1e-3, atol=1e-4)
        own = [p for p in model.parameters() if p.requires_grad]
        blocks.training_step(model, own, x)()
        assert x.grad is not None
