"""`ioadapt similarity sd15 lcm` with the loopback hub; failures print one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from ioadapt_theory.cli import main
from tests.checkpoints.hub import COMMIT, LoopbackHub, Repo
from tests.similarity.models import weights

SD15, LCM = "stable-diffusion-v1-5/stable-diffusion-v1-5", "SimianLuo/LCM_Dreamshaper_v7"
FILE, FP16 = "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"
COMMAND = [sys.executable, "-m", "ioadapt_theory", "similarity"]


def near(seed: int) -> dict[str, torch.Tensor]:
    """Return tensors for LCM: those of SD-1.5 plus noise."""
    noise = weights("lcm", seed)
    return noise | {name: value + 0.3 * noise[name] for name, value in weights("sd15", 1).items()}


def environment(hub: LoopbackHub, home: Path) -> dict[str, str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    return keep | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1"}


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a.double().flatten(), b.double().flatten()
    return float(a @ b / (a.norm() * b.norm()))


def test_the_command_of_the_title(hub: LoopbackHub, tmp_path: Path):
    hub.repos[SD15] = Repo({FILE: save(weights("sd15", 1)), FP16: b"not asked for"})
    hub.repos[LCM] = Repo({FILE: save(near(2)), "unet/model.onnx_data": b"not asked for"})
    done = subprocess.run(
        [*COMMAND, "sd15", "lcm", "--format", "json"],
        env=environment(hub, tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    said = json.loads(done.stdout)
    assert [(m["name"], m["revision"], m["dtype"], m["parameters"]) for m in said["models"]] == [
        ("sd15", COMMIT, "float32", sum(w.numel() for w in weights("sd15", 1).values())),
        ("lcm", COMMIT, "float32", sum(w.numel() for w in near(2).values())),
    ]
    assert [(s["name"], s["reason"]) for s in said["skipped"]] == [
        ("time_embedding.cond_proj.weight", "in no other model")
    ]
    (pair,) = said["pairs"]
    assert pair["common_layers"] == len(said["layers"]) == 686
    a, b = weights("sd15", 1), near(2)
    expected = {name: cosine(a[name], b[name]) for name in a}
    for layer in said["layers"]:
        assert layer["values"]["sd15|lcm"]["cosine"] == pytest.approx(expected[layer["name"]], abs=1e-10)
    assert pair["mean"] == pytest.approx(sum(expected.values()) / 686, abs=1e-10)
    lowest = sorted(expected.values())[: pair["lowest"]["layers"]]
    assert (pair["lowest"]["layers"], pair["lowest"]["mean"]) == (138, pytest.approx(sum(lowest) / 138, abs=1e-10))
    assert len(hub.asked_for(FILE)) == 2
    assert not any(path.endswith((FP16, ".onnx_data")) for _, path, _ in hub.log)


def test_half_precision_where_there_is_some_and_offline_afterwards(
    hub: LoopbackHub, hub_cache: Path, capsys: pytest.CaptureFixture[str]
):
    hub.repos[SD15] = Repo({FILE: b"not asked for", FP16: save({n: w.half() for n, w in weights("sd15", 1).items()})})
    hub.repos[LCM] = Repo({FILE: save(near(2))})
    command = ["similarity", "sd15", "lcm", "--variant", "fp16", "--cache", str(hub_cache), "--format", "json"]
    assert main(command) == 0
    online = capsys.readouterr().out
    hub.log.clear()
    assert main([*command, "--offline"]) == 0
    assert capsys.readouterr().out == online
    assert hub.log == []
