"""A state machine: after any sequence of calls, an adapted model computes the formulas of the paper."""

import copy
import tempfile

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from torch import nn
from torch.testing import assert_close

from ioadapt_theory import activate, adapt, disable, layers, load, merge, remove, save, scale, unmerge
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from tests.adapters.layers.test_formulas import WRITTEN, formula

C, D = 4, 6
NAMES = st.sampled_from(["first", "second", "third"])
seeds = st.integers(0, 2**16)


def base(seed: int) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Identity(), nn.Linear(C, D))
    for p in model.parameters():
        p.data = torch.randn(p.shape, generator=generator)
    return model


class Life(RuleBasedStateMachine):
    """A model under test; its expected outputs are computed from the adapters' parameters by the paper's formulas."""

    @initialize(seed=seeds)
    def born(self, seed: int) -> None:
        self.seed, self.model, self.x = seed, base(seed), torch.randn(5, C)
        self.w, self.b = self.model[1].weight.detach().T.clone(), self.model[1].bias.detach().clone()
        self.alive: list[str] = []
        self.active: list[str] = []
        self.merged = False

    @property
    def layer(self) -> nn.Module:
        return layers(self.model)["1"]

    def expected(self, names: list[str]) -> torch.Tensor:
        return formula(self.layer.adapters, names, self.x, self.w, self.b)

    @precondition(lambda self: not self.merged)
    @rule(
        name=NAMES,
        family=st.sampled_from(WRITTEN),
        placement=st.sampled_from(["input", "output", "weight", "input+weight", "output+weight"]),
        rank=st.integers(1, 3),
        alpha=st.sampled_from([None, 1.0, 5.0]),
    )
    def adapt(self, name: str, family: str, placement: str, rank: int, alpha: float | None) -> None:
        options = {"family": family, "placement": placement, "rank": rank, "alpha": alpha, "target_modules": ["1"]}
        if name in self.alive:
            with pytest.raises(InvalidValueError, match="There is already an adapter"):
                adapt(self.model, name=name, **options)
            return
        before = self.model(self.x)
        adapt(self.model, name=name, **options)
        assert torch.equal(self.model(self.x), before) or family == "dora"
        self.alive.append(name)
        self.active.append(name)

    @precondition(lambda self: self.alive and not self.merged)
    @rule(seed=seeds)
    def train(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for p in self.layer.adapters.parameters():
            p.data += 0.2 * torch.randn(p.shape, generator=generator)

    @precondition(lambda self: self.alive and not self.merged)
    @rule(data=st.data(), factor=st.sampled_from([0.0, 0.5, -1.0, 3.0]))
    def scale(self, data: st.DataObject, factor: float) -> None:
        scale(self.model, factor, data.draw(st.sampled_from(self.alive)))

    @precondition(lambda self: self.alive and not self.merged)
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        self.active = data.draw(st.lists(st.sampled_from(self.alive), unique=True))
        activate(self.model, *self.active)

    @precondition(lambda self: self.active and not self.merged)
    @rule()
    def merge(self) -> None:
        merge(self.model)
        self.merged = True

    @precondition(lambda self: self.merged)
    @rule()
    def unmerge(self) -> None:
        unmerge(self.model)
        self.merged = False
        assert torch.equal(self.layer.base_layer.weight.T, self.w)

    @precondition(lambda self: self.merged)
    @rule()
    def while_merged_nothing_is_changed(self) -> None:
        for change in (
            lambda: scale(self.model, 2.0, self.alive[0]),
            lambda: activate(self.model),
            lambda: remove(self.model, self.alive[0]),
            lambda: adapt(self.model, target_modules=["1"], placement="input", name="another"),
        ):
            with pytest.raises(InvalidValueError, match="merged"):
                change()

    @precondition(lambda self: self.alive)
    @rule()
    def disable(self) -> None:
        with disable(self.model):
            assert torch.equal(self.model(self.x), nn.functional.linear(self.x, self.w.T.contiguous(), self.b))

    @precondition(lambda self: self.alive and not self.merged)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.alive))
        remove(self.model, name)
        self.alive.remove(name)
        self.active = [other for other in self.active if other != name]
        if not self.alive:
            assert type(self.model[1]) is nn.Linear
        with pytest.raises(UnknownNameError):
            remove(self.model, name)

    @precondition(lambda self: self.alive)
    @rule()
    def save_and_load(self) -> None:
        """Replace the model with a new base, on which the active adapters are loaded from files in the same order."""
        twin = base(self.seed)
        with tempfile.TemporaryDirectory() as folder:
            for name in self.active:
                save(self.model, folder, name)
                load(twin, folder, name)
        with torch.no_grad():
            assert_close(twin(self.x), self.expected(self.active))

    @precondition(lambda self: not self.merged)
    @rule()
    def copied(self) -> None:
        twin = copy.deepcopy(self.model)
        assert torch.equal(twin(self.x), self.model(self.x))
        self.model = twin

    @invariant()
    def it_computes_the_formulas(self) -> None:
        if getattr(self, "alive", None):
            with torch.no_grad():
                assert_close(self.model(self.x), self.expected(self.active), rtol=1e-9, atol=1e-9)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=30, stateful_step_count=15, deadline=None, derandomize=True)
