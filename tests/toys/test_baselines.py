"""The transfer baselines equal the formulas of their papers; exact cases and limits of size are as documented."""

import pytest
import torch
from torch.nn.init import orthogonal_
from torch.testing import assert_close

from ioadapt_theory.errors import InvalidValueError, ShapeError
from toys.transfer import baselines

RULES = (
    baselines.copy,
    baselines.lora_x,
    baselines.prolora,
    baselines.eq_5_output,
    baselines.eq_5_input,
    baselines.procrustes,
)
rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
sizes = pytest.mark.parametrize(("c", "d"), [(6, 10), (10, 6), (8, 8)])


def case(c: int, d: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(c, 2) @ torch.randn(2, d), torch.randn(c, d), torch.randn(c, d)


@sizes
@rules
def test_each_is_linear_in_the_change(rule, c, d):
    delta, w, w2 = case(c, d)
    assert_close(rule(-2 * delta, w, w2), -2 * rule(delta, w, w2))


@sizes
@pytest.mark.parametrize("k", [1, 3])
def test_lora_x_is_cross_lora_as_printed(c, d, k):
    """The formula is (P_U Uₖ)(P_U Uₖ)ᵀ D (P_V Vₖ)(P_V Vₖ)ᵀ with P_U = argmin ‖P Uₖ - U'ₖ‖_F = U'ₖ Uₖ⁺."""
    delta, w, w2 = case(c, d)
    u, _, vh = torch.linalg.svd(w, full_matrices=False)
    u2, _, vh2 = torch.linalg.svd(w2, full_matrices=False)
    left = u2[:, :k] @ torch.linalg.pinv(u[:, :k]) @ u[:, :k]
    right = vh2[:k].T @ torch.linalg.pinv(vh[:k].T) @ vh[:k].T
    assert_close(baselines.lora_x(delta, w, w2, k=k), left @ left.T @ delta @ right @ right.T)


@sizes
def test_prolora_is_its_formula_with_projectors_built(c, d):
    delta, w, w2 = case(c, d)
    k = min(c, d) // 2

    def projectors(m: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        u, _, vh = torch.linalg.svd(m, full_matrices=False)
        return u[:, :k] @ u[:, :k].T, vh[:k].T @ vh[:k]

    (p, q), (p2, q2) = projectors(w), projectors(w2)
    p_, q_, p2_, q2_ = torch.eye(c) - p, torch.eye(d) - q, torch.eye(c) - p2, torch.eye(d) - q2
    expected = p2 @ (p @ delta @ q) @ q2 + p2_ @ (p_ @ delta @ q_) @ q2_
    assert_close(baselines.prolora(delta, w, w2), expected)


@sizes
def test_eq_5_is_the_pseudo_inverse_and_carries_the_function_where_it_is_exact(c, d):
    delta, w, w2 = case(c, d)
    pinv = torch.linalg.pinv(w)
    assert_close(baselines.eq_5_output(delta, w, w2), w2 @ pinv @ delta)
    assert_close(baselines.eq_5_input(delta, w, w2), delta @ pinv @ w2)
    if c <= d:
        assert_close(baselines.eq_5_output(delta, w, w), delta)
    if c >= d:
        assert_close(baselines.eq_5_input(delta, w, w), delta)


@sizes
def test_procrustes_undoes_rotations_of_both_sides(c, d):
    generator = torch.Generator().manual_seed(11)
    p, q, u, v = (orthogonal_(torch.empty(n, n), generator=generator) for n in (c, d, c, d))
    k = min(c, d)
    w = u[:, :k] * torch.arange(1.0, k + 1) @ v[:k]
    delta = w @ torch.linalg.pinv(w) @ torch.randn(c, d) @ torch.linalg.pinv(w) @ w  # within the span of W
    target = p @ w @ q
    carried, turned = baselines.procrustes(delta, w, target), p @ delta @ q
    u, _, vh = torch.linalg.svd(target, full_matrices=False)
    # singular vectors are defined up to a common sign per pair, so compare quantities that do not depend on it
    assert_close((u.T @ carried @ vh.T).abs(), (u.T @ turned @ vh.T).abs())
    assert_close(baselines.procrustes(w, w, target), target)


@rules
def test_weights_of_two_sizes_are_refused(rule):
    other = torch.randn(6, 9) if rule is not baselines.eq_5_input else torch.randn(5, 10)
    with pytest.raises(ShapeError):
        rule(torch.randn(6, 10), torch.randn(6, 10), other)


def test_k_has_limits():
    with pytest.raises(InvalidValueError, match="k must be from 1 to 6"):
        baselines.lora_x(*case(6, 10), k=7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@rules
def test_weights_may_be_stored_in_less_than_the_change(rule, dtype):
    delta, w, w2 = (m.to(kind) for m, kind in zip(case(8, 8), (torch.float64, dtype, dtype), strict=True))
    assert_close(rule(delta, w, w2), rule(delta, w.double(), w2.double()))
    assert rule(delta.bfloat16(), w, w2).dtype is torch.bfloat16
