import pytest

from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.formats.keys import parse

KEYS = {
    "base_model.model.a.lora_B.default.weight": ("", "a", "up"),
    "unet.a.attn1.processor.to_out_lora.up.weight": ("unet", "a.attn1.to_out.0", "up"),
    "text_encoder.text_model.a.self_attn.to_q_lora.up.weight": ("text_encoder", "text_model.a.self_attn.q_proj", "up"),
    "lora_transformer_blocks_0_to_q.dora_scale": ("transformer", "blocks_0_to_q", "dora_scale"),
}


@pytest.mark.parametrize("key", KEYS)
def test_keys(key):
    component, path, role = KEYS[key]
    assert parse(key) == (Name(component, path, flat=key.startswith("lora_")), role)


MODULES = ["model.layers.0.q_proj", "model.layers.1.q_proj", "conv_in", "mid_block.attentions.0.to_q"]


@pytest.mark.parametrize(
    ("name", "module"),
    [
        (Name("", "model.layers.0.q_proj"), "model.layers.0.q_proj"),
        (Name("", "wrapper.model.layers.1.q_proj"), "model.layers.1.q_proj"),  # or from a model that contains this one
        (Name("", "q_proj"), None),  # two modules have this ending
        (Name("text_encoder", "layers_1_q_proj", flat=True), "model.layers.1.q_proj"),
        (Name("text_encoder", "text_model_conv_in", flat=True), "conv_in"),
    ],
)
def test_modules(name, module):
    assert resolve([name], MODULES).layers == ({} if module is None else {name: (module,)})


def test_two_layers_are_never_one_module_nor_names_that_flatten_alike():
    names = [Name("", "a.model.layers.0.q_proj"), Name("", "b.model.layers.0.q_proj")]
    assert resolve(names, MODULES).layers == {}
    exact = Name("", "model.layers.0.q_proj")
    assert resolve([*names, exact], MODULES).layers == {exact: ("model.layers.0.q_proj",)}
    assert resolve([Name("", "a_b", flat=True)], ["a.b", "a_b"]).layers == {}
