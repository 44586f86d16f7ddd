"""`transfer(inputs=...)` is exact between models that differ by a reparametrisation, and adds only useful adapters."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from ioadapt_theory import map_models, report, resize
from ioadapt_theory.adapters import adapt, disable, layers, parameters
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.moving import TransferError, transfer
from ioadapt_theory.moving.carrying import CarryWarning
from ioadapt_theory.moving.carrying.blocks import _Blocks
from ioadapt_theory.moving.carrying.extraction import extract
from ioadapt_theory.moving.carrying.fitting import IDLE
from ioadapt_theory.moving.carrying.starts import zeroed
from ioadapt_theory.moving.carrying.tables import to_text
from ioadapt_theory.moving.carrying.trial import Trial
from tests.effect.nets import Tokens, gauge, mlp

X = torch.randn(200, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
FRESH = torch.randn(100, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
pytestmark = pytest.mark.filterwarnings("ignore::ioadapt_theory.moving.carrying.CarryWarning")


def conv(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    first, second = nn.Conv2d(2, 5, 3, stride=2, padding=1), nn.Conv2d(5, 4, 3, padding=1, padding_mode="circular")
    return nn.Sequential(first, nn.ReLU(), second, nn.Tanh(), nn.Conv2d(4, 3, 1))


def adapted(model: nn.Module, size: float = 0.3, **options) -> nn.Module:
    options = {"target_modules": ["0", "2"], "rank": 2, "placement": "weight", "init": "random"} | options
    model = adapt(copy.deepcopy(model), **options)
    for name, p in parameters(model):
        if not name.endswith((".A", ".magnitude", ".m")):
            p.data *= size
    return model


def effect(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad(), disable(model):
        plain = model(x)
    with torch.no_grad():
        return model(x) - plain


def kept(source: nn.Module, target: nn.Module, x: torch.Tensor) -> float:
    """Return 1 - ‖d - d'‖²/‖d‖², where d and d' are the adapter's effects on the source and on the target."""
    d, d2 = effect(source, x), effect(target, x)
    return float((2 * d * d2 - d2 * d2).sum() / d.square().sum())


@pytest.mark.parametrize("placement", ["weight", "input", "output", "input+weight"])
@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_between_gauges_everything_is_kept(placement, kind):
    x, fresh, base = X, FRESH, mlp(0)
    if kind == "convolution":
        x, fresh = (t.repeat(1, 16)[:, :72].reshape(-1, 2, 6, 6) for t in (X[:90], FRESH[:30]))
        x, fresh, base = x + 0.5 * torch.randn_like(x), fresh + 0.5 * torch.randn_like(fresh), conv(0)
    source, target = adapted(base, placement=placement), gauge(base, 3)
    outcome = transfer(source, target, inputs=x, need="change")
    assert outcome.matched == ("0", "2")
    assert outcome.kept > 0.97
    assert kept(source, target, fresh) > 0.97
    assert outcome.kept_copied < 0.9
    assert outcome.interval[0] <= outcome.kept <= outcome.interval[1]
    for layer, module in layers(target).items():
        ours, theirs = module.adapters["default"], layers(source)[layer].adapters["default"]
        assert [(side, phi.rank) for side, phi in ours.parts()] == [(side, phi.rank) for side, phi in theirs.parts()]


def test_groups_of_channels_in_another_order():
    torch.manual_seed(0)
    base = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2, padding=1), nn.Tanh(), nn.Conv2d(6, 3, 1))
    target, order = copy.deepcopy(base), [2, 0, 1, 5, 3, 4]
    target[0].weight.data, target[0].bias.data = base[0].weight[order], base[0].bias[order]
    target[2].weight.data = base[2].weight[:, order]
    source, x = adapted(base, target_modules=["0"]), torch.randn(90, 4, 6, 6)
    outcome = transfer(source, copy.deepcopy(target), inputs=x, need="change")
    assert outcome.kept > 0.97 > 0.9 > outcome.kept_copied
    best = transfer(source, target, inputs=x, need="change", placement="best")  # groups have no input adapter
    assert (best.matched, best.unmatched) == (("0",), {})


def test_little_memory_fits_layer_by_layer_to_the_same_result():
    source = adapted(mlp(0))
    one, two = (transfer(source, mlp(5), inputs=X, need="change", memory=memory) for memory in (4.0, 1e-9))
    assert one.kept == pytest.approx(two.kept, abs=1e-6)
    assert one.layers.keys() == two.layers.keys()


def test_padding_does_not_count():
    source, x = adapted(Tokens(*mlp(0))), torch.randn(150, 10, 6)
    mask = (torch.arange(10) < torch.randint(2, 10, (150, 1))).long()
    padded = [{"x": torch.where(mask[..., None] > 0, x, pad), "attention_mask": mask} for pad in (0, x.flip(0))]
    one, two = (transfer(source, Tokens(*mlp(4)), inputs=batch, need="change", steps=0) for batch in padded)
    assert one.kept == pytest.approx(two.kept, abs=1e-5)
    assert one.layers["2"].rows < 0.7 * 90 * 10


def test_nothing_else_of_either_model_is_changed():
    source, target = adapted(mlp(0)), mlp(5)
    target.train()
    target[2].weight.requires_grad_(False)
    target[0].eval()
    target.gradient_checkpointing = True  # libraries set this attribute
    states = [copy.deepcopy(m.state_dict()) for m in (source, target)]
    modes, drawn = [m.training for m in source.modules()], torch.get_rng_state()
    outcome = transfer(source, target, inputs=X, need="change", steps=3)
    assert outcome == transfer(source, mlp(5), inputs=X, need="change", steps=3)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert [m.training for m in source.modules()] == modes
    assert target.training
    assert not target[0].training
    assert target.gradient_checkpointing
    assert all(p.grad is None for m in (source, target) for p in m.parameters())
    assert target[0].base_layer.weight.requires_grad
    assert not target[2].base_layer.weight.requires_grad
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in states[0].items())
    after = {key.replace(".base_layer", ""): value for key, value in target.state_dict().items()}
    after = {key: after[key] for key in after.keys() & states[1].keys()}
    assert after.keys() == states[1].keys()
    assert all(torch.equal(after[key], value) for key, value in states[1].items())
    assert not any(p.requires_grad for _, p in parameters(target))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in [*source.modules(), *target.modules()])
    assert {layer.active for layer in layers(target).values()} == {("default",)}


@pytest.mark.parametrize("family", ["dora", "loha", "lokr"])
@pytest.mark.parametrize("placement", ["weight", "output"])
def test_other_families_are_carried_as_lora(family, placement):
    base = mlp(0)
    source, target = adapted(base, family=family, placement=placement, size=0.6), gauge(base, 3)
    outcome = transfer(source, target, inputs=X, need="change", share=0.999)
    assert kept(source, target, FRESH) > 0.9
    assert {m.adapters["default"].family for m in layers(target).values()} == {"lora"}
    assert min(outcome.truncated.values()) >= 0.999
    ranked = transfer(source, gauge(base, 3), inputs=X, need="change", rank=1)
    assert {layer.rank for layer in ranked.layers.values()} == {1}
    assert "plain LoRA" in str(ranked)


def test_a_bias_that_comes_with_an_adapter_is_carried_too():
    base = mlp(0)
    source, target = adapted(base), gauge(base, 3)
    for module in layers(source).values():
        adapter = module.adapters["default"]
        adapter.shift = nn.Parameter(torch.randn(module.out_features))
    transfer(source, target, inputs=X, need="change")
    assert kept(source, target, FRESH) > 0.97
    adapter = layers(target)["0"].adapters["default"]
    assert adapter.shift.any()
    assert not zeroed({"0": adapter}, 0)["0"].shift.any()


def test_other_widths_names_and_depths():
    source = adapted(mlp(0), placement="input")
    torch.manual_seed(9)
    wide = nn.Sequential(nn.Linear(6, 30), nn.ReLU(), nn.Linear(30, 30), nn.ReLU(), nn.Linear(30, 7), nn.Tanh())
    wide.append(nn.Linear(7, 4))
    with pytest.raises(TransferError, match="no layer of this name"):
        transfer(adapted(mlp(0), target_modules=["4"]), nn.Sequential(*wide[:2], nn.Linear(30, 4)), inputs=X)
    named = transfer(source, copy.deepcopy(wide), inputs=X, need="change", rename={"2": "4"})
    assert {name: layer.source for name, layer in named.layers.items()} == {"0": "0", "4": "2"}
    found = transfer(source, wide, inputs=X, need="change", match="effect")
    assert {source for layer in found.layers.values() for source in layer.source.split(", ")} == {"0", "2"}
    with pytest.raises(TransferError, match="the target has no convolution"):
        transfer(adapted(conv(0)), mlp(1), inputs=X, match="effect")


def test_the_side_that_keeps_most_is_taken_layer_by_layer():
    base = mlp(0)
    source, target = adapted(base, placement="input", target_modules=["2"]), copy.deepcopy(base)
    outcome = transfer(source, target, inputs=X, need="change", placement="best")
    assert outcome.kept > 0.95
    assert {layer.side for layer in outcome.layers.values()} <= {"weight", "input", "output"}
    on_weight = transfer(source, copy.deepcopy(base), inputs=X, need="change", placement="weight")
    assert {layer.side for layer in on_weight.layers.values()} == {"weight"}
    assert on_weight.kept > 0.95


def test_a_target_that_is_fed_otherwise():
    source = adapted(mlp(0))
    turn = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    target = gauge(mlp(0), 3)
    target[0].weight.data = target[0].weight @ turn
    outcome = transfer(source, target, inputs=X, target_inputs=X @ turn, need="change")
    assert outcome.kept > 0.97


def test_half_precision_is_measured_in_float32():
    base = mlp(0).bfloat16()
    source, target = adapted(base, size=0.05), gauge(base, 3)
    outcome = transfer(source, target, inputs=X.bfloat16(), need="change")
    assert outcome.kept > 0.9
    assert "since half precision changes" in str(outcome)
    assert target[0].base_layer.weight.dtype == torch.bfloat16
    assert target(X.bfloat16()).dtype == torch.bfloat16


@pytest.fixture
def altered(monkeypatch):
    """Return a function that alters all predictions by a function of a candidate's name and its prediction."""
    honest = Trial.predicted

    def alter(by):
        made = lambda *args: {n: by(n, one) for n, one in honest(*args).items()}  # noqa: E731
        monkeypatch.setattr(Trial, "predicted", made)

    return alter


def test_nothing_is_added_if_no_candidate_keeps_anything_on_the_rows_used_to_select(altered):
    altered(lambda _, one: replace(one, cosine=-1.0))
    target = mlp(0)
    outcome = transfer(adapted(target), target, inputs=X, need="change")
    assert (outcome.chosen, outcome.matched) == ("zero", ())
    assert "no candidate keeps any of the gain on the rows used for selection" in str(outcome)


@pytest.mark.filterwarnings("default")
def test_nothing_is_put_where_nothing_is_kept():
    source, target = adapted(mlp(0), size=3.0), mlp(7)
    target[4].weight.data.zero_()  # in the target, earlier layers have no effect
    before = copy.deepcopy(target)
    with pytest.warns(CarryWarning, match="No adapter was added"):
        outcome = transfer(source, target, inputs=X, need="change")
    assert not layers(target)
    assert str(target) == str(before)
    assert (outcome.kept, outcome.matched, outcome.chosen) == (0.0, (), "zero")
    assert "No adapter was added to the target" in str(outcome)
    assert "does not influence" in outcome.unmatched["0"]


class Unused(nn.Sequential):
    """Layers of which the last is not called."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.Sequential(*[*self][:-1])(x)


@pytest.mark.parametrize(("columns", "family"), [(5, "full"), (7, "full"), (5, "lora")])
def test_an_adapter_on_a_layer_that_is_never_called_is_copied_or_reported(columns, family):
    source, target = Unused(*mlp(0), nn.Linear(6, 5)), Unused(*gauge(mlp(0), 1), nn.Linear(6, columns))
    source = adapted(source, family=family, target_modules=["2", "5"])
    outcome = transfer(source, target, inputs=X, need="change", steps=5)
    assert ("5" in outcome.matched) == (columns == 5)
    assert outcome.unmatched == ({} if columns == 5 else {"5": IDLE.format("source", "is never called")})
    end = adapted(nn.Sequential(*mlp(0), nn.Linear(4, 4)), target_modules=["5"])
    with pytest.warns(CarryWarning, match="cannot be fitted"):
        transfer(end, Unused(*mlp(1), nn.Linear(4, 4)), inputs=X, need="change")


def test_a_copy_stands_in_for_a_better_start_that_is_uncertain(altered):
    altered(lambda name, one: one if name == "copy" else replace(one, sampled=(-0.1, 1.0)))
    target = mlp(0)
    for p in target.parameters():
        p.data += 0.3 * p.std() * torch.randn_like(p)
    outcome = transfer(adapted(mlp(0)), target, inputs=X, need="change")
    best = max(outcome.scores, key=outcome.scores.get)
    assert 0 < outcome.scores["copy"] < outcome.scores[best]
    why = "which may keep none of the gain (lower bound -0.10)"
    assert outcome.chosen == "copy"
    assert outcome.notes[0] == f"The candidate 'copy' was added instead of the best one, {best!r}, {why}."


def test_steps_are_small_where_the_adapter_is_small():
    options = {"inputs": X, "target_inputs": X * 1e4, "need": "change"}
    first, second = mlp(5), mlp(5)
    for target in (first, second):
        target[0].weight.data /= 1e4
    plain = transfer(adapted(mlp(0)), first, steps=0, **options)
    assert transfer(adapted(mlp(0)), second, **options).kept > plain.kept + 0.02


def test_labels_are_kept_where_outputs_are_logits():
    torch.manual_seed(0)
    base = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 5))
    base[3].weight.data *= 12  # confident logits
    source, target = adapted(base, target_modules=["0", "3"]), copy.deepcopy(base)  # dropout stays active
    target[0].weight.data, target[3].weight.data = base[0].weight.flip(0), base[3].weight.flip(1)
    target[0].bias.data = base[0].bias.flip(0)
    outcome = transfer(source, target, inputs=X, need="labels")
    assert outcome.need == "labels"
    assert outcome.prediction.R_KL == outcome.kept > 0.97
    assert outcome.agreement == 1.0


def test_the_difference_of_a_tuned_model_is_an_adapter_by_its_effect():
    base = mlp(0, width=12)
    tuned, low = copy.deepcopy(base), torch.randn(12, 2) @ torch.randn(2, 6)
    tuned[0].weight.data += 0.3 * low
    outcome = extract(copy.deepcopy(base), tuned, X, rank=2, need="change")
    assert outcome.kept > 0.999
    assert outcome.matched == ("0",)
    tuned[2].weight.data += 0.2 * torch.randn(7, 12)
    skewed = X * torch.tensor([2.0, 1, 0.5, 0.25, 0.1, 0.05])
    narrow = extract(copy.deepcopy(base), tuned, skewed, rank=1, need="change")
    assert narrow.kept > narrow.kept_copied + 0.02  # the copy is the SVD of the change of the weights
    assert f"rank 1, {narrow.layers['0'].kept:z.2f} of the layer's squared effect can be kept" in str(narrow)
    source, target = copy.deepcopy(base), gauge(base, 3)
    moved = transfer(source, target, inputs=X, need="change", tuned=tuned, share=0.999)
    assert moved.kept > 0.9
    assert f"its closed form keeps {moved.layers['0'].kept:z.2f} of the layer's gain" in str(moved)
    assert not layers(source)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"need": "both"}, "need must be"),
        ({"placement": "left"}, "placement must be"),
        ({"steps": -1}, "steps must be"),
        ({"share": 0.0}, "share must be"),
        ({"memory": 0}, "memory must be"),
        ({"starts": ["nowhere"]}, "starts may contain .* not 'nowhere'"),
        ({"seconds": 0}, "seconds must be"),
        ({"seed": 1.5}, r"seed must be a whole number from 0 to 4,294,967,295, not 1\.5\."),
        ({"seed": "a"}, r"seed must be a whole number from 0 to 4,294,967,295, not 'a'\."),
        ({"seed": 2**32}, "seed must be a whole number from 0 to 4,294,967,295, not 4294967296"),
        ({"steps": 3, "seconds": 1.0}, "give one of them"),
        ({"inputs": None, "steps": 3}, "need, steps can be used only with inputs="),
        ({"inputs": X[:1]}, "1 row;"),
        ({"inputs": X[:, :5]}, "fails on the inputs"),
        ({"inputs": X * float("nan")}, "NaN"),
        ({"call": lambda m, x: m[0](x)}, "does not change|different shapes|of the source"),
        ({"rename": {"0": "nowhere"}}, "rename contains 'nowhere', but the target"),
        ({"rename": {"nowhere": "0"}}, "rename contains 'nowhere', but the source"),
        ({"rename": "0"}, "rename must be a mapping, such as .*, not a str"),
        ({"rename": [("0", "0")]}, "rename must be a mapping, such as .*, not a list"),
        ({"map": "a.safetensors"}, r"map must be a ModelMap, not a str; read a file with ModelMap.load\(path\)"),
    ],
)
def test_bad_inputs_are_one_sentence_and_change_nothing(options, sentence):
    source, target = adapted(mlp(0), target_modules=["2"] if "call" in options else ["0", "2"]), mlp(5)
    before = str(target)
    with pytest.raises(InvalidValueError, match=sentence):
        transfer(source, target, **{"inputs": X, "need": "change", **options})
    assert str(target) == before


@pytest.mark.parametrize("start", ["two-way", "procrustes", "one-way", "blocks", "zero"])
def test_steps_without_labels_go_on_from_any_start(start):
    source, target, plain = adapted(mlp(0)), mlp(5), mlp(5)
    options = {"inputs": X, "need": "change", "starts": [start]}
    first = transfer(source, plain, steps=0, **options)
    outcome = transfer(source, target, steps=60, **options)
    assert {*outcome.scores} - {outcome.chosen} == {"zero"} | ({"copy"} if outcome.kept_copied is not None else set())
    assert outcome.chosen.startswith(f"{start}, ")
    assert outcome.steps == 60
    assert outcome.kept > first.kept + 0.02
    assert kept(source, target, FRESH) > (kept(source, plain, FRESH) if first.matched else 0.0) + 0.02


def test_a_start_is_judged_after_its_first_steps():
    outcome = transfer(adapted(mlp(0)), mlp(5), inputs=X, need="change")
    assert outcome.steps > 0
    assert max(outcome.scores, key=outcome.scores.get) == outcome.chosen
    timed = transfer(adapted(mlp(0)), mlp(5), inputs=X, need="change", seconds=0.5)
    assert timed.steps > 0


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_single_start_may_take_very_few_steps(steps):
    outcome = transfer(adapted(mlp(0)), mlp(5), inputs=X, need="change", starts=("two-way",), steps=steps)
    assert outcome.steps in {0, steps}


def test_the_last_steps_are_on_all_rows():
    seen, stages = set(), []

    def call(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
        out = model(batch)
        if out.requires_grad and stages and stages[-1].startswith("training"):
            seen.update((stages[-1], float(row[0])) for row in batch)
        return out

    options = {"inputs": X, "need": "change", "starts": ["two-way"], "batch": 8, "call": call}
    outcome = transfer(adapted(mlp(0)), mlp(5), steps=100, progress=lambda stage, *_: stages.append(stage), **options)
    assert (outcome.chosen, outcome.steps) == ("two-way, 100 steps", 100)
    counts = [sum(stage == one for one, _ in seen) for stage in ("training", "training further")]
    assert counts == [sum(outcome.rows[:2]), len(X)]


def test_few_rows_are_enough_for_a_copy_where_the_weights_show_the_same_bases(altered):
    altered(lambda _, one: replace(one, doubt=replace(one.doubt, sampling=0.5)))
    tuned = mlp(0)
    for p in tuned.parameters():
        p.data += 0.02 * p.std() * torch.randn_like(p)
    found = [
        transfer(adapted(mlp(0)), there, inputs=X[:16], need="change", steps=0) for there in (tuned, gauge(mlp(0), 1))
    ]
    assert [one.chosen for one in found] == ["copy", "zero"]


@pytest.mark.parametrize("rank", [1, 12])
def test_a_lora_is_reduced_to_the_rank_and_may_exceed_a_smaller_layer(rank):
    base = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    source = adapted(base, target_modules=["0", "2"], rank=12)
    target = gauge(base, 3)
    outcome = transfer(source, target, inputs=X, need="change", rank=rank)
    assert max(layer.rank for layer in outcome.layers.values()) == (1 if rank == 1 else 12)
    assert outcome.kept > (0.1 if rank == 1 else 0.97)


def test_a_module_under_two_names_is_moved_once_and_left_clean():
    class Net(nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            torch.manual_seed(seed)
            block = nn.Linear(6, 6)
            self.blocks, self.head = nn.ModuleList([block, block]), nn.Linear(6, 3)

        def forward(self, x):
            for block in self.blocks:
                x = torch.tanh(block(x))
            return self.head(x)

    source, target = adapted(Net(0), target_modules=["blocks.0"]), Net(1)
    outcome = transfer(source, target, inputs=X, need="change")
    assert outcome.matched == ("blocks.0",)
    assert {layer.active for layer in layers(target).values()} == {("default",)}
    assert all({*layer.adapters} == {"default"} for layer in layers(target).values())


def test_models_without_a_difference_are_not_extracted():
    for tuned, sentence in ((mlp(0), "has the base's weights .*3 compared"), (nn.Sequential(mlp(0)), "share no names")):
        with pytest.raises(InvalidValueError, match=f"model.? {sentence}"):
            extract(mlp(0), tuned, X)


def test_the_sentences_below_the_table_hold_for_what_was_done():
    source, target = adapted(mlp(0)), mlp(5)
    labels, change = (
        to_text({"": transfer(source, copy.deepcopy(target), inputs=X, need=n)}) for n in ("labels", "change")
    )
    assert "gain in log-likelihood (R_KL)" in labels
    assert "two models predict" in labels
    assert "gain (R, if both models need the same change)" in change
    assert "two models predict" not in change  # since the outputs are not logits
    assert change.endswith("Next: test the adapter on labelled data.\n")
    report = extract(mlp(0), target, X, need="change")
    assert str(report).startswith("Low rank (")
    extracted = to_text({"": report})
    assert "two models predict" not in extracted  # since source and target are the same base
    assert extracted.endswith("Next: test the adapter on labelled data.\n")


def test_layers_that_are_copied_are_counted_not_ranked():
    torch.manual_seed(0)
    base = nn.Sequential(*(nn.Linear(6, 6) for _ in range(12)))
    source, target = adapted(base, target_modules=[str(k) for k in range(12)]), copy.deepcopy(base)
    target[3].weight.data *= 1.01
    outcome = transfer(source, target, inputs=X, need="change", steps=0)
    assert outcome.chosen == "copy"
    assert "  2 more layers are copied." in str(outcome)
    text = to_text({"": outcome}, 6)
    assert "12 layers start from a copy; --all lists them." in text
    assert "keep least" not in text
    assert "in the line of a layer" not in text
    assert text.count("weight") == 0 < to_text({"": outcome}).count("weight")


def test_layers_that_are_trained_from_zero_are_not_called_copies():
    outcome = transfer(adapted(mlp(0)), mlp(5), inputs=X, need="change", starts=["zero"], steps=40)
    assert outcome.chosen.startswith("zero, ")
    assert "copied" not in str(outcome).partition("\n")[2]
    assert "2 layers start from zero; --all lists them." in to_text({"": outcome}, 6)


def test_the_outcome_names_what_is_compared():
    outcome = transfer(adapted(mlp(0)), mlp(5), inputs=X, need="outputs", steps=0)
    assert "need: outputs" in str(outcome)
    assert "need: outputs" in to_text({"": outcome})
    assert (outcome.to_json()["need"], outcome.to_json()["kept"]) == ("outputs", outcome.kept)
    assert "need: outputs" in outcome.to_html()
    with pytest.raises(InvalidValueError, match=r"must be models .*, not str"):
        transfer("source", mlp(5))


@pytest.mark.parametrize("size", [1e18, float("inf")])
def test_a_start_whose_outputs_are_not_finite_is_left_out(size, monkeypatch):
    source, target = adapted(mlp(0), target_modules=["0", "4"]).float(), mlp(1).float()

    def huge(trial, adapters, *_):
        made = copy.deepcopy(adapters)
        for adapter in made.values():
            for p in adapter.parameters():
                p.data.fill_(size)
        return made

    monkeypatch.setattr("ioadapt_theory.moving.carrying.starts.by_blocks", huge)
    outcome = transfer(source, target, inputs=X.float(), need="change", steps=20)
    assert outcome.kept > 0
    assert outcome.scores["blocks"] == -float("inf")
    assert "-inf" not in str(outcome)


def test_blocks_whose_features_overflow_are_no_start(monkeypatch):
    source, target = adapted(mlp(0)).float(), mlp(1).float()
    fit = _Blocks._fit

    def first_is_huge(self, name, calls):
        fit(self, name, calls)
        for p in self.made[name].parameters():
            p.data.fill_(1e30)

    monkeypatch.setattr(_Blocks, "_fit", first_is_huge)
    outcome = transfer(source, target, inputs=X.float(), need="change", steps=0)
    assert outcome.kept > 0
    assert "blocks" not in outcome.scores


def test_a_prediction_says_that_it_leaves_out_other_adapters_of_the_target():
    source, target = adapted(mlp(0)), adapted(mlp(0), name="other")
    with pytest.warns(CarryWarning, match="is for the adapter alone; other on the target stays active, too"):
        transfer(source, target, inputs=X, need="change")
    assert layers(target)["0"].active == ("other", "default")


MOVES = {
    "transfer": lambda x: transfer(adapted(mlp(0)), mlp(5), inputs=x(), target_inputs=x(), need="change", steps=2),
    "tuned": lambda x: transfer(mlp(0), mlp(5), inputs=x(), tuned=mlp(1), need="change", steps=0),
    "resize": lambda x: resize(adapted(mlp(0)), x(), rank=1, need="change", steps=2),
    "report": lambda x: report(adapted(mlp(0)), mlp(5), None, x(), target_inputs=x(), need="change").predictions.copied,
    "map": lambda x: map_models(mlp(0), mlp(5), x(), need="change").places["0:input"].activations,
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("once", [True, False])
def test_inputs_may_be_read_only_once_or_require_gradients(move, once):
    plain = [*X.split(90)]
    given = (lambda: iter(plain)) if once else (lambda: [x.clone().requires_grad_() for x in plain])
    one, two = (MOVES[move](x) for x in (given, lambda: plain))
    assert getattr(one, "kept", one) == getattr(two, "kept", two)
