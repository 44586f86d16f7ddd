"""Matrices built from their answer."""

import torch
from torch.testing import assert_close

from ioadapt_theory.linalg import orthogonal, with_singular_values


def test_a_matrix_has_the_singular_values_it_was_given():
    g = torch.Generator().manual_seed(0)
    s = torch.tensor([7.0, 2.0, 0.5])
    m = with_singular_values(s, 5, 3, generator=g)
    assert_close(torch.linalg.svdvals(m), s)


def test_orthogonal_is_orthogonal_and_has_no_preferred_sign():
    g = torch.Generator().manual_seed(0)
    q = torch.stack([orthogonal(4, generator=g) for _ in range(500)])
    assert_close(q @ q.mT, torch.eye(4).expand(500, 4, 4))
    assert q.mean(0).abs().max() < 4 * 0.5 / 500**0.5
