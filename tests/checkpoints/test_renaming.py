"""Checkpoints with their authors' names have the right values under the names of modules or of diffusers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers as hf
from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers
from diffusers.models import SD3Transformer2DModel
from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import ModelWeights, checkpoint_weights
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.checkpoints.renaming import as_modules, common
from ioadapt_theory.checkpoints.sources import open_checkpoint
from tests.adapters.foreign import in_authors_names, tiny_flux, tiny_llama
from tests.similarity.models import held

pytestmark = pytest.mark.filterwarnings("ignore")


def agree(authors: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    whole = {name: value.double().contiguous() for name, value in authors.items()}
    (one, two), _ = common(
        [held("authors", whole), held("theirs", {k: v.double().contiguous() for k, v in theirs.items()})]
    )
    assert set(theirs) <= set(one.tensors)
    assert set(two.tensors) == set(theirs)
    for name, value in theirs.items():
        assert torch.equal(one.tensor(name).view(value.shape), value.double()), name


SIZES: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}


def sd3_shapes(c: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a small SD3 by Stability's names; the first of its two blocks has two attentions."""
    shapes = {"x_embedder.proj": (c, 4, 2, 2), "context_embedder": (c, 12), "final_layer.linear": (16, c)}
    shapes |= {"t_embedder.mlp.0": (c, 256), "t_embedder.mlp.2": (c, c), "final_layer.adaLN_modulation.1": (2 * c, c)}
    shapes |= {"y_embedder.mlp.0": (c, 10), "y_embedder.mlp.2": (c, c)}
    whole = {"attn.qkv": (3 * c, c), "attn.proj": (c, c), "mlp.fc1": (4 * c, c), "mlp.fc2": (c, 4 * c)}
    last = {"attn.qkv": (3 * c, c), "adaLN_modulation.1": (2 * c, c)}
    blocks = {
        "0.x_block": whole | {"attn2.qkv": (3 * c, c), "attn2.proj": (c, c), "adaLN_modulation.1": (9 * c, c)},
        "0.context_block": whole | {"adaLN_modulation.1": (6 * c, c)},
        "1.x_block": whole | {"adaLN_modulation.1": (6 * c, c)},
        "1.context_block": last,
    }
    return shapes | {f"joint_blocks.{b}.{n}": shape for b, layers in blocks.items() for n, shape in layers.items()}


def test_sd3_s_tensors_are_those_of_diffusers_converter():
    model = SD3Transformer2DModel(
            sample_size=8, in_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=12, caption_projection_dim=16, pooled_projection_dim=10, out_channels=4,
            pos_embed_max_size=8, dual_attention_layers=(0,), qk_norm="rms_norm",
        ).float()  # fmt: skip
    state = {"pos_embed": model.pos_embed.pos_embed.clone()}
    for name, shape in sd3_shapes(16).items():
        state |= {f"{name}.weight": torch.randn(shape), f"{name}.bias": torch.randn(shape[0])}
    for block in (*(f"{i}.{side}_block.attn" for i in (0, 1) for side in ("x", "context")), "0.x_block.attn2"):
        state |= {f"joint_blocks.{block}.ln_{w}.weight": torch.randn(8) for w in "qk"}
    agree(state, convert_sd3_transformer_checkpoint_to_diffusers(dict(state)))


def test_flux_s_tensors_are_cut_and_put_together_as_diffusers_has_them():
    theirs = tiny_flux().state_dict()
    whole = in_authors_names(theirs)
    agree(whole, theirs)
    agree({f"model.diffusion_model.{k}": v for k, v in whole.items()}, theirs)


IMAGE = {"image_size": 8, "patch_size": 4}
TIED = {"tie_word_embeddings": True}
SMALL: dict[str, Any] = {**SIZES, "vocab_size": 50, "num_key_value_heads": 2}
DINO = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
MODELS: dict[str, Callable[[], Any]] = {
    "ViT": lambda: hf.ViTForImageClassification(hf.ViTConfig(**SIZES, **IMAGE)),
    "DINOv2": lambda: hf.Dinov2Model(hf.Dinov2Config(**DINO, **IMAGE)),
    "CLIP text": lambda: hf.CLIPTextModel(hf.CLIPTextConfig(vocab_size=50, **SIZES)),
    "CLIP": lambda: hf.CLIPModel(hf.CLIPConfig(text_config={"vocab_size": 50, **SIZES}, vision_config=SIZES | IMAGE)),
    "GPT-2": lambda: hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=4, n_positions=16)),
    "Llama": tiny_llama,
    "Llama, tied": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**SMALL, **TIED)),
}


def adaptable(model: nn.Module) -> list[str]:
    return [n for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d) or type(m).__name__ == "Conv1D"]


@pytest.mark.parametrize("kind", MODELS)
def test_every_layer_of_a_saved_model_is_found_under_its_own_name(kind, tmp_path):
    torch.manual_seed(0)
    model = MODELS[kind]()
    model.save_pretrained(tmp_path)
    here = ModelWeights(model)
    with open_checkpoint(str(tmp_path)) as checkpoint:
        stored = checkpoint_weights(checkpoint)
        for name in adaptable(model):
            one, two = here.layer(name), stored.layer(name)
            assert torch.equal(one.matrix, two.matrix), name
            assert (one.bias is None) == (two.bias is None)


def test_an_adapter_with_the_names_of_transformers_4_fits_model_and_file(tmp_path):
    model, old = MODELS["ViT"](), Name("", "vit.encoder.layer.1.attention.attention.query")
    new = next(n for n in adaptable(model) if "layer.1" in n or "layers.1" in n)  # transformers 5.0 has the old name
    model.save_pretrained(tmp_path)
    with open_checkpoint(str(tmp_path)) as checkpoint:
        for weights in (ModelWeights(model), checkpoint_weights(checkpoint)):
            for name in (old, Name("", new)):
                meant = resolve([name], weights.names, weights.rename, weights.aliases)
                assert meant.layers == {name: (new,)}


def test_a_model_without_a_head_has_none_although_it_has_an_embedding(tmp_path):
    hf.LlamaModel(hf.LlamaConfig(**SMALL)).save_pretrained(tmp_path)
    with open_checkpoint(str(tmp_path)) as checkpoint:
        assert not [n for n in checkpoint_weights(checkpoint).names if "head" in n]


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["os"]},
        {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 10**9},
        {"architectures": ["LlamaForCausalLM"], "hidden_size": "x"},
        {"architectures": [["LlamaForCausalLM"]]},
        {"architectures": ["LlamaForCausalLM"], "text_config": {"num_hidden_layers": 10**9}},
        {"architectures": ["../LlamaForCausalLM"], "auto_map": {"AutoModel": "evil.Model"}},
    ],
)
def test_a_configuration_that_is_not_to_be_trusted_leaves_names_as_they_are(config, tmp_path):
    tiny_llama().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with open_checkpoint(str(tmp_path)) as checkpoint:
        assert set(adaptable(tiny_llama())) <= set(checkpoint_weights(checkpoint).names)


WRAPS: dict[str, Callable[[str], str]] = {
    "torch.compile": lambda n: f"_orig_mod.{n}",
    "DistributedDataParallel": lambda n: f"module.{n}",
    "FSDP": lambda n: n.replace("layers.0.", "layers.0._fsdp_wrapped_module."),
    "PEFT": lambda n: f"base_model.model.{n.replace('q_proj', 'q_proj.base_layer')}",
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_what_wraps_a_model_is_no_part_of_its_names(wrap):
    state = {n: v.clone() for n, v in tiny_llama().state_dict().items()}
    wrapped = {WRAPS[wrap](n): v for n, v in state.items()}
    (one, two), notes = common([held("a", state), held("b", wrapped)], "ab")
    assert len(notes) == 1
    assert set(one.tensors) == set(two.tensors) == set(state)
    assert set(as_modules(held("b", wrapped)).tensors) >= set(state)
    modules = [n.removesuffix(".weight") for n in wrapped]
    names = {Name("", n.removesuffix(".weight")): WRAPS[wrap](n).removesuffix(".weight") for n in state}
    assert resolve(names, modules).layers == {name: (module,) for name, module in names.items()}
    back = {Name("", module): name.path for name, module in names.items()}
    assert resolve(back, [n.removesuffix(".weight") for n in state]).layers == {n: (m,) for n, m in back.items()}


STARTS: dict[str, Callable[[str], str]] = {
    "without model.": lambda n: n.removeprefix("model."),
    "inside another model": lambda n: f"model.language_model.{n.removeprefix('model.')}",
}


@pytest.mark.parametrize("start", STARTS)
def test_another_leading_part_is_no_other_layer(start):
    state = {n: v.double() for n, v in tiny_llama().state_dict().items() if "lm_head" not in n}
    other = {STARTS[start](n): v for n, v in state.items()}
    (one, two), notes = common([held("a", state), held("b", other)], "ab")
    assert set(one.tensors) == set(two.tensors) == set(state)
    assert all(torch.equal(two.tensor(n), v) for n, v in state.items())
    assert notes[0].startswith(f"b: tensors renamed to match the other models: {len(state)} of {len(state)}, ")


def test_two_towers_with_the_same_layers_inside_are_not_taken_for_one():
    tower = {f"encoder.layers.{i}.fc.weight": torch.randn(2, 3) for i in range(4)}
    both = {f"{which}_model.{n}": v for which in ("text", "vision") for n, v in tower.items()}
    (one, two), _ = common([held("a", both), held("b", tower)])
    assert not set(one.tensors) & set(two.tensors)
