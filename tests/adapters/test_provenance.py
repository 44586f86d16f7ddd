"""Adapters on pruned and renumbered models: each on the layer that was made from its own, or a word about it."""

import copy
import json
import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from diffusers import UNet2DConditionModel
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn

from ioadapt_theory.adapters import NoProvenanceError, RenumberedWarning, TransferError, adapt, layers, transfer
from ioadapt_theory.checkpoints.provenance import origins
from ioadapt_theory.cli import FINDING, MISUSE, OK, main
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.formats import load, save
from tests.adapters.foreign import filled, quiet
from tests.checkpoints.test_unet_names import both

SMALL: dict[str, Any] = {"sample_size": 8, "cross_attention_dim": 12, "attention_head_dim": 4, "norm_num_groups": 4}
STUDENTS: dict[str, dict[str, Any]] = {
    "base": {"block_out_channels": (8, 8, 8, 8), "layers_per_block": 1},
    "tiny": {
        "block_out_channels": (8, 8, 8),
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3,
        "up_block_types": ("CrossAttnUpBlock2D",) * 3,
        "mid_block_type": None,
    },
}
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


def unet(seed: int, **options: Any) -> Any:
    torch.manual_seed(seed)
    return quiet(lambda: UNet2DConditionModel(**SMALL, **options).float().eval())


def teacher() -> Any:
    return unet(1, block_out_channels=(8, 8, 8, 8))


def student(of: nn.Module, kind: str, noise: float = 0.1) -> tuple[Any, dict[str, str]]:
    """A UNet made of the teacher's layers as BK-SDM's are, trained on a little; and which layer each was."""
    model, weights = unet(2, **STUDENTS[kind]), of.state_dict()
    names = model.state_dict()
    traced = origins(list(names))
    assert traced is not None
    made = {
        n: weights[traced[n]] + noise * weights[traced[n]].std() * torch.randn(v.shape).float()
        if traced[n] in weights and weights[traced[n]].shape == v.shape
        else v
        for n, v in names.items()
    }
    model.load_state_dict({n: v.nan_to_num() for n, v in made.items()})
    return model, {n.removesuffix(".weight"): o.removesuffix(".weight") for n, o in traced.items()}


def attention(model: nn.Module) -> list[str]:
    return [n for n, _ in model.named_modules() if n.endswith(ATTENTION)]


def marked(model: nn.Module) -> Any:
    """With an adapter whose numbers tell the layer that it was trained on."""
    names = attention(model) or [n for n, _ in model.named_modules() if n.endswith("_proj")]
    adapt(model, target_modules=names, placement="input", rank=1, init="random")
    for i, layer in enumerate(layers(model).values()):
        layer.adapters["default"]["input"].A.data.fill_(float(i))
    return model


def marks(model: nn.Module) -> dict[str, int]:
    return {n: int(layer.adapters["default"]["input"].A.flatten()[0]) for n, layer in layers(model).items()}


@pytest.mark.parametrize("match", ["provenance", "auto"])
@pytest.mark.parametrize("kind", STUDENTS)
def test_every_layer_of_a_student_gets_the_adapter_of_the_layer_it_was_made_from(kind, match, tmp_path):
    source = marked(teacher())
    trained = marks(source)
    made, traced = student(teacher(), kind)
    save(source, tmp_path / "own")
    for put in (
        lambda m: transfer(source, m, strict=False, match=match),
        lambda m: load(m, tmp_path / "own", strict=False, match=match),
    ):
        target = copy.deepcopy(made)
        report = put(target)
        assert report.how == "contents"
        assert set(report.matched) == {n for n in attention(made) if traced[n] in trained}
        assert marks(target) == {n: trained[traced[n]] for n in report.matched}
        assert report.sources == {n: traced[n] for n in report.matched}
        assert all(why == "no layer of the target is known to be made from it" for why in report.unmatched.values())


@pytest.mark.parametrize("kind", STUDENTS)
def test_by_name_a_student_is_warned_of_by_name_and_refused_if_strict(kind, tmp_path):
    """24 of 80 layers of the larger one got the adapter of another layer without a word."""
    source = marked(teacher())
    save(source, tmp_path / "own")
    made, traced = student(teacher(), kind)
    wrong = [n for n in attention(made) if n in layers(source) and traced[n] != n]
    calls = (
        lambda m, strict: transfer(source, m, strict=strict),
        lambda m, strict: load(m, tmp_path / "own", strict=strict),
    )
    for put in calls:
        said = rf"{len(wrong)} layers have the name of another layer.*match='provenance'"
        with pytest.warns(RenumberedWarning, match=said):
            report = put(copy.deepcopy(made), False)
        assert report.warning
        assert "holds what was" in str(report)
        with pytest.raises(TransferError, match="match='provenance' follows the weights"):
            put(copy.deepcopy(made), True)


def llama(depth: int, seed: int = 1) -> Any:
    torch.manual_seed(seed)
    config = hf.LlamaConfig(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=depth,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return quiet(lambda: hf.LlamaForCausalLM(config).float())


def pruned(model: Any, kept: Sequence[int], noise: float = 0.1) -> Any:
    """The model with these layers alone, numbered anew and trained on a little."""
    small = llama(len(kept), 3)
    state = {n: v for n, v in model.state_dict().items() if ".layers." not in n}
    for new, old in enumerate(kept):
        state |= {
            n.replace(f"layers.{old}.", f"layers.{new}."): v
            for n, v in model.state_dict().items()
            if f"layers.{old}." in n
        }
    small.load_state_dict({n: v + noise * v.std() * torch.randn(v.shape).float() for n, v in state.items()})
    return small


@pytest.mark.parametrize("seed", range(6))
def test_no_layer_of_a_language_model_pruned_at_random_gets_another_s_adapter(seed, tmp_path):
    rng = random.Random(seed)
    kept = sorted(rng.sample(range(8), rng.randint(2, 7)))
    base = llama(8)
    made = pruned(base, kept)
    source = marked(base)
    trained = marks(source)
    save(source, tmp_path / "a")
    for target in (copy.deepcopy(made), copy.deepcopy(made)):
        report = transfer(source, target, strict=False, match="provenance") if not layers_of(target) else None
        assert report is not None
        expected = {
            n: trained[n.replace(f"layers.{n.split('.')[2]}.", f"layers.{kept[int(n.split('.')[2])]}.")]
            for n in report.matched
        }
        assert marks(target) == expected
        assert len(expected) == 7 * len(kept)
    other = copy.deepcopy(made)
    load(other, tmp_path / "a", strict=False, match="auto")
    assert marks(other) == expected


def layers_of(model: nn.Module) -> dict[str, Any]:
    try:
        return dict(layers(model))
    except UnknownNameError:
        return {}


def test_a_foreign_file_follows_the_weights_of_the_model_it_was_trained_on(tmp_path, capsys):
    base = llama(6)
    base.save_pretrained(tmp_path / "base")
    made = pruned(base, [0, 3, 5])
    made.save_pretrained(tmp_path / "pruned")
    config = LoraConfig(r=1, target_modules=["q_proj", "down_proj"])
    trained = filled(quiet(lambda: get_peft_model(copy.deepcopy(base), config)), "lora")
    trained.save_pretrained(tmp_path / "a")
    with pytest.raises(NoProvenanceError, match="as source"):
        load(copy.deepcopy(made), tmp_path / "a", strict=False, match="provenance")
    report = load(copy.deepcopy(made), tmp_path / "a", strict=False, match="provenance", source=base)
    assert report.sources["model.layers.1.self_attn.q_proj"] == "model.layers.3.self_attn.q_proj"
    assert len(report.matched) == 6
    words = [
        "adapters",
        "bake",
        str(tmp_path / "a"),
        str(tmp_path / "out"),
        "--base",
        str(tmp_path / "pruned"),
        "--partial",
    ]
    follow = ["--match", "provenance", "--source", str(tmp_path / "base")]
    assert main([*words, *follow]) == OK
    baked = load_file(tmp_path / "out/adapter_model.safetensors")
    state = load_file(tmp_path / "a/adapter_model.safetensors")
    for new, old in enumerate([0, 3, 5]):
        key = "base_model.model.model.layers.{}.mlp.down_proj.lora_A.weight"
        assert torch.equal(baked[key.format(new)], state[key.format(old)])
    assert main([*words, "--match", "provenance"]) == MISUSE
    assert "no layer of the target is known to be made from" in capsys.readouterr().err
    seen = ["adapters", "inspect", str(tmp_path / "a"), "--base", str(tmp_path / "pruned")]
    assert main([*seen, *follow]) == FINDING
    told = capsys.readouterr().out
    assert "6 layers fit, by contents, 6 do not" in told
    assert "model.layers.3.self_attn.q_proj -> model.layers.1.self_attn.q_proj" in told


def test_the_command_line_warns_of_a_base_whose_equal_names_are_other_layers(tmp_path, capsys):
    base = llama(6)
    pruned(base, [0, 3, 5]).save_pretrained(tmp_path / "pruned")
    save(marked(base), tmp_path / "a")
    words = ["adapters", "bake", str(tmp_path / "a"), str(tmp_path / "out"), "--base", str(tmp_path / "pruned")]
    assert main(words) == MISUSE
    assert not (tmp_path / "out").exists()
    assert main([*words, "--partial"]) == OK
    assert "14 layers have the name of another layer" in capsys.readouterr().err
    assert (
        main(["adapters", "inspect", str(tmp_path / "a"), "--base", str(tmp_path / "pruned"), "--format", "json"])
        == FINDING
    )
    assert "match='provenance'" in json.loads(capsys.readouterr().out)["warning"]


SPELLED = {
    "diffusers": lambda old, new: f"unet.{new}",
    "kohya": lambda old, new: f"lora_unet_{new.replace('.', '_')}",
    "Stability": lambda old, new: f"lora_unet_{old.replace('.', '_')}",
}


@pytest.mark.parametrize("spelling", SPELLED)
@pytest.mark.parametrize("kind", STUDENTS)
def test_a_teacher_s_lora_on_a_student_goes_by_the_layout_where_no_weights_are_at_hand(kind, spelling, tmp_path):
    ldm = {new: old for old, new in both((2, 2, 2, 2), (1, 1, 1, 0))}
    model, traced = student(teacher(), kind)
    targets = [n for n in attention(teacher()) if n.endswith("attn1.to_q")]
    state = {}
    for i, name in enumerate(targets):
        key = SPELLED[spelling](ldm[name], name)
        state |= {
            f"{key}.lora_down.weight": torch.full((1, 8), float(i)).float(),
            f"{key}.lora_up.weight": torch.ones(8, 1).float(),
        }
    save_file(state, tmp_path / "lora.safetensors")
    report = load(model, tmp_path / "lora.safetensors", strict=False, match="provenance")
    assert report.how == "layout"
    found = {n: int(layer.adapters["default"]["weight"].A.flatten()[0]) for n, layer in layers(model).items()}
    assert found == {
        n: targets.index(traced[n]) for n in attention(model) if n.endswith("attn1.to_q") and traced[n] in targets
    }
    again, _ = student(teacher(), kind)
    if spelling == "Stability":  # by name its numbers would be those of other layers
        with pytest.raises(TransferError, match="its number is that of another UNet") as e:
            load(again, tmp_path / "lora.safetensors")
        assert set(e.value.report.matched) <= {"mid_block.attentions.0.transformer_blocks.0.attn1.to_q"}
    else:
        with pytest.warns(RenumberedWarning, match="match='provenance'"):
            load(again, tmp_path / "lora.safetensors", strict=False)


def test_a_student_s_own_adapter_is_by_its_names():
    made, _ = student(teacher(), "base")
    other, _ = student(teacher(), "base")
    source = marked(made)
    for match in ("name", "auto", "provenance"):
        target = copy.deepcopy(other)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            report = transfer(source, target, match=match)
        assert marks(target) == marks(source)
        assert report.warning is None


@pytest.mark.parametrize("match", ["name", "auto"])
def test_strangers_and_fine_tuned_models_are_by_name_and_nothing_is_said(match, tmp_path):
    source = marked(llama(4))
    save(source, tmp_path / "a")
    for target in (llama(4, 7), pruned(llama(4), range(4), 0.5)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            report = transfer(source, copy.deepcopy(target), match=match)
            load(copy.deepcopy(target), tmp_path / "a", match=match)
        assert len(report.matched) == 28
        assert all(new == old for new, old in report.sources.items())


def test_a_stranger_has_no_provenance():
    with pytest.raises(NoProvenanceError):
        transfer(marked(llama(4)), llama(4, 7), match="provenance")


def test_a_way_of_matching_that_there_is_not():
    with pytest.raises(UnknownNameError, match="auto, name, provenance"):
        transfer(marked(llama(2)), llama(2), match="origin")


def test_models_that_differ_by_a_prefix_exchange_adapters():
    source = marked(llama(3))
    body = copy.deepcopy(llama(3).model)
    report = transfer(source, body)
    assert report.sources["layers.0.self_attn.q_proj"] == "model.layers.0.self_attn.q_proj"
    assert len(report.matched) == 21
    assert sorted(marks(body).values()) == sorted(marks(source).values())
    with pytest.raises(InvalidValueError, match=r"taken|already"):
        transfer(source, body)


def test_layers_without_evidence_in_a_renumbered_model_are_not_guessed():
    base = llama(6)
    made = pruned(base, [0, 3, 5])
    with torch.no_grad():
        for p in made.model.layers[1].parameters():
            p.copy_(torch.randn(p.shape).float())
    report = transfer(marked(base), made, strict=False, match="auto")
    assert not [n for n in report.matched if "layers.1." in n]
    assert len(report.matched) == 14


def test_where_it_is_written(tmp_path: Path):
    """The report names every layer that got another's adapter."""
    base = llama(4)
    made = pruned(base, [0, 2])
    told = str(transfer(marked(base), made, strict=False, match="provenance"))
    assert told.startswith("14 of 28 layers matched, by contents.")
    assert "model.layers.1.self_attn.q_proj: from model.layers.2.self_attn.q_proj" in told


@pytest.mark.parametrize("spelling", ["base_model.model.{}", "lycoris_{}"])
def test_a_shorter_model_is_spoken_of_where_nothing_tells_which_layers_it_kept(spelling, tmp_path):
    """As an SSD-1B, whose attentions have 4 of 10 blocks, for a file that says nothing of its base."""
    state = {}
    for i in range(6):
        key = spelling.format(f"model.layers.{i}.self_attn.q_proj")
        key = key if key.startswith("base") else key.replace(".", "_")
        state |= {
            f"{key}.lora_A.weight": torch.randn(2, 16).float(),
            f"{key}.lora_B.weight": torch.randn(16, 2).float(),
        }
    save_file(state, tmp_path / "adapter_model.safetensors")
    if spelling.startswith("base"):
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2}))
    file = tmp_path if spelling.startswith("base") else tmp_path / "adapter_model.safetensors"
    with pytest.warns(RenumberedWarning, match=r"layers beyond the model's, such as .*4.*as source tells it"):
        load(llama(4), file, strict=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(llama(6), file)


def xl(seed: int, depths: tuple[int, ...], reverse: tuple[Any, ...] | None = None, **options: Any) -> Any:
    """SD-XL's shape."""
    return unet(
        seed,
        block_out_channels=(8, 12, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=depths,
        reverse_transformer_layers_per_block=reverse,
        use_linear_projection=True,
        **options,
    )


def test_students_of_sd_xl_are_followed_by_what_is_in_them(tmp_path):
    """As SSD-1B and Vega: other numbers of transformer blocks in every attention, none in the middle."""
    base = xl(1, (1, 2, 6))
    made = xl(2, (1, 1, 3), ((3, 3, 6), (2, 1, 1), 1), mid_block_type="UNetMidBlock2D")
    rng, blocks = random.Random(4), {}
    for name, _ in base.named_modules():
        place, found, block = name.partition(".transformer_blocks.")
        if found and block.isdecimal():
            blocks.setdefault(place, []).append(int(block))
    here = {n.rpartition(".transformer_blocks")[0] for n, _ in made.named_modules() if ".transformer_blocks." in n}
    traced, weights = {}, base.state_dict()
    for place in sorted(here):
        some = made.get_submodule(f"{place}.transformer_blocks")
        kept = sorted(rng.sample(blocks[place], len(some)))
        for new, old in enumerate(kept):
            start = f"{place}.transformer_blocks."
            for n, _ in some[new].named_parameters():
                traced[f"{start}{new}.{n}"] = f"{start}{old}.{n}"
    state = {
        n: weights[old].clone() if (old := traced.get(n, n)) in weights else v for n, v in made.state_dict().items()
    }
    made.load_state_dict({n: v + 0.1 * v.std(correction=0) * torch.randn(v.shape).float() for n, v in state.items()})
    moved = {n.removesuffix(".weight"): o.removesuffix(".weight") for n, o in traced.items()}
    assert sum(new != old for new, old in moved.items()) > 20
    source = marked(base)
    trained = marks(source)
    save(source, tmp_path / "a")
    one, two = copy.deepcopy(made), copy.deepcopy(made)
    transfer(source, one, strict=False, match="provenance")
    load(two, tmp_path / "a", strict=False, match="auto")
    assert marks(one) == marks(two) == {n: trained[moved.get(n, n)] for n in attention(made)}
    with pytest.warns(RenumberedWarning, match="have the name of another layer of the source"):
        transfer(source, made, strict=False)


def test_layers_whose_numbers_cannot_be_had_are_matched_by_name():
    """As those of a model that is sharded, or not loaded yet."""
    source, target = marked(llama(2)), llama(2)

    class Sharded(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.Tensor.__getitem__:
                raise RuntimeError("mixed torch.Tensor and DTensor")
            return super().__torch_function__(func, types, args, kwargs or {})

    for layer in target.model.layers:
        layer.mlp.up_proj.weight = nn.Parameter(layer.mlp.up_proj.weight.detach().as_subclass(Sharded))
    assert len(transfer(source, target).matched) == 14
