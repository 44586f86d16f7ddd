"""A placement per layer: exact under every change of basis of heads and neurons, chosen by what two bases share."""

import copy
import math
import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn.init import orthogonal_
from torch.testing import assert_close

from ioadapt_theory.adapters import AdapterConfig, adapt, layers, transfer
from ioadapt_theory.adapters.base_weights import BaseLayer
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.auto import by_weights
from ioadapt_theory.adapters.rules.residual import residual_side
from ioadapt_theory.adapters.rules.sides import side, sides
from ioadapt_theory.effect import expected, whole
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.null import moments, of_matrix
from tests.adapters.foreign import tiny_llama, tiny_unet

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]
WIDTH, HEADS, NEURONS = 8, 2, 12


class Block(nn.Module):
    """Attention and a ReLU MLP on a residual stream, without biases where a basis is private."""

    def __init__(self) -> None:
        super().__init__()
        for name in LAYERS[:4]:
            setattr(self, name, nn.Linear(WIDTH, WIDTH, bias=name == "o_proj"))
        self.up_proj, self.down_proj = nn.Linear(WIDTH, NEURONS, bias=False), nn.Linear(NEURONS, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens, width) -> the same."""
        q, k, v = (f(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        attention = torch.softmax(q @ k.mT / math.sqrt(WIDTH // HEADS), dim=-1)
        x = x + self.o_proj((attention @ v).transpose(1, 2).flatten(2))
        return x + self.down_proj(torch.relu(self.up_proj(x)))


def matrix(layer: nn.Module, change: Tensor, *, left: bool) -> None:
    """W <- change W or W change, in the paper's layout."""
    w = layer.weight.data.mT
    layer.weight.data = (change @ w if left else w @ change).mT.contiguous()


def another_basis(block: Block, *, rotation: bool = False) -> Block:
    """The same function: other bases for every head and the neurons permuted and scaled."""
    twin = Block()
    twin.load_state_dict(block.state_dict())
    generator = torch.Generator().manual_seed(5)

    def heads() -> Tensor:
        size = WIDTH // HEADS
        blocks = [torch.randn(size, size) for _ in range(HEADS)]
        return torch.block_diag(*(orthogonal_(block, generator=generator) if rotation else block for block in blocks))

    r, s = heads(), heads()
    matrix(twin.q_proj, r, left=False)
    matrix(twin.k_proj, torch.linalg.inv(r).mT, left=False)
    matrix(twin.v_proj, s, left=False)
    matrix(twin.o_proj, torch.linalg.inv(s), left=True)
    p = torch.eye(NEURONS)[torch.randperm(NEURONS)]
    scales = torch.ones(NEURONS) if rotation else torch.rand(NEURONS) + 0.5
    matrix(twin.up_proj, p * scales, left=False)
    matrix(twin.down_proj, torch.linalg.inv(p * scales), left=True)
    return twin


def moved(placement: str, source: Block, target: Block, **options: object) -> float:
    """Largest difference of the outputs of both models under one adapter."""
    x = torch.randn(3, 5, WIDTH)
    adapt(source, target_modules=LAYERS, placement=placement, rank=2, alpha=3, init="random", **options)
    transfer(source, target)
    return float((source(x) - target(x)).detach().abs().max())


# residual


def test_the_residual_side_is_exact_under_every_change_of_basis_of_heads_and_neurons():
    source = Block()
    target = another_basis(source)
    x = torch.randn(3, 5, WIDTH)
    assert_close(target(x), source(x))  # the bases do compute the same
    assert (target.q_proj.weight - source.q_proj.weight).abs().max() > 0.1
    assert moved("residual", source, target) < 1e-10
    for placement in ("input", "output", "weight"):
        source = Block()
        assert moved(placement, source, another_basis(source)) > 1e-2


def test_layers_that_are_not_on_the_stream_are_named_at_once_and_can_be_told():
    model = nn.ModuleDict(
        {f"b{i}": nn.ModuleDict({"q_proj": nn.Linear(4, 4), "conv1": nn.Linear(4, 4)}) for i in range(3)}
    )
    model["emb"] = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    unknown = r"whether conv1 \(3\), emb.0, emb.1 read the residual stream or write to it"
    with pytest.raises(InvalidValueError, match=unknown) as e:
        adapt(model, target_modules="all-linear", placement="residual")
    assert "placement_pattern={'conv1': 'input', 'emb.0': 'input', ...}" in str(e.value)
    assert not layers(model)
    told = {"conv1": "input", r"emb\.\d": "output"}
    adapt(model, target_modules="all-linear", placement="residual", placement_pattern=told)
    assert len(layers(model)) == 8
    with pytest.raises(UnknownNameError, match="Known: auto, input, output, residual, weight"):
        AdapterConfig(target_modules=["x"], placement="residual+weight")  # a rule is no part of a sum


@pytest.mark.filterwarnings("ignore")
def test_every_linear_layer_of_real_blocks_has_its_side():
    llama = adapt(tiny_llama(), target_modules="all-linear", placement="residual")
    placed = {n.rpartition(".")[2]: list(m.adapters["default"]) for n, m in layers(llama).items()}
    assert {n for n, s in placed.items() if s == ["output"]} == {"o_proj", "down_proj"}
    assert {n for n, s in placed.items() if s == ["input"]} == {"q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"}
    named = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
    unet = layers(adapt(tiny_unet(), target_modules=named, placement="residual"))
    outputs = {n.split("transformer_blocks.0.")[1] for n, m in unet.items() if "output" in m.adapters["default"]}
    assert outputs == {"attn1.to_out.0", "attn2.to_out.0", "ff.net.2"}


SIDES = {
    "single_transformer_blocks.0.proj_mlp": "input",
    "single_transformer_blocks.0.proj_out": "output",
    "down_blocks.0.attentions.1.proj_in": "input",
    "mid_block.attentions.0.proj_out": "output",
    "encoder.layers.0.linear1": "input",
    "encoder.layers.0.linear2": "output",
    "double_blocks.0.txt_attn.proj": "output",
    "proj_out": None,  # FLUX's last layer reads the stream, a block of the same name writes to it
    "head.linear1": None,
    "time_embedding.linear_1": None,
    "blocks.0.norm1.linear": None,
}


@pytest.mark.parametrize("name", SIDES)
def test_names_that_mean_different_things_count_with_what_stands_before_them(name):
    if SIDES[name] is None:
        with pytest.raises(InvalidValueError, match=re.escape(f"whether {name} reads")):
            residual_side(name)
    else:
        assert residual_side(name) == SIDES[name]


# auto


def test_auto_moves_exactly_between_rotated_heads():
    source = Block()
    target = another_basis(source, rotation=True)
    x = torch.randn(3, 5, WIDTH)
    adapt(source, target_modules=LAYERS, placement="auto", target=target, rank=2, init="random")
    chosen = {n: list(m.adapters["default"]) for n, m in layers(source).items()}
    assert chosen == {n: [residual_side(n)] for n in LAYERS}
    transfer(source, target)
    assert_close(target(x), source(x))


def twins(share: float) -> tuple[nn.Sequential, nn.Sequential]:
    """Two networks whose second layers share that much, the first ones all."""
    one, two = (nn.Sequential(nn.Linear(24, 24), nn.Linear(24, 20)) for _ in range(2))
    two[0].weight.data = one[0].weight.data.clone()
    two[1].weight.data = share * one[1].weight.data + (1 - share) * two[1].weight.data
    return one, two


def test_auto_puts_nothing_where_nothing_is_shared_and_names_it_unless_it_is_told_a_side():
    source, target = twins(0)
    config = AdapterConfig(target_modules=["0", "1"], placement="auto")
    assert by_weights(source, config, target) == {"0": Placement.INPUT, "1": None}
    told, options = copy.deepcopy(source), {"placement": "auto", "placement_pattern": {"1": "output"}}
    adapt(told, target_modules=["0", "1"], target=target, rank=2, **options)
    assert [*layers(told)["1"].adapters["default"]] == ["output"]
    with pytest.warns(UserWarning, match=r"skips 1 of 2 layers, .* share nothing with the target: 1$"):
        adapt(source, target_modules=["0", "1"], placement="auto", target=target, rank=2)
    assert list(layers(source)) == ["0"]
    stranger, (one, two) = twins(0)[0], twins(0.9)
    with pytest.raises(InvalidValueError, match="All 1 layers share nothing with the target"):
        adapt(stranger, target_modules=["1"], placement="auto", target=target)
    assert not layers(stranger)
    assert by_weights(one, config, two)["1"] is Placement.INPUT  # the first where both are shared


def test_with_inputs_the_law_chooses_and_leaves_out_what_keeps_nothing():
    source, target, x = Block(), another_basis(Block()), torch.randn(60, 5, WIDTH)
    target.load_state_dict(source.state_dict())
    for name in ("q_proj", "v_proj", "up_proj"):
        getattr(target, name).weight.data += 0.1 * torch.randn_like(getattr(target, name).weight)
    law = expected(source, target, {n: (getattr(source, n), getattr(target, n)) for n in LAYERS}, whole(x))
    adapt(source, target_modules=LAYERS, placement="auto", target=target, inputs=x, rank=2)
    chosen = {n: next(iter(m.adapters["default"])) for n, m in layers(source).items()}
    assert set(chosen) == set(LAYERS)
    for name, placement in chosen.items():
        shares = {one: law[name, one].R for one in ("input", "output")}
        assert shares[placement] > max(shares.values()) - 0.03
    stranger = Block()
    for options, sentence in (
        ({"placement": "auto", "target": Block(), "inputs": x}, "All 1 layers keep nothing on the target"),
        ({"placement": "input", "inputs": x}, "needs placement='auto', but placement is 'input'"),
        ({"placement": "auto"}, "target="),
    ):
        with pytest.raises(InvalidValueError, match=sentence):
            adapt(stranger, target_modules=["q_proj"], **options)
        assert not layers(stranger)


def test_layers_that_were_renumbered_are_compared_with_those_they_were_and_those_removed_get_nothing():
    blocks = [Block() for _ in range(4)]
    source, target = nn.Module(), nn.Module()
    source.layers = nn.ModuleList(copy.deepcopy(blocks))
    target.layers = nn.ModuleList(copy.deepcopy([blocks[0], blocks[3]]))
    chosen = by_weights(source, AdapterConfig(target_modules=LAYERS, placement="auto"), target)
    for name, placement in chosen.items():
        assert placement is (Placement.INPUT if name.startswith(("layers.0.", "layers.3.")) else None)
    with pytest.warns(UserWarning, match="skips 12 of 24 layers"):
        adapt(source, target_modules=LAYERS, placement="auto", target=target, rank=2, init="random")
    assert len(transfer(source, target, match="provenance").matched) == 12


# what two layers share on either side


def centred(x: Tensor) -> Tensor:
    k = x @ x.mT
    return k - k.trace() / len(k) * torch.eye(len(k))


@pytest.mark.parametrize("cuts", [(0, 12), (0, 4, 8, 12), (0, 5, 12)], ids=str)
@pytest.mark.parametrize(("m", "n"), [(5, 5), (5, 30), (30, 7)])
def test_cosine_and_null_are_those_of_the_grams_written_out_at_any_scale(m, n, cuts):
    a, b = torch.randn(12, m) + 0.3, torch.randn(12, n) * (torch.rand(12, 1) + 0.5)
    k, k2 = centred(a), centred(b)
    norms = float(k.norm() * k2.norm())
    mean, sd = moments(of_matrix(k.numpy(), cuts), of_matrix(k2.numpy(), cuts))
    exact = (float((k * k2).sum()) / norms, mean / norms, sd / norms)
    for scale in (1e-150, 1, 1e150):
        one = side(a, b * scale, cuts)
        assert (one.cosine, one.mean, one.sd) == pytest.approx(exact, rel=1e-9)


def test_what_is_a_multiple_of_the_identity_or_zero_has_no_space():
    a, q = torch.randn(6, 4), orthogonal_(torch.empty(6, 6))
    assert side(q, a) is None
    assert side(torch.zeros(6, 4), a) is None


@pytest.mark.parametrize("taps", [(), (3, 3)])
def test_a_rotation_of_the_outputs_keeps_the_input_side(taps):
    w, q = torch.randn(24 * math.prod(taps), 10), orthogonal_(torch.empty(10, 10))
    both = sides(BaseLayer(w, None, taps), BaseLayer(-2 * w @ q, None, taps))
    assert both.input.excess == pytest.approx(1)
    assert both.output.excess < 0.8
    assert both.ratio == pytest.approx(2)
    other = sides(BaseLayer(w, None, taps), BaseLayer(torch.randn(len(w), 11), None, taps))
    assert (other.output, other.cosine) == (None, None)
