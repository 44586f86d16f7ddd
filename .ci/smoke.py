"""Smoke test of an installed wheel without optional dependencies, run by `make wheel` outside the sources."""

import io
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import ioadapt_theory
from ioadapt_theory import adapt, load, merge, report, save, transfer
from ioadapt_theory.cli import main
from ioadapt_theory.presets import PRESETS


def command(*line: str) -> str:
    with redirect_stdout(io.StringIO()) as said:
        status = main([*line])
    assert status == 0, (line, status)
    return said.getvalue()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 16))


if __name__ == "__main__":
    where = Path(ioadapt_theory.__file__)
    assert "--anywhere" in sys.argv or "site-packages" in where.parts, f"not the installed package but {where}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = adapt(network(), target_modules=["0", "2"], placement="output", rank=2, init="random")
        save(model, folder / "adapter")
        fresh, x = network(), torch.randn(3, 48)
        assert not load(fresh, folder / "adapter").unmatched
        with torch.no_grad():
            assert torch.equal(fresh(x), model(x))
            expected = model(x)
        target, rows = network(), torch.randn(64, 48)
        assert report(fresh, target, inputs=rows, need="change").predictions is not None
        assert transfer(fresh, target, inputs=rows, need="change").kept > 0.99
        with torch.no_grad():
            assert torch.allclose(merge(model, unload=True)(x), expected, atol=1e-5)
        one, two = folder / "one.safetensors", folder / "two.safetensors"
        save_file(network().state_dict(), one)
        save_file({key: t + 0.01 * torch.randn_like(t) for key, t in network().state_dict().items()}, two)
        assert "prop-2-input" in command("claims")
        assert "0.weight" in command("similarity", str(one), str(two), "--format", "json")
        assert "output" in command("adapters", "inspect", str(folder / "adapter"), "--base", str(one))
        command("adapters", "bake", str(folder / "adapter"), "--out", str(folder / "lora"), "--base", str(one))
    assert PRESETS["sd15"].steps == 500
    sys.stdout.write(
        f"ioadapt_theory in {where.parent} works on Python {sys.version.split()[0]}, torch {torch.__version__}.\n"
    )
