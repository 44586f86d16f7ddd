"""A placement per layer: exact under every change of basis of heads and neurons, chosen by what two bases share."""

import copy
import json
import math
import re

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from ioadapt_theory.adapters import AdapterConfig, adapt, layers, transfer
from ioadapt_theory.adapters.base_weights import BaseLayer, ModelWeights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.auto import choices, choose
from ioadapt_theory.adapters.rules.residual import residual_side
from ioadapt_theory.cli import OK, main
from ioadapt_theory.effect import expected, whole
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
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


@pytest.mark.parametrize("placement", ["input", "output", "weight"])
def test_no_uniform_placement_is(placement):
    source = Block()
    assert moved(placement, source, another_basis(source)) > 1e-2


def test_no_placement_survives_a_rotation_of_the_residual_stream_and_of_the_heads():
    source = Block()
    target = another_basis(source)
    turn = orthogonal(WIDTH, generator=torch.Generator().manual_seed(1))
    for name in ("q_proj", "k_proj", "v_proj", "up_proj"):
        matrix(getattr(target, name), turn.mT, left=True)
    for name in ("o_proj", "down_proj"):
        matrix(getattr(target, name), turn, left=False)
        getattr(target, name).bias.data = getattr(target, name).bias.data @ turn
    x = torch.randn(3, 5, WIDTH)
    assert_close(target(x @ turn) @ turn.mT, source(x))
    adapt(source, target_modules=LAYERS, placement="residual", rank=2, init="random")
    transfer(source, target)
    assert (target(x @ turn) @ turn.mT - source(x)).abs().max() > 1e-2


def test_auto_finds_the_residual_side_of_rotated_heads_where_it_is_exact():
    source = Block()
    target = another_basis(source, rotation=True)
    config = AdapterConfig(target_modules=LAYERS, placement="auto")
    found = choices(source, config, target)
    assert {name: choice.placement for name, choice in found.items()} == {n: residual_side(n) for n in LAYERS}
    for choice in found.values():
        shared, other = (choice.input, choice.output)[:: 1 if choice.placement is Placement.INPUT else -1]
        assert shared == pytest.approx(1, abs=1e-12)
        assert other < 0.999


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


def test_auto_takes_the_side_that_has_one_size_in_both_if_it_is_shared():
    w = torch.randn(6, 10)
    wider = torch.cat([w, 0.1 * torch.randn(6, 2)], 1)
    assert choose(BaseLayer(w, None), BaseLayer(wider, None)).placement is Placement.INPUT
    assert choose(BaseLayer(w.mT, None), BaseLayer(wider.mT, None)).placement is Placement.OUTPUT
    with pytest.raises(InvalidValueError, match="6 -> 10, the target's 5 -> 7"):
        choose(BaseLayer(w, None), BaseLayer(torch.randn(5, 7), None))


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
    with pytest.raises(InvalidValueError, match="All 1 layers share nothing with the target"):
        adapt(stranger, target_modules=["1"], placement="auto", target=target)
    assert not layers(stranger)


def test_with_inputs_the_law_chooses_and_leaves_out_what_keeps_nothing():
    source, target, x = Block(), another_basis(Block()), torch.randn(60, 5, WIDTH)
    target.load_state_dict(source.state_dict())
    for name in ("q_proj", "v_proj", "up_proj"):
        getattr(target, name).weight.data += 0.1 * torch.randn_like(getattr(target, name).weight)
    law = expected(source, target, {n: (getattr(source, n), getattr(target, n)) for n in LAYERS}, whole(x))
    adapt(source, target_modules=LAYERS, placement="auto", target=target, inputs=x, rank=2)
    sides = {n: next(iter(m.adapters["default"])) for n, m in layers(source).items()}
    assert set(sides) == set(LAYERS)
    for name, side in sides.items():
        shares = {one: law[name, one].R for one in ("input", "output")}
        assert shares[side] > max(shares.values()) - 0.03
    stranger = Block()
    with pytest.raises(InvalidValueError, match="All 1 layers keep nothing on the target"):
        adapt(stranger, target_modules=["q_proj"], placement="auto", target=Block(), inputs=x)
    assert not layers(stranger)
    with pytest.raises(InvalidValueError, match="for placement='auto'; the placement here is 'input'"):
        adapt(stranger, target_modules=["q_proj"], placement="input", inputs=x)
    with pytest.raises(InvalidValueError, match="a model in memory, not its weights"):
        adapt(stranger, target_modules=["q_proj"], placement="auto", target=ModelWeights(target), inputs=x)


def test_a_side_that_the_user_names_is_taken_even_where_nothing_is_shared():
    source, target = twins(0)
    options = {"target_modules": ["0", "1"], "placement": "auto", "placement_pattern": {"1": "output"}}
    adapt(source, target=target, rank=2, **options)
    assert [*layers(source)["1"].adapters["default"]] == ["output"]


def test_the_input_comes_first_where_both_are_shared():
    source, target = twins(0.9)
    config = AdapterConfig(target_modules=["1"], placement="auto")
    assert choices(source, config, target)["1"].placement is Placement.INPUT


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


def test_a_kernel_is_compared_over_its_channels():
    kernel = torch.randn(10, 6, 3, 3)
    q = orthogonal(10, generator=torch.Generator().manual_seed(2))
    one, two = (BaseLayer(k.flatten(1).mT, None, (3, 3)) for k in (kernel, torch.einsum("oikl,op->pikl", kernel, q)))
    found = choose(one, two)
    assert found.placement is Placement.INPUT
    assert found.input == pytest.approx(1, abs=1e-12)


def test_auto_without_a_target_says_what_it_needs():
    with pytest.raises(InvalidValueError, match="target="):
        adapt(Block(), target_modules=LAYERS, placement="auto")
    with pytest.raises(InvalidValueError, match="target="):
        AdapterConfig(target_modules=LAYERS, placement="auto").resolve("q_proj")


def test_what_neither_reads_nor_writes_the_stream_is_named_and_can_be_told():
    model = nn.ModuleDict({"head": nn.Linear(4, 4), "q_proj": nn.Linear(4, 4)})
    with pytest.raises(InvalidValueError, match=r"whether head reads.*placement_pattern=\{'head': 'input'\}"):
        adapt(model, target_modules=["head", "q_proj"], placement="residual")
    assert not layers(model)
    adapt(model, target_modules=["head", "q_proj"], placement="residual", placement_pattern={"head": "output"})
    assert list(model["head"].adapters["default"]) == ["output"]


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


def test_a_rule_is_no_part_of_a_sum():
    with pytest.raises(UnknownNameError, match="Known: auto, input, output, residual, weight"):
        AdapterConfig(target_modules=["x"], placement="residual+weight")


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


def test_torch_s_own_transformer_in_another_basis_of_its_neurons():
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    other, order = copy.deepcopy(encoder.eval()), torch.randperm(12)
    for block in other.layers:
        block.linear1.weight.data, block.linear1.bias.data = block.linear1.weight[order], block.linear1.bias[order]
        block.linear2.weight.data = block.linear2.weight[:, order]
    x = torch.randn(3, 5, 8)
    before = encoder(x)
    assert_close(other(x), before)
    adapt(encoder, target_modules=["linear1", "linear2"], placement="residual", rank=2, init="random")
    transfer(encoder, other)
    assert (encoder(x) - before).abs().max() > 1e-2
    assert (encoder(x) - other(x)).abs().max() < 1e-12


@pytest.mark.parametrize("shape", [(10, 6), (6, 10), (10, 6, 3, 3)])
def test_the_choice_is_by_the_cosines_that_the_similarity_command_prints(shape, tmp_path, capsys):
    stored = [torch.randn(shape) for _ in range(2)]
    files = [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    for file, weight in zip(files, stored, strict=True):
        save_file({"x.weight": weight}, file)
    ours = choose(*(BaseLayer(w.flatten(1).mT, None, tuple(w.shape[2:])) for w in stored))
    for side in ("input", "output"):
        assert main(["similarity", *files, "--space", side, "--format", "json"]) == OK
        (layer,) = json.loads(capsys.readouterr().out)["layers"]
        assert getattr(ours, side) == pytest.approx(layer["values"]["a|b"]["cosine"], rel=1e-9)
