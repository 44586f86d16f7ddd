import pytest
import torch
from torch import nn

from ioadapt_theory import adapt, layers
from ioadapt_theory.errors import MissingExtraError, UnknownNameError, UnsupportedError
from ioadapt_theory.peft import IOLoraConfig
from ioadapt_theory.presets import PRESETS
from tests.adapters.foreign import tiny_flux, tiny_llama, tiny_unet

WITH_ADAPTERS = {name: preset for name, preset in PRESETS.items() if preset.ranks}
CELLS = [(name, family) for name, preset in WITH_ADAPTERS.items() for family in preset.ranks]


def test_what_table_7_prints():
    rows = {name: preset for name, preset in PRESETS.items() if preset.paper.startswith("Table 7")}
    assert [*rows] == ["sd15", "sdxl", "sdxl-cross", "sd35-large", "flux-dev"]
    for name, row in rows.items():
        assert (row.batch_size, row.steps, row.resolution) == (4, 500, 512)
        assert row.ranks == {"lora": 4, "dora": 4, "loha": 64, "lokr": 128}
        adamw = name.startswith(("sd15", "sdxl"))
        assert (row.optimizer, row.learning_rate) == (("adamw", 1e-4) if adamw else ("prodigy", 1))
    sizes = {name: len(row.targets) for name, row in rows.items()}
    assert sizes == {"sd15": 6, "sdxl": 4, "sdxl-cross": 2, "sd35-large": 8, "flux-dev": 8}


@pytest.mark.parametrize(("name", "family"), CELLS)
@pytest.mark.filterwarnings("ignore:target_modules")
def test_adapt_and_the_plug_in_take_the_same_settings(name, family):
    preset = PRESETS[name]
    options = preset.adapter(family, "output")
    theirs = IOLoraConfig(**options).options()
    assert (theirs.rank, theirs.alpha, theirs.dropout, theirs.init) == (
        preset.ranks[family], preset.alphas.get(family), preset.dropout, preset.init,
    )  # fmt: skip
    model = tiny_llama() if preset.length else tiny_unet() if name[:2] == "sd" else tiny_flux()
    for layer in layers(adapt(model, **options)).values():
        ((side, phi),) = layer.adapters["default"].parts()
        assert (side, layer.adapters["default"].family) == ("output", family)
        assert phi.scaling == (2.0 if name == "commonsense" else 1.0)


@pytest.mark.parametrize("name", PRESETS)
def test_the_optimizer_is_the_one_named_with_its_rate(name):
    made = PRESETS[name].optimizer_for([nn.Parameter(torch.ones(2))])
    assert type(made).__name__.lower() == PRESETS[name].optimizer
    group = made.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (PRESETS[name].learning_rate, PRESETS[name].weight_decay)


def test_a_family_without_a_rank_and_a_missing_prodigy_are_one_sentence(monkeypatch):
    with pytest.raises(UnknownNameError, match=r"Unknown family 'dora'.*Known: lora"):
        PRESETS["metamath"].adapter("dora", "input")
    with pytest.raises(UnsupportedError, match="its experiment trains no adapters"):
        PRESETS["elite"].adapter("lora", "input")
    monkeypatch.setitem(__import__("sys").modules, "prodigyopt", None)
    with pytest.raises(MissingExtraError, match=r"ioadapt-theory\[examples\]"):
        PRESETS["flux-dev"].optimizer_for([nn.Parameter(torch.ones(2))])
