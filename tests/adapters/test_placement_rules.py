"""Rules that choose a placement per layer, such as "residual"."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from ioadapt_theory.adapters import AdapterConfig, adapt, layers
from ioadapt_theory.adapters.residual import residual_side
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.moving import transfer
from tests.adapters.foreign import tiny_llama, tiny_unet

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]
WIDTH, HEADS, NEURONS = 8, 2, 12


class Block(nn.Module):
    """Attention and a ReLU MLP on a residual stream; only layers that write to the stream have biases."""

    def __init__(self) -> None:
        super().__init__()
        for name in LAYERS[:4]:
            setattr(self, name, nn.Linear(WIDTH, WIDTH, bias=name == "o_proj"))
        self.up_proj, self.down_proj = nn.Linear(WIDTH, NEURONS, bias=False), nn.Linear(NEURONS, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (f(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        attention = torch.softmax(q @ k.mT / math.sqrt(WIDTH // HEADS), dim=-1)
        x = x + self.o_proj((attention @ v).transpose(1, 2).flatten(2))
        return x + self.down_proj(torch.relu(self.up_proj(x)))


def matrix(layer: nn.Module, change: Tensor, *, left: bool) -> None:
    """Multiply W in the paper's layout, c x d, by ``change`` from the left or from the right."""
    w = layer.weight.data.mT
    layer.weight.data = (change @ w if left else w @ change).mT.contiguous()


def another_basis(block: Block) -> Block:
    """Return a block with the same function, but another basis in every head, and permuted and scaled neurons."""
    twin = Block()
    twin.load_state_dict(block.state_dict())
    r, s = (torch.block_diag(*torch.randn(HEADS, WIDTH // HEADS, WIDTH // HEADS)) for _ in range(2))
    matrix(twin.q_proj, r, left=False)
    matrix(twin.k_proj, torch.linalg.inv(r).mT, left=False)
    matrix(twin.v_proj, s, left=False)
    matrix(twin.o_proj, torch.linalg.inv(s), left=True)
    p = torch.eye(NEURONS)[torch.randperm(NEURONS)] * (torch.rand(NEURONS) + 0.5)
    matrix(twin.up_proj, p, left=False)
    matrix(twin.down_proj, torch.linalg.inv(p), left=True)
    return twin


def moved(placement: str, source: Block, target: Block) -> float:
    """Adapt the source, copy the adapter to the target, and return the largest difference of their outputs."""
    x = torch.randn(3, 5, WIDTH)
    adapt(source, target_modules=LAYERS, placement=placement, rank=2, alpha=3, init="random")
    transfer(source, target)
    return float((source(x) - target(x)).detach().abs().max())


# residual


def test_the_residual_side_is_exact_under_every_change_of_basis_of_heads_and_neurons():
    source = Block()
    target = another_basis(source)
    x = torch.randn(3, 5, WIDTH)
    assert_close(target(x), source(x))  # the base models compute the same function
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
    unknown = r"read the residual stream or write to it: conv1, emb.0, emb.1;"
    with pytest.raises(InvalidValueError, match=unknown) as e:
        adapt(model, target_modules="all-linear", placement="residual")
    assert "placement_pattern={'conv1': 'input', ...}" in str(e.value)
    assert not layers(model)
    told = {"conv1": "input", r"emb\.\d": "output"}
    adapt(model, target_modules="all-linear", placement="residual", placement_pattern=told)
    assert len(layers(model)) == 8
    with pytest.raises(UnknownNameError, match="Known: input, output, weight"):
        AdapterConfig(target_modules=["x"], placement="residual+weight")  # rules are not allowed in sums


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
    "encoder.layers.0.linear1": "input",
    "double_blocks.0.txt_attn.proj": "output",
    "proj_out": None,  # FLUX's last layer reads the stream, but a block's layer of the same name writes to it
    "head.linear1": None,
    "time_embedding.linear_1": None,
}


@pytest.mark.parametrize("name", SIDES)
def test_names_that_mean_different_things_count_with_what_stands_before_them(name):
    if SIDES[name] is None:
        with pytest.raises(InvalidValueError, match="does not know whether"):
            residual_side(name)
    else:
        assert residual_side(name) == SIDES[name]
