"""Lemma 2: the Hessian of the cosine similarity, against automatic differentiation and its exact spectrum."""

import pytest
import torch

from ioadapt_theory.claims.arithmetic import hessian, segment_distance_sq
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.settings.increments import DELTA, INCREMENTS
from ioadapt_theory.linalg import cosine

D = 4


def test_hessian_is_the_second_derivative() -> None:
    u, v = torch.randn(2, D)
    z = torch.cat((u, v))
    expected = torch.autograd.functional.hessian(lambda z: cosine(z[:D], z[D:]), z)
    torch.testing.assert_close(hessian(u, v), expected)


def test_eq_7_is_the_directional_derivative() -> None:
    u, v, du, dv = torch.randn(4, D)
    _, expected = torch.autograd.functional.jvp(lambda u, v: cosine(u, v), (u, v), (du, dv))
    torch.testing.assert_close(value(DELTA, INCREMENTS.build(u=u, v=v, du=du, dv=dv)), expected)


@pytest.mark.parametrize("s", [-0.9, -0.3, 0.0, 0.5, 0.99])
def test_spectrum_at_unit_norms(s: float) -> None:
    """1 − s and −1 − s, each d − 1 times, and ±√(1 − s²)."""
    u, v = torch.zeros(2, D)
    u[0], v[0], v[1] = 1, s, (1 - s * s) ** 0.5
    root = (1 - s * s) ** 0.5
    expected = torch.tensor([1 - s] * (D - 1) + [-1 - s] * (D - 1) + [root, -root]).sort().values
    torch.testing.assert_close(torch.linalg.eigvalsh(hessian(u, v)), expected)


@pytest.mark.parametrize(("s", "q", "norm"), [(0.5, 2, 1.1907490686568887), (1.0, 2, 1.25), (0.5, 1, 1.5)])
def test_norm_for_unequal_lengths(s: float, q: float, norm: float) -> None:
    u = torch.tensor([1.0, 0, 0])
    v = q * torch.tensor([s, (1 - s * s) ** 0.5, 0])
    assert torch.linalg.matrix_norm(hessian(u, v), 2).item() == pytest.approx(norm, rel=1e-9)


def test_the_distance_of_a_segment_from_zero() -> None:
    w = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1e-150, 2e-150]])
    dw = torch.tensor([[-2.0, 0.0], [0.0, 0.0], [1.0, 0.0], [-2e-150, 0.0]])
    expected = torch.tensor([2.0, 5**0.5, 5**0.5, 2e-150])
    torch.testing.assert_close(segment_distance_sq(w, dw)[:3], expected[:3] ** 2)
