"""The effect of an adapter on a batch: known where the target is known, streamed, and nothing is left behind."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import adapt, layers
from ioadapt_theory.adapters.moving.transfer import TransferError
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.report.advice import Action
from ioadapt_theory.report.assemble import report
from ioadapt_theory.report.effect import effect
from tests.report.models import network, tuned


def linear(factor: float = 1.0) -> nn.Linear:
    layer = nn.Linear(6, 5)
    torch.manual_seed(0)
    layer.weight.data = factor * torch.randn(5, 6)
    return layer


def on(model: nn.Module, placement: str) -> nn.Module:
    return adapt(model, target_modules="all-linear", placement=placement, rank=2, init="random")


class One(nn.Module):
    """A single layer with a name."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.layer = linear(factor)

    def forward(self, x: Tensor) -> Tensor:
        """The layer."""
        return self.layer(x)


@pytest.mark.parametrize(("placement", "ratio"), [("weight", 1.0), ("input", 0.5)])
def test_a_layer_of_half_the_size_halves_the_effect_of_an_input_adapter_alone(placement: str, ratio: float):
    source = adapt(One(), target_modules=["layer"], placement=placement, rank=2, init="random")
    found = effect(source, One(0.5), [torch.randn(7, 6)])
    assert found.ratio == pytest.approx(ratio)
    assert found.cosine == pytest.approx(1)
    assert found.kept == pytest.approx(ratio)
    assert found.strength == pytest.approx(1 / ratio)
    assert found.numbers == 35


def test_it_is_the_difference_of_outputs_with_and_without():
    source, target = network(0), tuned(network(0), 0.5, 1)
    plain = [copy.deepcopy(m) for m in (source, target)]
    source = adapt(source, target_modules=["2", "4"], placement="output", rank=2, init="random")
    x = torch.randn(9, 20)
    found = effect(source, target, [x])
    from ioadapt_theory.adapters import transfer

    moved = copy.deepcopy(target)
    transfer(source, moved)
    d, d2 = (source(x) - plain[0](x)).detach(), (moved(x) - plain[1](x)).detach()
    assert found.kept == pytest.approx(float(1 - (d - d2).norm() / d.norm()))
    assert found.cosine == pytest.approx(float((d * d2).sum() / d.norm() / d2.norm()))
    s = found.strength
    nearest = min((k / 1000 for k in range(3000)), key=lambda t: float((t * d2 - d).norm()))
    assert s == pytest.approx(nearest, abs=1e-3)


def test_batches_one_by_one_give_the_same_as_at_once():
    source, target = on(network(0), "input"), tuned(network(0), 0.3, 2)
    x = torch.randn(12, 20)
    whole, parts = effect(source, target, [x]), effect(source, target, (x[k : k + 5] for k in (0, 5, 10)))
    assert parts.kept == pytest.approx(whole.kept)
    assert parts.numbers == whole.numbers


def test_nothing_is_left_behind_also_when_a_model_raises():
    source, target = on(network(0), "input"), tuned(network(0), 0.3, 2).train()

    def fails(model: nn.Module, x: Tensor) -> Tensor:
        model(x)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        effect(source, target, [torch.randn(3, 20)], call=fails)
    assert not layers(target)
    assert all(p.requires_grad for p in target.parameters())
    assert target.training
    assert all(layer.active == ("default",) for layer in layers(source).values())


def test_inputs_come_as_a_tensor_as_arguments_or_as_keywords_and_outputs_as_models_give_them():
    class Output(dict):
        """As transformers' are."""

    class Model(One):
        def forward(self, x: Tensor, scale: float = 1.0) -> Output:
            y = self.layer(x) * scale
            return Output(past=[torch.ones(3, dtype=torch.long)], hidden=-y, logits=y)

    x = torch.randn(4, 6)
    source, target = on(Model(), "weight"), Model(2.0)
    found = [effect(source, target, [given]) for given in (x, (x, 1.0), {"x": x})]
    assert found[0] == found[1] == found[2]
    assert found[0].numbers == 20


def test_what_cannot_be_measured_is_said():
    source, target = on(network(0), "input"), network(1)
    with pytest.raises(InvalidValueError, match="There are no inputs"):
        effect(source, target, [])
    with pytest.raises(InvalidValueError, match="not finite"):
        effect(source, target, [torch.full((2, 20), math.nan)])
    fresh = adapt(network(0), target_modules=["2"], placement="input", rank=2)
    with pytest.raises(InvalidValueError, match="changes no output"):
        effect(fresh, target, [torch.randn(2, 20)])
    with pytest.raises(TransferError):
        effect(source, nn.Sequential(nn.Linear(3, 4)), [torch.randn(2, 3)])
    with pytest.raises(InvalidValueError, match="two models that run and an adapter"):
        report(network(0), network(1), inputs=[torch.randn(2, 20)])


def test_the_batch_decides_between_a_copy_a_rescaled_copy_and_training_anew():
    source = on(network(0), "input")
    x = [torch.randn(30, 20)]
    assert report(source, network(0), inputs=x).advice[0].action is Action.COPY
    quarter = One(0.2)
    one = adapt(One(), target_modules=["layer"], placement="input", rank=2, init="random")
    rescaled = report(one, quarter, inputs=[torch.randn(8, 6)])
    assert rescaled.advice[0].action is Action.RESCALED
    assert "at strength 5.00" in rescaled.last
    weight = on(network(0), "weight")
    assert report(weight, network(3), inputs=x).advice[0].action is Action.RETRAIN
