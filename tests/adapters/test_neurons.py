"""An MLP whose neurons stand in another order: found, and adapters put into that order do what they did."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import RenumberedWarning, TransferError, adapt, layers, transfer
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.moving.neurons import Order, orders, reordered
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats import load, save
from tests.adapters.foreign import run_llama, tiny_llama


def shuffled(model: Any, noise: float = 0.0) -> tuple[Any, dict[int, torch.Tensor]]:
    """The same function, the neurons of every MLP in another order."""
    new, order = copy.deepcopy(model), {}
    with torch.no_grad():
        for i, block in enumerate(new.model.layers):
            order[i] = torch.randperm(24, generator=torch.Generator().manual_seed(i))
            for layer in (block.mlp.gate_proj, block.mlp.up_proj):
                layer.weight.copy_(layer.weight[order[i]])
            block.mlp.down_proj.weight.copy_(block.mlp.down_proj.weight[:, order[i]])
        for p in new.parameters():
            p.add_(noise * p.std() * torch.randn(p.shape).float())
    return new, order


MLP = ["gate_proj", "up_proj", "down_proj"]


@pytest.mark.parametrize(
    ("family", "placement"),
    [("lora", "weight"), ("lora", "input+output"), ("dora", "output"), ("loha", "input+weight"), ("full", "input")],
)
def test_an_adapter_in_the_order_of_the_target_s_neurons_does_what_it_did(family, placement):
    base = tiny_llama()
    target, _ = shuffled(base)
    assert_close(run_llama(target), run_llama(base), rtol=1e-5, atol=1e-5)
    source = adapt(
        copy.deepcopy(base), target_modules=[*MLP, "q_proj"], family=family, placement=placement, rank=2, init="random"
    )
    expected = run_llama(source)
    assert (expected - run_llama(base)).abs().max() > 1e-3
    report = transfer(source, target, match="provenance")
    assert len(report.matched) == 8
    assert_close(run_llama(target), expected, rtol=1e-4, atol=1e-4)


def test_by_name_it_is_said_that_neurons_stand_in_another_order(tmp_path):
    base = tiny_llama()
    target, _ = shuffled(base, 0.1)
    source = adapt(copy.deepcopy(base), target_modules=MLP, placement="output", rank=2, init="random")
    with pytest.raises(TransferError, match=r"face neurons in another order.*match='provenance' puts adapters"):
        transfer(source, copy.deepcopy(target))
    with pytest.warns(RenumberedWarning, match="4 layers face neurons in another order than in the source"):
        transfer(source, copy.deepcopy(target), strict=False)
    stream = adapt(copy.deepcopy(base), target_modules=MLP, placement="residual", rank=2, init="random")
    assert transfer(stream, copy.deepcopy(target)).warning is None  # that side does not meet the neurons
    save(source, tmp_path)
    one, two = copy.deepcopy(target), copy.deepcopy(target)
    load(one, tmp_path, match="provenance", source=base)
    transfer(source, two, match="auto")
    assert_close(run_llama(one), run_llama(two), rtol=1e-6, atol=1e-6)


def test_the_order_is_that_of_the_shuffle_and_none_where_there_was_none():
    base = tiny_llama()
    target, order = shuffled(base, 0.3)
    names = {n: n for n, m in base.named_modules() if isinstance(m, nn.Linear)}
    facing = orders(ModelWeights(base), ModelWeights(target), names)
    assert all(torch.equal(o.order, order[int(n.split(".")[2])]) for n, o in facing.items())
    assert {n: o.outputs for n, o in facing.items()} == {n: "down_proj" not in n for n in names if "mlp" in n}
    assert not orders(ModelWeights(base), ModelWeights(tiny_llama(9)), names)


def test_a_family_without_rows_and_columns_is_left_out_by_name():
    base = tiny_llama()
    target, order = shuffled(base)
    options = {"family": "lokr", "placement": "weight", "rank": 2, "init": "random"}
    source = adapt(copy.deepcopy(base), target_modules=["up_proj", "q_proj"], **options)
    with pytest.raises(UnsupportedError, match="its neurons are permuted, and a lokr cannot be permuted"):
        reordered(layers(source)["model.layers.0.mlp.up_proj"].adapters["default"], Order(order[0], outputs=True))
    report = transfer(source, target, match="provenance", strict=False)
    assert len(report.matched) == 2
    assert all("and a lokr cannot be permuted" in why for why in report.unmatched.values())


def test_values_and_gates_in_one_layer_go_together():
    """As in a UNet's feed-forward layers."""
    from diffusers.models.attention import FeedForward

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(
                nn.ModuleDict({"ff": FeedForward(12, mult=2), "to_q": nn.Linear(12, 12)}) for _ in range(2)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for block in self.blocks:
                x = x + block["ff"](block["to_q"](x))
            return x

    base = Model()
    target, n = copy.deepcopy(base), 24
    order = torch.randperm(n)
    with torch.no_grad():
        for block in target.blocks:
            both, out = block["ff"].net[0].proj, block["ff"].net[2]
            for p in (both.weight, both.bias):
                p.copy_(torch.cat([p[:n][order], p[n:][order]]))
            out.weight.copy_(out.weight[:, order])
    x = torch.randn(5, 12)
    assert_close(target(x), base(x))
    names = [f"blocks.{i}.ff.net.{k}" for i in range(2) for k in ("0.proj", "2")]
    source = adapt(copy.deepcopy(base), target_modules=names, placement="input+output", rank=2, init="random")
    transfer(source, target, match="provenance")
    assert_close(target(x), source(x))
    assert (source(x) - base(x)).abs().max() > 1e-3
