"""`ioadapt similarity` on adapters: the change that they make counts, not the factors that it is written in."""

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.adapters import adapt, merge, unload
from ioadapt_theory.cli import MISUSE, OK, main
from ioadapt_theory.formats import save
from tests.adapters.foreign import Small

pytestmark = pytest.mark.filterwarnings("ignore")


def cosines(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, float]:
    assert main(["similarity", *map(str, words), "--format", "json", "--quiet"]) == OK
    layers = json.loads(capsys.readouterr().out)["layers"]
    return {layer["name"]: value["cosine"] for layer in layers for value in layer["values"].values()}


def lora(folder: Path, key: str, factors: tuple[torch.Tensor, torch.Tensor], names: tuple[str, str]) -> None:
    save_file({f"{key}.{n}.weight": f.contiguous() for n, f in zip(names, factors, strict=True)}, folder)


@pytest.fixture
def ab() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(4, 12).float(), torch.randn(20, 4).float()


def test_the_same_ab_in_other_factors_is_the_same_adapter(ab, tmp_path, capsys):
    """The factors themselves have a cosine of -0.29."""
    a, b = ab
    r = torch.linalg.qr(torch.randn(4, 4)).Q.float()
    lora(tmp_path / "one.safetensors", "unet.block.to_q", (a, b), ("lora_A", "lora_B"))
    lora(tmp_path / "two.safetensors", "lora_unet_block_to_q", (3 * r @ a, b @ r.T), ("lora_down", "lora_up"))
    found = cosines(capsys, tmp_path / "one.safetensors", tmp_path / "two.safetensors")
    assert found == {"block.to_q.weight": pytest.approx(1, abs=1e-6)}


def test_a_model_and_an_adapter_are_not_compared_but_told_how(ab, tmp_path, capsys):
    lora(tmp_path / "a.safetensors", "unet.block.to_q", ab, ("lora_A", "lora_B"))
    save_file(Small().float().state_dict(), tmp_path / "base.safetensors")
    assert main(["similarity", str(tmp_path / "base.safetensors"), str(tmp_path / "a.safetensors")]) == MISUSE
    assert f"BASE+{tmp_path / 'a.safetensors'}" in capsys.readouterr().err


@pytest.mark.parametrize(("family", "placement"), [("lora", "weight"), ("dora", "output"), ("lokr", "input")])
def test_a_base_with_an_adapter_is_the_merged_model(family, placement, tmp_path, capsys):
    base = Small().float()
    save_file(base.state_dict(), tmp_path / "base.safetensors")
    model = copy.deepcopy(base)
    adapt(model, target_modules=["to_q", "0", "conv_in"], family=family, placement=placement, rank=2, init="random")
    save(model, tmp_path / "a")
    merge(model)
    merged = {n: v.contiguous() for n, v in unload(model).state_dict().items()}
    save_file(merged, tmp_path / "merged.safetensors")
    found = cosines(capsys, tmp_path / "merged.safetensors", f"{tmp_path / 'base.safetensors'}+{tmp_path / 'a'}")
    assert len(found) == len(base.state_dict())
    assert all(c == pytest.approx(1, abs=1e-9) for c in found.values())
    plain = cosines(capsys, tmp_path / "merged.safetensors", tmp_path / "base.safetensors")
    assert min(plain.values()) < 1 - 1e-4


def test_an_adapter_whose_change_depends_on_the_base_is_named(tmp_path, capsys):
    model = Small().float()
    adapt(model, target_modules=["to_q"], placement="input", rank=2, init="random")
    for name in ("a", "b"):
        save(model, tmp_path / name)
    assert main(["similarity", str(tmp_path / "a"), str(tmp_path / "b")]) == MISUSE
    assert "depends on the base, as a lora in input placement does; compare BASE+" in capsys.readouterr().err
