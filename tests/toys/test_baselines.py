"""The transfer baselines: identities between them, where each is exact, and the limits of their sizes."""

import pytest
import torch
from torch.nn.init import orthogonal_
from torch.testing import assert_close

from ioadapt_theory.errors import InvalidValueError, ShapeError
from toys.transfer import baselines
from toys.transfer.baselines import BASELINES

SIZES = [(6, 10), (10, 6), (8, 8)]
sizes = pytest.mark.parametrize(("c", "d"), SIZES)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def case(c: int, d: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(c, 2) @ torch.randn(2, d), torch.randn(c, d), torch.randn(c, d)


@sizes
@pytest.mark.parametrize("name", BASELINES)
def test_each_is_linear_in_the_change(name, c, d):
    delta, w, w2 = case(c, d)
    one, two = BASELINES[name](delta, w, w2), BASELINES[name](-2 * delta, w, w2)
    assert one.shape == (c, d)
    assert_close(two, -2 * one)


@pytest.mark.parametrize("name", sorted(set(BASELINES) - {"scaled-copy", "lora-x", "transpose"}))
def test_nothing_happens_between_equal_square_weights(name):
    delta, w, _ = case(8, 8)
    assert_close(BASELINES[name](delta, w, w), delta if name != "prolora" else _both_blocks(delta, w))


def _both_blocks(delta: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    u, _, vh = torch.linalg.svd(w)
    p, q, eye = u[:, :4] @ u[:, :4].T, vh[:4].T @ vh[:4], torch.eye(8)
    return p @ delta @ q + (eye - p) @ delta @ (eye - q)


def test_lora_x_at_full_rank_of_a_square_weight_is_a_copy():
    delta, w, w2 = case(8, 8)
    assert_close(baselines.lora_x(delta, w, w2, k=8), delta)


@sizes
@pytest.mark.parametrize("k", [1, 3])
def test_cross_lora_as_printed_is_lora_x(c, d, k):
    """P_U = argmin ‖P Uₖ - U'ₖ‖_F = U'ₖ Uₖ⁺; D' = (P_U Uₖ)(P_U Uₖ)ᵀ D (P_V Vₖ)(P_V Vₖ)ᵀ."""
    delta, w, w2 = case(c, d)
    u, _, vh = torch.linalg.svd(w, full_matrices=False)
    u2, _, vh2 = torch.linalg.svd(w2, full_matrices=False)
    left = u2[:, :k] @ torch.linalg.pinv(u[:, :k]) @ u[:, :k]
    right = vh2[:k].T @ torch.linalg.pinv(vh[:k].T) @ vh[:k].T
    assert_close(baselines.cross_lora(delta, w, w2, k=k), left @ left.T @ delta @ right @ right.T)


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


def test_eq_5_needs_equal_sizes_on_the_far_side_only():
    delta, w = torch.randn(6, 10), torch.randn(6, 10)
    assert baselines.eq_5_output(delta, w, torch.randn(4, 10)).shape == (4, 10)
    assert baselines.eq_5_input(delta, w, torch.randn(6, 7)).shape == (6, 7)


@sizes
def test_procrustes_undoes_rotations_of_both_sides(c, d, generator):
    p, q, u, v = (orthogonal_(torch.empty(n, n), generator=generator) for n in (c, d, c, d))
    k = min(c, d)
    w = u[:, :k] * torch.arange(1.0, k + 1) @ v[:k]
    delta = w @ torch.randn(d, d) if c < d else torch.randn(c, c) @ w  # within the space that W shows
    delta = w @ torch.linalg.pinv(w) @ delta @ torch.linalg.pinv(w) @ w
    target = p @ w @ q
    carried = baselines.procrustes(delta, w, target)
    turned = p @ delta @ q
    u, _, vh = torch.linalg.svd(target, full_matrices=False)
    # singular vectors are known up to a common sign for each pair, so compare what no sign can change
    assert_close((u.T @ carried @ vh.T).abs(), (u.T @ turned @ vh.T).abs())
    assert_close(baselines.procrustes(w, w, target), target)


def test_transpose_is_the_inverse_for_orthogonal_weights(generator):
    w, w2 = (orthogonal_(torch.empty(8, 8), generator=generator) for _ in range(2))
    delta = torch.randn(8, 8)
    assert_close(baselines.transpose(delta, w, w2, side="input"), baselines.eq_5_input(delta, w, w2))
    assert_close(baselines.transpose(delta, w, w2, side="output"), baselines.eq_5_output(delta, w, w2))


def test_the_oracle_is_what_training_gives():
    delta, w, w2 = case(6, 10)
    assert torch.equal(baselines.oracle(delta, w, w2, train=lambda m: 2 * m), 2 * w2)
    with pytest.raises(ShapeError, match="6 x 9, 6 x 10"):
        baselines.oracle(delta, w, w2, train=lambda m: m[:, 1:])


@pytest.mark.parametrize("name", sorted(set(BASELINES) - {"eq-5-output", "eq-5-input", "transpose"}))
def test_weights_of_two_sizes_are_refused(name):
    with pytest.raises(ShapeError, match=r"found 6 x 10, 6 x 10, 6 x 9"):
        BASELINES[name](torch.randn(6, 10), torch.randn(6, 10), torch.randn(6, 9))


def test_k_has_limits():
    delta, w, w2 = case(6, 10)
    with pytest.raises(InvalidValueError, match="1 to 6 singular vectors"):
        baselines.lora_x(delta, w, w2, k=7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("name", BASELINES)
def test_weights_may_be_stored_in_less_than_the_change(name, dtype):
    delta, w, w2 = (m.to(kind) for m, kind in zip(case(8, 8), (torch.float64, dtype, dtype), strict=True))
    assert_close(BASELINES[name](delta, w, w2), BASELINES[name](delta, w.double(), w2.double()))
    assert BASELINES[name](delta.bfloat16(), w, w2).dtype is torch.bfloat16
