"""What two layers share on either side, beside what unrelated ones share, equals the Grams written out."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ioadapt_theory.adapters.base_weights import BaseLayer
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules import sides as module
from ioadapt_theory.adapters.rules.sides import side as facing, sides
from ioadapt_theory.linalg import orthogonal
from ioadapt_theory.null import moments, of_matrix


def centred(x: Tensor) -> Tensor:
    k = x @ x.mT
    return k - k.trace() / len(k) * torch.eye(len(k))


@pytest.mark.parametrize("cuts", [(0, 12), (0, 4, 8, 12), (0, 5, 12)], ids=str)
@pytest.mark.parametrize(("m", "n"), [(5, 5), (30, 30), (5, 30), (30, 7)])
def test_cosine_and_null_are_those_of_the_grams_written_out(m, n, cuts):
    a, b = torch.randn(12, m) + 0.3, torch.randn(12, n) * (torch.rand(12, 1) + 0.5)
    k, k2 = centred(a), centred(b)
    norms = float(k.norm() * k2.norm())
    mean, sd = moments(of_matrix(k.numpy(), cuts), of_matrix(k2.numpy(), cuts))
    found = facing(a, b, cuts)
    expected = (float((k * k2).sum()) / norms, mean / norms, sd / norms)
    assert (found.cosine, found.mean, found.sd) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e30, 1e150])
def test_the_scale_of_a_weight_does_not_count(scale):
    a, b = torch.randn(9, 6), torch.randn(9, 6)
    found, same = facing(a, b), facing(a, b * scale)
    assert (same.cosine, same.mean, same.sd) == pytest.approx((found.cosine, found.mean, found.sd), rel=1e-9)


def test_what_is_a_multiple_of_the_identity_or_zero_has_no_space():
    a = torch.randn(6, 4)
    q = orthogonal(6, generator=torch.Generator().manual_seed(0))
    assert facing(q, a) is None
    assert facing(torch.zeros(6, 4), a) is None


def test_a_rotation_of_the_other_side_keeps_a_space_and_its_excess_is_one():
    w = torch.randn(24, 10)
    q = orthogonal(10, generator=torch.Generator().manual_seed(1))
    found = sides(BaseLayer(w, None), BaseLayer(-2 * w @ q, None))
    assert found.input.excess == pytest.approx(1)
    assert found.output.excess < 0.8
    assert found.ratio == pytest.approx(2)


def test_a_kernel_is_compared_over_its_channels():
    kernel = torch.randn(10, 6, 3, 3)
    q = orthogonal(10, generator=torch.Generator().manual_seed(2))
    one, two = (BaseLayer(k.flatten(1).mT, None, (3, 3)) for k in (kernel, torch.einsum("oikl,op->pikl", kernel, q)))
    assert sides(one, two).input.cosine == pytest.approx(1, abs=1e-12)


def test_sizes_that_differ_leave_the_other_side():
    found = sides(BaseLayer(torch.randn(6, 4), None), BaseLayer(torch.randn(6, 5), None))
    assert found.output is None
    assert found.cosine is None


def test_of_many_channels_a_draw_is_compared(monkeypatch):
    a, b = torch.randn(40, 30), torch.randn(40, 30)
    monkeypatch.setattr(module, "CHANNELS", 24)
    drawn = torch.randperm(40, generator=torch.Generator().manual_seed(0))[:24].sort().values
    expected = facing(a[drawn], b[drawn], (0, int((drawn < 20).sum()), 24))
    found = facing(a, b, (0, 20, 40))
    assert (found.cosine, found.mean, found.sd) == pytest.approx((expected.cosine, expected.mean, expected.sd))
    assert facing(a, 3 * a).excess == pytest.approx(1)


def test_gradients_and_half_precision_do_not_matter():
    w = torch.nn.Parameter(torch.randn(8, 8, dtype=torch.float16))
    found = sides(BaseLayer(w, None), BaseLayer(w, None))
    assert_close(found.cosine, 1.0)
    assert not isinstance(found.input.cosine, Tensor)


def test_large_half_precision_is_a_millionth_off_at_most(monkeypatch):
    a = (torch.randn(40, 300) + 0.2).half()
    b = (a + 0.3 * torch.randn(40, 300)).half()
    exact = facing(a.double(), b.double(), (0, 20, 40))
    monkeypatch.setattr(module, "LARGE", 1)
    found = facing(a, b, (0, 20, 40))
    assert found.cosine == pytest.approx(exact.cosine, abs=1e-6)
    assert found.cosine != exact.cosine
    assert (found.mean, found.sd) == pytest.approx((exact.mean, exact.sd), rel=1e-4)
