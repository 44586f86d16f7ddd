"""The report never calls identical layers safe, names ratios and kin, and says how often its advice was right."""

import copy
import json

import pytest
import torch
from torch import nn

from ioadapt_theory.adapters import adapt, layers
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Word
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.report.advice import Action
from ioadapt_theory.report.assemble import Report, report
from ioadapt_theory.report.kin.branches import branches
from ioadapt_theory.report.kin.kinship import Kin
from ioadapt_theory.report.page import to_html
from ioadapt_theory.report.records import to_json
from ioadapt_theory.report.text import to_text
from tests.report.models import changed, merged, network, tuned


def adapted(model: nn.Sequential, placement: str, targets: tuple[str, ...] = ("0", "2", "4", "6")) -> nn.Module:
    return adapt(copy.deepcopy(model), target_modules=targets, placement=placement, rank=3, init="random")


def words(found: Report) -> dict[str, Word]:
    return {pair.name: part.verdict.word for pair in found.layers for part in pair.parts}


@pytest.mark.parametrize("placement", list(Placement))
def test_an_identical_layer_behind_a_changed_one_is_not_called_shared(placement: Placement):
    source, stranger = network(0), network(1)
    target = changed(source, lambda k, w: stranger[0].weight.data if k == 0 else w)
    pairs = {pair.name: pair for pair in report(source, target).layers}
    assert pairs["2"].equal
    assert pairs["2"].sides.input.excess == pytest.approx(1)
    verdict = pairs["2"].verdicts[placement]
    assert verdict.word is Word.UNDECIDED
    assert verdict.why.startswith("first changed layer 0, output")
    actions = [advice.action for advice in report(adapted(source, placement, ("2",)), target).advice]
    assert actions == [*[Action.CONVERT] * (placement is Placement.WEIGHT), Action.MEASURE]


@pytest.mark.parametrize("placement", list(Placement))
def test_equal_models_share_everything_and_a_copy_is_advised(placement: Placement):
    source = network(0)
    found = report(adapted(source, placement), copy.deepcopy(source))
    assert set(words(found).values()) == {Word.SHARED}
    assert found.advice[0].action is Action.COPY
    assert found.kinship.kin is Kin.SAME


@pytest.mark.parametrize("what", ["norm", "bias"])
def test_models_that_differ_in_norms_or_biases_alone_are_not_the_same(what: str):
    source = nn.Sequential(nn.Linear(20, 24), nn.LayerNorm(24), nn.Linear(24, 24))
    target = copy.deepcopy(source)
    (target[1].weight if what == "norm" else target[0].bias).data.normal_()
    found = report(source, target)
    assert found.kinship.kin is Kin.FINE_TUNED
    assert "norms and biases not" in found.kinship.why
    second = next(pair for pair in found.layers if pair.name == "2")
    assert (second.before is not None) == (what == "norm")


def test_halved_and_doubled_layers_are_named_with_their_ratios():
    source = network(0)
    target = changed(source, lambda k, w: w * {2: 0.5, 4: 2.0}.get(k, 1.0))
    found = report(adapted(source, "weight"), target)
    (advice,) = [a for a in found.advice if a.action is Action.RESCALED]
    assert "2 x 0.50, 4 x 2.00" in advice.how
    assert [a for a in report(adapted(source, "input"), target).advice if a.action is Action.RESCALED] == []


def test_strangers_share_nothing_and_the_adapter_is_to_be_trained_anew():
    found = report(adapted(network(0), "weight", ("2", "4")), network(1))
    assert set(words(found).values()) == {Word.NOTHING}
    assert found.advice[0].action is Action.RETRAIN
    assert found.kinship.kin is Kin.STRANGER


SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [0.1, 0.3, 0.8])
def test_a_fine_tuned_model_is_told_with_its_direction(seed: int, size: float):
    parent = network(seed)
    child = tuned(parent, size, 100 + seed)
    found, back = report(parent, child).kinship, report(child, parent).kinship
    assert found.kin is back.kin is Kin.TRAINED
    assert "the target is the child" in found.why
    assert "the source is the child" in back.why


@pytest.mark.parametrize("seed", SEEDS)
def test_a_merged_adapter_is_told_by_the_rank_of_its_update(seed: int):
    parent = network(seed)
    assert report(parent, merged(parent, 3, seed)).kinship.kin is Kin.MERGED


@pytest.mark.parametrize("seed", SEEDS)
def test_two_children_of_one_parent_are_siblings(seed: int):
    parent = network(seed)
    pair = [tuned(parent, 0.3, 10 * seed + k) for k in (1, 2)]
    assert report(*pair).kinship.kin is Kin.BESIDE


def test_a_sibling_that_hardly_left_the_parent_is_among_what_the_word_names():
    parent = network(0)
    far, near = tuned(parent, 0.3, 1), tuned(parent, 0.03, 2)
    for found in (report(far, near).kinship.kin, report(near, far).kinship.kin):
        assert Kin.SIBLING in found.covers


def test_children_that_had_an_adapter_merged_each_are_siblings_too():
    parent = network(0)
    assert report(merged(parent, 3, 1), merged(parent, 3, 2)).kinship.kin is Kin.BESIDE


@pytest.mark.parametrize(("share", "word"), [(0.5, Kin.TRAINED), (0.75, Kin.BESIDE)])
def test_a_merge_of_two_children_is_named_among_what_looks_like_it(share: float, word: Kin):
    one, two = (tuned(network(0), 0.4, seed) for seed in (1, 2))
    mean = changed(one, lambda k, w: (1 - share) * w + share * two[k].weight.data)
    found = report(one, mean).kinship.kin
    assert Kin.MERGED in found.covers
    assert found is word


def test_layers_that_were_taken_out_make_a_model_pruned_and_distilled_if_it_was_trained_on():
    parent = network(0)

    def without_one(model: nn.Sequential) -> nn.Module:
        return nn.ModuleDict({f"{k}": part for k, part in enumerate(model) if k != 4})

    assert report(parent, without_one(tuned(parent, 0.05, 1))).kinship.kin is Kin.PRUNED
    assert "missing in the source" in report(without_one(parent), tuned(parent, 0.05, 1)).kinship.why
    assert report(parent, without_one(tuned(parent, 1.0, 1))).kinship.kin is Kin.DISTILLED


def blocks(count: int, seed: int) -> nn.Module:
    """A stream through blocks that are alike in shape."""
    torch.manual_seed(seed)
    block = [
        nn.ModuleDict({"norm": nn.LayerNorm(32), "up": nn.Linear(32, 48), "down": nn.Linear(48, 32)})
        for _ in range(count)
    ]
    return nn.ModuleDict({"embed": nn.Linear(20, 32), "layers": nn.ModuleList(block), "head": nn.Linear(32, 10)})


@pytest.mark.parametrize("seed", SEEDS)
def test_renumbered_blocks_are_held_against_those_they_were(seed: int):
    source = blocks(8, seed)
    kept = sorted(torch.randperm(8, generator=torch.Generator().manual_seed(seed))[:5].tolist())
    target = copy.deepcopy(source)
    target["layers"] = nn.ModuleList(target["layers"][k] for k in kept)
    for part in target.modules():
        if isinstance(part, nn.LayerNorm):
            part.weight.data += 0.01
    found = report(source, target)
    assert {p.name: p.counterpart for p in found.layers if "layers" in p.name} == {
        f"layers.{old}.{part}": f"layers.{new}.{part}" for new, old in enumerate(kept) for part in ("down", "up")
    }
    assert found.kinship.kin is Kin.PRUNED
    assert all(pair.equal for pair in found.layers)


def test_a_layer_without_a_counterpart_changes_what_later_ones_read():
    parent = network(0)
    target = nn.ModuleDict({f"{k}": part for k, part in enumerate(parent) if k != 2})
    found = report(parent, target)
    assert found.missing == ("2",)
    assert {p.name: p.before.name if p.before else None for p in found.layers} == {"0": None, "4": "2", "6": "2"}
    assert "first changed layer: 2, no counterpart" in to_text(found)


def test_what_of_the_adapter_does_not_fit_is_named():
    source, target = network(0), network(0)
    target[2] = nn.Linear(WIDTH_2 := source[2].in_features, 99)
    assert WIDTH_2 != 99
    found = report(adapted(source, "output"), target)
    assert "output side" in found.lost["2"]
    assert "3 of 4 adapted layers fit" in to_text(found)
    assert "2: not moved" in to_text(found)


def test_without_an_adapter_the_report_says_where_to_put_one():
    source = network(0)
    assert report(source, tuned(source, 0.1, 1)).advice[0].action is Action.INPUT
    generator = torch.Generator().manual_seed(3)
    turned = changed(source, lambda k, w: torch.linalg.qr(torch.randn(len(w), len(w), generator=generator))[0] @ w)
    assert report(source, turned).advice[0].action is Action.AUTO  # inputs are shared, but what feeds them has moved
    assert report(network(5), network(6)).advice[0].action in (Action.RETRAIN, Action.AUTO)


def test_every_advice_says_how_often_it_was_right():
    for key, text in THRESHOLDS.tested.items():
        assert "of" in text, key
        assert any(c.isdigit() for c in text), key


def test_only_a_lora_is_converted():
    source, target = network(0), network(0)
    target[0].weight.data = network(1)[0].weight.data
    dora = adapt(copy.deepcopy(source), target_modules=["2"], placement="weight", family="dora", rank=3)
    assert [advice.action for advice in report(dora, target).advice] == [Action.MEASURE]


def test_layers_in_common_there_must_be():
    with pytest.raises(InvalidValueError, match=r"the source has 4 such as 0, the target 1 such as other"):
        report(network(0), nn.ModuleDict({"other": nn.Linear(3, 4)}))


def test_the_json_and_the_page_hold_every_layer_and_the_last_line():
    source = network(0)
    found = report(adapted(source, "weight"), tuned(source, 0.2, 3), names=("<b>a</b>", "b", "c"))
    data = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert [layer["name"] for layer in data["layers"]] == ["0", "2", "4", "6"]
    assert set(data["layers"][0]["input"]) == {"cosine", "null_mean", "null_sd", "z", "excess"}
    assert data["last"] == found.last == to_text(found).splitlines()[-1] == str(found)
    page = to_html(found)
    assert "<b>a</b>" not in page
    assert "&lt;b&gt;a&lt;/b&gt;" in page
    assert page.count("<tr>") >= 4
    assert all(part not in page for part in ("http:", "https:", "src=", "<script "))
    assert page.count("<script") == 1  # our own, which sorts and filters
    assert found.advice[0].tested.split()[0] in page


def test_the_report_leaves_the_models_as_they_were():
    source = adapted(network(0), "input")
    target = tuned(network(0), 0.1, 1)
    before = {k: v.clone() for k, v in target.state_dict().items()}
    report(source, target, inputs=[torch.randn(5, 20)])
    assert before.keys() == target.state_dict().keys()
    assert all(torch.equal(before[k], v) for k, v in target.state_dict().items())
    assert all(p.requires_grad for p in target.parameters())
    assert not layers(target)
    assert len(layers(source)) == 4


def test_networks_beside_each_other_do_not_come_before_each_other():
    beside = ["H.0", "H.2", "C.0", "C.2"]
    assert branches(beside) == {"H.0": "H", "H.2": "H", "C.0": "C", "C.2": "C"}
    assert set(branches(["0.a", "0.b", "1.a", "1.b"]).values()) == {""}
    assert set(branches(["q", "k", "v"]).values()) == {""}


@pytest.mark.parametrize("size", [1e-4, 1e-3])
def test_a_light_fine_tune_is_not_called_the_same(size: int):
    parent = network(0)
    found = report(parent, tuned(parent, size, 1)).kinship
    assert found.kin is Kin.TRAINED
    assert "the projections do not tell which was first" in found.why


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_another_precision_is_the_same_model(dtype: torch.dtype):
    parent = network(0)
    assert report(parent, copy.deepcopy(parent).to(dtype)).kinship.kin is Kin.SAME


@pytest.mark.parametrize("seed", SEEDS)
def test_a_narrower_mlp_is_pruned_and_not_the_same(seed: int):
    source = network(seed)
    target = copy.deepcopy(source)
    kept = torch.randperm(source[2].out_features, generator=torch.Generator().manual_seed(seed))[:30]
    for name, axis in (("2", 0), ("4", 1)):
        layer = target[int(name)]
        layer.weight = nn.Parameter(layer.weight.data.index_select(axis, kept))
        layer.in_features, layer.out_features = layer.weight.shape[1], layer.weight.shape[0]
    target[2].bias = nn.Parameter(target[2].bias.data[kept])
    found = report(source, target).kinship
    assert found.kin is Kin.PRUNED
    assert "2 layers have fewer channels in the target" in found.why
    assert "in the source" in report(target, source).kinship.why


def test_layers_of_strangers_that_are_of_another_width_are_no_part_of_each_other():
    source, target = (nn.Sequential(nn.Linear(64, n), nn.Tanh(), nn.Linear(n, 24)) for n in (40, 90))
    assert report(source, target).kinship.kin is Kin.STRANGER


@pytest.mark.parametrize("seed", SEEDS)
def test_zeros_make_a_model_pruned_whichever_of_the_two_has_them(seed: int):
    parent = network(seed)
    target = changed(parent, lambda _, w: w * (w.abs() > w.abs().median()))
    assert "of the target's numbers are zero" in report(parent, target).kinship.why
    assert "of the source's numbers are zero" in report(target, parent).kinship.why


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dequantised_copy_is_told_by_its_codes_and_a_fine_tune_is_not(seed: int):
    parent = network(seed)

    def coded(_: int, w: torch.Tensor) -> torch.Tensor:
        step = w.abs().max() / 7
        return (w / step).round() * step

    assert report(parent, changed(parent, coded)).kinship.kin is Kin.QUANTISED
    assert report(parent, changed(tuned(parent, 0.5, 1), coded)).kinship.kin is Kin.TRAINED
