"""A plain LoRA written like the file that it comes from."""

import copy
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import layers
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.formats import load, open_adapter
from ioadapt_theory.formats.export import factors
from ioadapt_theory.formats.match import match
from ioadapt_theory.formats.rewrite import Component, rewrite
from tests.adapters.foreign import FUSED, tiny_flux, tiny_llama, tiny_unet

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("float32")]


def rewritten(path, out, model: nn.Module, change=lambda made: made, origins=None, dtype=None):
    """Load the adapter on the model, change its factors, and write it like the file; return the written tensors."""
    file = open_adapter(path)
    matched = match(file, ModelWeights(model))
    made = change(factors(matched.adapters()))
    part = Component(matched.layers, made, origins or {})
    rewrite(out, file, [part], base="target", notes={"ioadapt.command": "test"}, dtype=dtype)
    return load_file(out / "adapter_model.safetensors" if out.is_dir() else out)


def change_of(model: nn.Module, path) -> dict[str, torch.Tensor]:
    model = copy.deepcopy(model)
    load(model, path)
    return {
        n: phi.scaling * phi.A @ phi.B for n, m in layers(model).items() for phi in [m.adapters["default"]["weight"]]
    }


def pair(key: str, d: int, c: int, rank: int = 2, names=("lora_down", "lora_up")) -> dict[str, torch.Tensor]:
    return {f"{key}.{names[0]}.weight": torch.randn(rank, c), f"{key}.{names[1]}.weight": torch.randn(d, rank)}


@pytest.mark.parametrize("moved", [False, True])
def test_fused_layers_come_out_fused(moved, tmp_path):
    flux, state = tiny_flux(), {}
    modules = dict(flux.named_modules())
    for name, parts in FUSED.items():
        key = f"lora_unet_{name.replace('.', '_')}"
        d, c = sum(modules[p].out_features for p in parts), modules[parts[0]].in_features
        state |= pair(key, d, c) | {f"{key}.alpha": torch.tensor(1.0)}
    save_file(state, tmp_path / "in.safetensors")

    def change(made):  # each part gets other factors
        return {n: type(f)(torch.randn_like(f.down), f.up) for n, f in made.items()} if moved else made

    written = rewritten(tmp_path / "in.safetensors", tmp_path / "out.safetensors", flux, change)
    assert written.keys() == state.keys()
    before, after = (change_of(flux, tmp_path / f"{name}.safetensors") for name in ("in", "out"))
    for key, t in written.items():
        grown = 4 if "single" in key else 3
        if "lora_down" in key:
            assert len(t) == 2 * (grown if moved else 1)
        elif "alpha" in key:  # alpha / rank stays
            assert float(t) == (grown if moved else 1)
    if not moved:
        assert all(torch.allclose(t, after[n], atol=1e-5) for n, t in before.items())


def test_another_rank_changes_peft_s_configuration_and_nothing_else(tmp_path):
    llama = tiny_llama()
    state, start = {}, "base_model.model.model.layers"
    for i in range(2):
        for leaf, d in (("self_attn.q_proj", 16), ("mlp.up_proj", 24)):
            state |= pair(f"{start}.{i}.{leaf}", d, 16, names=("lora_A", "lora_B"))
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "target_modules": ["q_proj", "up_proj"], "use_rslora": True}
    (tmp_path / "in").mkdir()
    save_file({key: t.half() for key, t in state.items()}, tmp_path / "in/adapter_model.safetensors")
    (tmp_path / "in/adapter_config.json").write_text(json.dumps(config | {"task_type": "CAUSAL_LM", "revision": "x"}))
    (tmp_path / "out").mkdir()

    def change(made):
        return {n: type(f)(f.down[:1], f.up[:, :1]) if "q_proj" in n else f for n, f in made.items()}

    written = rewritten(tmp_path / "in", tmp_path / "out", llama, change)
    assert written.keys() == state.keys()
    assert {t.dtype for t in written.values()} == {torch.float16}
    told = json.loads((tmp_path / "out/adapter_config.json").read_text())
    assert told["base_model_name_or_path"] == "target"
    assert (told["target_modules"], told["task_type"], told["revision"]) == (["q_proj", "up_proj"], "CAUSAL_LM", None)
    assert sorted({told["r"], *told["rank_pattern"].values()}) == [1, 2]
    after = change_of(llama, tmp_path / "out")
    for n, t in change_of(llama, tmp_path / "in").items():
        if "up_proj" in n:
            assert_close(after[n], t, rtol=1e-2, atol=1e-2)


def test_old_names_of_diffusers_and_hashes_of_kohya_are_kept_and_true(tmp_path):
    unet, state = tiny_unet(), {}
    module = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
    for leaf in ("to_q_lora", "to_out_lora"):
        state |= pair(f"unet.{module}.processor.{leaf}", 8, 8, names=("down", "up"))
    save_file(state, tmp_path / "in.safetensors", {"sshs_model_hash": "0", "title": "x", "format": "pt"})
    written = rewritten(tmp_path / "in.safetensors", tmp_path / "out.safetensors", unet)
    assert written.keys() == state.keys()
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        told = file.metadata()
    assert (told["title"], told["ioadapt.command"], len(told["sshs_model_hash"])) == ("x", "test", 64)


@pytest.mark.parametrize(("flat", "text"), [(True, "lora_unet_"), (False, "unet.")])
def test_other_layers_get_the_file_s_kind_of_names(flat, text, tmp_path):
    unet = tiny_unet()
    module = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
    names = [f"{module}.{leaf}" for leaf in ("to_q", "to_k")]
    keys = [f"{text}{n.replace('.', '_') if flat else n}" for n in names]
    ends = ("lora_down", "lora_up") if flat else ("lora_A", "lora_B")
    save_file(pair(keys[0], 8, 8, names=ends), tmp_path / "in.safetensors")

    def change(made):
        return {names[1]: made[names[0]]}

    out = tmp_path / "out.safetensors"
    written = rewritten(tmp_path / "in.safetensors", out, unet, change, {names[1]: names[0]})
    assert {*written} == {f"{keys[1]}.{end}.weight" for end in ends}
    assert {*change_of(unet, out)} == {names[1]}


def test_values_beyond_a_dtype_are_refused(tmp_path):
    unet = tiny_unet()
    key = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    save_file({k: 1e6 * t for k, t in pair(key, 8, 8).items()}, tmp_path / "in.safetensors")
    with pytest.raises(InvalidValueError, match=r"beyond the range of torch\.float16; write it with --dtype float32"):
        rewritten(tmp_path / "in.safetensors", tmp_path / "out.safetensors", unet, dtype=torch.float16)
    assert not (tmp_path / "out.safetensors").exists()
