"""The rate of ``transfer``'s training rises over the first steps, and falls to 0."""

import pytest
import torch

from ioadapt_theory.adapters import adapt, parameters
from ioadapt_theory.moving import transfer
from ioadapt_theory.moving.carrying import loop
from tests.effect.nets import mlp


@pytest.mark.filterwarnings("ignore::ioadapt_theory.moving.carrying.CarryWarning")
def test_the_rate_rises_and_falls(monkeypatch):
    rates, step = [], torch.optim.Adam.step

    def noted(self):
        rates.append([group["lr"] / group["top"] for group in self.param_groups])
        step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", noted)
    source = adapt(mlp(0), target_modules=["0", "2"], placement="weight", rank=2, init="random")
    x = torch.randn(120, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    transfer(source, mlp(1), inputs=x, steps=20, starts=["zero"], need="labels")
    assert all(len({*row}) == 1 for row in rates)
    first = [row[0] for row in rates]
    assert first[:4] == pytest.approx([0.25, 0.5, 0.75, 1])
    falling, again = first[3:14], first[14:]
    for run in (falling, again):  # the last steps, on all inputs, fall from half of the rate
        assert run == sorted(run, reverse=True)
        assert run[-1] < 0.15
    assert again[0] == pytest.approx(0.5)
    assert len(first) == 20


@pytest.mark.filterwarnings("ignore::ioadapt_theory.moving.carrying.CarryWarning")
def test_a_run_that_ruins_the_target_goes_on_more_slowly(monkeypatch):
    x = torch.randn(200, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    kept = []
    for again in (0, loop.AGAINS):
        monkeypatch.setattr(loop, "AGAINS", again)
        source = adapt(mlp(0).double(), target_modules=["0", "2"], placement="weight", rank=2, init="random")
        with torch.no_grad():
            for _, p in parameters(source):
                p.mul_(0.03)  # a small effect, beside which the first steps are large
        kept.append(transfer(source, mlp(1).double(), inputs=x, steps=40, starts=["zero"], need="change").kept)
    assert kept[0] + 0.1 < kept[1]
