"""Files that the real LyCORIS writes are read, and do the same; what we write for it is read there."""

import copy

import lycoris
import pytest
import torch
from torch.testing import assert_close

from ioadapt_theory.adapters.formats import load
from tests.adapters.foreign import Small, filled, quiet

pytestmark = pytest.mark.filterwarnings("ignore")

CASES = {
    "lora": {"algo": "lora", "linear_dim": 3, "linear_alpha": 5, "conv_dim": 2, "conv_alpha": 1},
    "lora-alpha-0": {"algo": "lora", "linear_dim": 3, "linear_alpha": 0},
    "lora-rs": {"algo": "lora", "linear_dim": 4, "linear_alpha": 3, "rs_lora": True},
    "lora-tucker": {"algo": "lora", "linear_dim": 3, "linear_alpha": 1, "use_tucker": True},
    "lora-scalar": {"algo": "lora", "linear_dim": 3, "linear_alpha": 1, "use_scalar": True},
    "dora": {"algo": "lora", "linear_dim": 3, "linear_alpha": 5, "dora_wd": True},
    "loha": {"algo": "loha", "linear_dim": 3, "linear_alpha": 5},
    "loha-tucker": {"algo": "loha", "linear_dim": 3, "linear_alpha": 5, "use_tucker": True},
    "lokr": {"algo": "lokr", "linear_dim": 2, "linear_alpha": 5, "factor": 4},
    "lokr-rs": {"algo": "lokr", "linear_dim": 2, "linear_alpha": 5, "factor": 2, "rs_lora": True},
    "lokr-whole": {"algo": "lokr", "linear_dim": 100000, "linear_alpha": 1, "factor": 4},
    "lokr-full-matrix": {"algo": "lokr", "linear_dim": 4, "linear_alpha": 1, "full_matrix": True},
    "lokr-both": {"algo": "lokr", "linear_dim": 1, "linear_alpha": 3, "factor": 4, "decompose_both": True},
    "lokr-tucker": {"algo": "lokr", "linear_dim": 2, "linear_alpha": 3, "factor": 2, "use_tucker": True},
    "lokr-unbalanced": {
        "algo": "lokr",
        "linear_dim": 1,
        "linear_alpha": 3,
        "factor": 4,
        "unbalanced_factorization": True,
    },
    "glora": {"algo": "glora", "linear_dim": 3, "linear_alpha": 5},
}


@pytest.fixture(autouse=True)
def _float32(_float64_one_thread_fixed_seed: None) -> None:
    """LyCORIS builds its layers in the default dtype; the autouse fixture named above puts it back."""
    torch.set_default_dtype(torch.float32)


def trained(options: dict, base: torch.nn.Module) -> tuple[lycoris.LycorisNetwork, torch.nn.Module]:
    """A model wrapped by LyCORIS, with every parameter random."""
    model = copy.deepcopy(base)
    lycoris.LycorisNetwork.apply_preset({"target_module": [], "target_name": [".*"]})
    network = quiet(lambda: lycoris.create_lycoris(model, 1.0, **options))
    quiet(network.apply_to)
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
    ours = copy.deepcopy(base)
    report = load(ours, tmp_path / "file.safetensors")
    assert sorted(report.matched) == ["block.to_out.0", "block.to_q", "conv_in", "proj"]
    assert (expected - base(image)).abs().max() > 1e-2
    assert_close(ours(image), expected, rtol=1e-5, atol=1e-5)
