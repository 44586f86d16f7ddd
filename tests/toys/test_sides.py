"""Similarity of the input or output sides of two layers: the cosine of Gram matrices, and its null distribution."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.init import orthogonal_

from ioadapt_theory.adapters.base_weights import BaseLayer
from toys.transfer.chance import moments, of_matrix
from toys.transfer.sides import side, sides


def centred(x: Tensor) -> Tensor:
    k = x @ x.mT
    return k - k.trace() / len(k) * torch.eye(len(k))


@pytest.mark.parametrize("cuts", [(0, 12), (0, 4, 8, 12), (0, 5, 12)], ids=str)
@pytest.mark.parametrize(("m", "n"), [(5, 5), (5, 30), (30, 7)])
def test_cosine_and_null_are_those_of_the_grams_written_out_at_any_scale(m, n, cuts):
    a, b = torch.randn(12, m) + 0.3, torch.randn(12, n) * (torch.rand(12, 1) + 0.5)
    k, k2 = centred(a), centred(b)
    norms = float(k.norm() * k2.norm())
    one, two = of_matrix(k.numpy(), cuts), of_matrix(k2.numpy(), cuts)
    mean, sd = (x * one.unit * two.unit / norms for x in moments(one, two))
    exact = (float((k * k2).sum()) / norms, mean, sd)
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
