"""Which files of a repository on a loopback hub are fetched, and when."""

import json
from pathlib import Path

import pytest
import torch
import transformers as hf
from safetensors.torch import save
from torch import nn

from ioadapt_theory.adapters.base_weights import checkpoint_weights
from ioadapt_theory.checkpoints import open_checkpoint
from ioadapt_theory.cli import main
from tests.adapters.foreign import quiet
from tests.checkpoints.hub import COMMIT, LoopbackHub, Repo
from tests.similarity.models import shapes, sharded, value, weights

SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
FILE = "unet/diffusion_pytorch_model.safetensors"
FP16 = "unet/diffusion_pytorch_model.fp16.safetensors"
TINY = weights("bk-sdm-tiny", 8)


def test_only_the_file_that_is_needed_is_fetched(hub: LoopbackHub, hub_cache: Path):
    expected = weights("sd15", 1)
    rest = {FP16: b"never read", "v1-5-pruned.ckpt": b"never read", "unet/config.json": b"{}"}
    hub.repos[SD15] = Repo({FILE: save(expected), **rest})
    with open_checkpoint("sd15", cache=hub_cache) as sd15:
        assert {n: t.shape for n, t in sd15.tensors.items()} == shapes("sd15")
        assert (sd15.name, sd15.revision, sd15.source) == ("sd15", COMMIT, f"{SD15} {FILE}")
        assert all(torch.equal(value(sd15, n), expected[n]) for n in expected)
    assert not any(path.endswith((*rest,)) for _, path in hub.log), "only the file that is needed"


def test_the_command_compares_half_precision_where_there_is_some_and_works_offline_afterwards(hub, hub_cache, capsys):
    values = weights("sd15", 1)
    hub.repos[SD15] = Repo({FILE: b"not asked for", FP16: save({n: w.half() for n, w in values.items()})})
    hub.repos["SimianLuo/LCM_Dreamshaper_v7"] = Repo({FILE: save(values)})
    command = ["similarity", "sd15", "lcm", "--variant", "fp16", "--cache", str(hub_cache), "--format", "json"]
    assert main(command) == 0
    online = capsys.readouterr().out
    told = json.loads(online)
    assert [(m["name"], m["revision"], m["dtype"]) for m in told["models"]] == [
        ("sd15", COMMIT, "float16"), ("lcm", COMMIT, "float32")
    ]  # fmt: skip
    assert told["pairs"][0]["mean"] == pytest.approx(1, abs=1e-6)
    hub.log.clear()
    assert main([*command, "--offline"]) == 0
    assert (capsys.readouterr().out, hub.log) == (online, [])


@pytest.mark.parametrize("how", ["option", "environment"])
def test_offline_works_from_the_cache_and_asks_nobody(hub: LoopbackHub, hub_cache: Path, how: str, monkeypatch):
    hub.repos["some/model"] = Repo({f"transformer/{n}": b for n, b in sharded(TINY).items()})
    open_checkpoint("some/model", cache=hub_cache).close()
    hub.log.clear()
    if how == "environment":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with open_checkpoint("some/model", cache=hub_cache, offline=how == "option") as model:
        assert all(torch.equal(value(model, n), TINY[n]) for n in TINY)
        assert model.revision == COMMIT
    assert hub.log == []


@pytest.mark.filterwarnings("ignore")
def test_the_configuration_is_fetched_once_and_may_be_missing(hub: LoopbackHub, hub_cache: Path, tmp_path: Path):
    config = hf.ViTConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, image_size=8, patch_size=4
    )
    model = quiet(lambda: hf.ViTModel(config))
    model.save_pretrained(tmp_path / "vit")
    files = {p.name: p.read_bytes() for p in (tmp_path / "vit").iterdir()}
    hub.repos["own/vit"] = Repo(files)
    hub.repos["own/bare"] = Repo({k: v for k, v in files.items() if k.endswith(".safetensors")})
    with open_checkpoint("own/vit", cache=hub_cache) as one, open_checkpoint("own/bare", cache=hub_cache) as two:
        assert {n for n, m in model.named_modules() if isinstance(m, nn.Linear)} <= set(checkpoint_weights(one).names)
        assert sum(method == "GET" and path.endswith("config.json") for method, path in hub.log) == 1
        assert "encoder.layer.1.attention.attention.query" in checkpoint_weights(two).names
