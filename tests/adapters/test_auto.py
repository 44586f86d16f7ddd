"""A placement per layer: exact under every change of basis of heads and neurons, chosen by what two bases share."""

import copy
import math
import re

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from ioadapt_theory.adapters import AdapterConfig, adapt, layers, transfer
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.auto import choices
from ioadapt_theory.adapters.rules.residual import residual_side
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.linalg import orthogonal
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
        make = (lambda: orthogonal(size, generator=generator)) if rotation else (lambda: torch.randn(size, size))
        return torch.block_diag(*(make() for _ in range(HEADS)))

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


def test_the_residual_side_is_exact_under_every_change_of_basis_of_heads_and_neurons():
    source = Block()
    target = another_basis(source)
    x = torch.randn(3, 5, WIDTH)
    assert_close(target(x), source(x))  # the bases do compute the same
    assert (target.q_proj.weight - source.q_proj.weight).abs().max() > 0.1
    assert moved("residual", source, target) < 1e-10


def test_auto_moves_exactly_between_rotated_heads():
    source = Block()
    target = another_basis(source, rotation=True)
    x = torch.randn(3, 5, WIDTH)
    adapt(source, target_modules=LAYERS, placement="auto", target=target, rank=2, init="random")
    assert {n: list(m.adapters["default"]) for n, m in layers(source).items()} == {
        n: [residual_side(n)] for n in LAYERS
    }
    transfer(source, target)
    assert_close(target(x), source(x))


def twins(share: float) -> tuple[nn.Sequential, nn.Sequential]:
    """Two networks whose second layers share that much, the first ones all."""
    one, two = (nn.Sequential(nn.Linear(24, 24), nn.Linear(24, 20)) for _ in range(2))
    two[0].weight.data = one[0].weight.data.clone()
    two[1].weight.data = share * one[1].weight.data + (1 - share) * two[1].weight.data
    return one, two


def test_auto_puts_nothing_where_nothing_is_shared_and_names_it():
    source, target = twins(0)
    found = choices(source, AdapterConfig(target_modules=["0", "1"], placement="auto"), target)
    assert {name: choice.placement for name, choice in found.items()} == {"0": Placement.INPUT, "1": None}
    with pytest.warns(UserWarning, match=r"leaves out 1 of 2 layers, .* share nothing with the target: 1$"):
        adapt(source, target_modules=["0", "1"], placement="auto", target=target, rank=2)
    assert list(layers(source)) == ["0"]
    stranger = twins(0)[0]
    with pytest.raises(InvalidValueError, match="None of the 1 layers shares a side"):
        adapt(stranger, target_modules=["1"], placement="auto", target=target)
    assert not layers(stranger)


def stack(blocks: list[Block]) -> nn.Module:
    model = nn.Module()
    model.layers = nn.ModuleList(copy.deepcopy(blocks))
    return model


def test_layers_that_were_renumbered_are_held_against_those_they_were_and_those_removed_get_nothing():
    blocks = [Block() for _ in range(4)]
    source, target = stack(blocks), stack([blocks[0], blocks[3]])
    found = choices(source, AdapterConfig(target_modules=LAYERS, placement="auto"), target)
    for name, choice in found.items():
        kept = name.startswith(("layers.0.", "layers.3."))
        assert choice.placement is (Placement.INPUT if kept else None)
        assert not kept or choice.sides.cosine == pytest.approx(1)
    with pytest.warns(UserWarning, match="leaves out 12 of 24 layers"):
        adapt(source, target_modules=LAYERS, placement="auto", target=target, rank=2, init="random")
    report = transfer(source, target, match="provenance")
    assert len(report.matched) == 12


def test_auto_without_a_target_says_what_it_needs():
    with pytest.raises(InvalidValueError, match="target="):
        adapt(Block(), target_modules=LAYERS, placement="auto")
    with pytest.raises(InvalidValueError, match="target="):
        AdapterConfig(target_modules=LAYERS, placement="auto").resolve("q_proj")


def test_all_that_a_whole_model_has_of_unknown_kinds_is_named_at_once():
    model = nn.ModuleDict(
        {f"b{i}": nn.ModuleDict({"q_proj": nn.Linear(4, 4), "conv1": nn.Linear(4, 4)}) for i in range(3)}
    )
    model["emb"] = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    with pytest.raises(
        InvalidValueError, match=r"whether conv1 \(3\), emb.0, emb.1 read the residual stream or write to it"
    ) as e:
        adapt(model, target_modules="all-linear", placement="residual")
    assert "placement_pattern={'conv1': 'input', 'emb.0': 'input', ...}" in str(e.value)
    assert not layers(model)
    sides = {"conv1": "input", r"emb\.\d": "output"}
    adapt(model, target_modules="all-linear", placement="residual", placement_pattern=sides)
    assert len(layers(model)) == 8


@pytest.mark.filterwarnings("ignore")
def test_every_linear_layer_of_real_blocks_has_its_side():
    llama = adapt(tiny_llama(), target_modules="all-linear", placement="residual")
    sides = {n.rpartition(".")[2]: list(m.adapters["default"]) for n, m in layers(llama).items()}
    assert {n for n, s in sides.items() if s == ["output"]} == {"o_proj", "down_proj"}
    assert {n for n, s in sides.items() if s == ["input"]} == {"q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"}
    unet = adapt(
        tiny_unet(),
        target_modules=["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"],
        placement="residual",
    )
    outputs = {
        n.split("transformer_blocks.0.")[1] for n, m in layers(unet).items() if "output" in m.adapters["default"]
    }
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
