import copy

import lycoris
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import merge, remove
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats import load, open_adapter, save
from tests.adapters.foreign import Small, filled
from tests.formats.refusals import refused

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("float32")]  # LyCORIS builds layers in it

CASES = {
    "lora": {"algo": "lora", "linear_dim": 3, "linear_alpha": 5, "conv_dim": 2, "conv_alpha": 1},
    "lora-rs": {"algo": "lora", "linear_dim": 4, "linear_alpha": 3, "rs_lora": True},
    "dora": {"algo": "lora", "linear_dim": 3, "linear_alpha": 5, "dora_wd": True},
    "loha": {"algo": "loha", "linear_dim": 3, "linear_alpha": 5},
    "lokr-rs": {"algo": "lokr", "linear_dim": 2, "linear_alpha": 5, "factor": 2, "rs_lora": True},
    "lokr-whole": {"algo": "lokr", "linear_dim": 100000, "linear_alpha": 1, "factor": 4},
    "lokr-both": {"algo": "lokr", "linear_dim": 1, "linear_alpha": 3, "factor": 4, "decompose_both": True},
}


def trained(options: dict, base: torch.nn.Module) -> tuple[lycoris.LycorisNetwork, torch.nn.Module]:
    """Return a LyCORIS network with random parameters, and the copy of the base that it adapts."""
    model = copy.deepcopy(base)
    lycoris.LycorisNetwork.apply_preset({"target_module": [], "target_name": [".*"]})
    network = lycoris.create_lycoris(model, 1.0, **options)
    network.apply_to()
    filled(network)
    network.eval()
    return network, model


@pytest.mark.parametrize("case", CASES)
def test_what_lycoris_writes_does_the_same_here(case, tmp_path):
    base, image = Small(), torch.randn(2, 3, 8, 8)
    network, theirs = trained(CASES[case], base)
    network.save_weights(str(tmp_path / "file.safetensors"), torch.float32, {})
    with torch.no_grad():
        expected = theirs(image)
    ours, again = copy.deepcopy(base), copy.deepcopy(base)
    report = load(ours, tmp_path / "file.safetensors")
    assert sorted(report.matched) == ["block.to_out.0", "block.to_q", "conv_in", "proj"]
    assert (expected - base(image)).abs().max() > 1e-2
    assert_close(ours(image), expected, rtol=1e-5, atol=1e-5)
    load(again, save(ours, tmp_path / "own"))
    assert_close(again(image), ours(image), rtol=0, atol=0)
    if "both" in case:  # a factor that is stored as a product
        return
    for stored in open_adapter(tmp_path / "file.safetensors").layers:
        same = stored.tensors_of(stored.adapter())
        assert all(
            torch.equal(t.flatten(), load_file(tmp_path / "file.safetensors")[stored.keys[role]].flatten())
            for role, t in same.items()
        )


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.norm, self.group = nn.Linear(6, 8), nn.LayerNorm(8), nn.GroupNorm(2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.group(self.norm(self.inner(x)))


def test_the_bias_of_a_full_change_is_a_part_of_it(tmp_path):
    base, x = Normed(), torch.randn(3, 6)
    network, theirs = trained({"algo": "full"}, base)
    network.save_weights(str(tmp_path / "file.safetensors"), torch.float32, {})
    ours, again = copy.deepcopy(base), copy.deepcopy(base)
    load(ours, tmp_path / "file.safetensors")
    assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    load(again, save(ours, tmp_path / "own"))
    assert torch.equal(again(x), ours(x))
    assert_close(merge(again)(x), ours(x), rtol=1e-5, atol=1e-5)
    assert_close(remove(ours)(x), base(x))


def test_trained_norms_are_not_read_and_named(tmp_path):
    network, _ = trained({"algo": "lora", "linear_dim": 2, "train_norm": True}, Normed())
    network.save_weights(str(tmp_path / "file.safetensors"), torch.float32, {})
    ours = Normed()
    refused(ours, tmp_path / "file.safetensors", r"keys that are not read \(4\): \S+ \(a trained norm\)")
    assert load(ours, tmp_path / "file.safetensors", strict=False).matched == ("inner",)


def test_what_lycoris_reads_otherwise_is_refused(tmp_path):
    dora, tucker = {"dora_wd": True, "wd_on_output": False}, {"use_tucker": True}
    cases = ((dora, "only one value for each of"), (tucker, "a Tucker core is not supported"))
    for options, told in (*cases, ({"algo": "glora"}, "an adapter of an unsupported kind: GLoRA")):
        network, _ = trained({"algo": "lora", "linear_dim": 2} | options, Small())
        network.save_weights(str(tmp_path / "file.safetensors"), torch.float32, {})
        for strict in (True, False):
            refused(Small(), tmp_path / "file.safetensors", told, UnsupportedError, strict=strict)
