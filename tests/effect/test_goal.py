import pytest
import torch

from ioadapt_theory.effect import Goal, predict
from ioadapt_theory.effect import goal as module
from ioadapt_theory.effect.retained import guessed


def outputs(*shape: int, dtype: torch.dtype = torch.float32):
    torch.manual_seed(0)
    s, d, apart, own = (torch.randn(*shape) for _ in range(4))
    return [x.to(dtype) for x in (3 * s, 3 * s + d, 3 * s + apart, 3 * s + apart + 0.7 * d + 0.2 * own)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sums_in_chunks_of_float32_are_those_in_float64(dtype, monkeypatch):
    s, sa, t, ta = outputs(3, 5, 1000, dtype=dtype)
    for need in ("labels", "change", "outputs"):
        fine = Goal(s.double(), sa.double(), t.double(), need, 0.4).sums(ta.double(), learned=True)
        with monkeypatch.context() as patch:
            patch.setattr(module, "CHUNK", 3000)
            coarse = Goal(s, sa, t, need, 0.4).sums(ta, learned=True)
        for name in coarse.__slots__:
            torch.testing.assert_close(getattr(coarse, name), getattr(fine, name), rtol=1e-5, atol=1e-4)


def test_labels_are_guessed_once_for_all_candidates(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "guessed", lambda *args, **options: calls.append(1) or guessed(*args, **options))
    s, sa, t, ta = outputs(3, 5, 40)
    goal = Goal(s, sa, t, "labels", 0.4)
    first, before = goal.sums(ta), len(calls)
    assert torch.equal(goal.sums(ta).gained, first.gained)
    assert len(calls) == before
    monkeypatch.setattr(module, "MOST_KEPT", 10)  # too many to keep: guessed again, with the same result
    again = Goal(s, sa, t, "labels", 0.4)
    torch.testing.assert_close([again.sums(ta).gained for _ in range(2)], [first.gained] * 2)
    assert again.kept is None


def test_the_labels_of_a_target_that_has_learned_count_as_far_as_both_models_gain():
    s, sa, t, moved = (x.double() for x in outputs(2, 3, 7))
    goal, weights = Goal(s, sa, t, "labels"), []
    for strength in (0.2, 1.0, -1.0, 2.0, 4.0):
        ta = torch.lerp(t, moved, strength)
        ls, lsa, lt, lta = (x.log_softmax(-1) for x in (s, sa, t, ta))
        (top, bottom), (own_top, own_bottom) = (
            (float((p * (lta - lt)).sum()), float((p * (lsa - ls)).sum())) for p in (guessed(s, sa, t), lta.exp())
        )
        shares = top / bottom, own_bottom / bottom
        w = min(max(shares[0], 0.0), 1.0) * min(max(shares[1], 0.0), 1.0) / 3
        mixed = ((1 - w) * top + w * own_top) / ((1 - w) * bottom + w * own_bottom)
        assert predict(goal.sums(ta, learned=True), "labels").kept == pytest.approx(mixed)
        assert predict(goal.sums(ta), "labels").kept == pytest.approx(top / bottom)
        weights.append(w)
    assert 0 == min(weights) < max(weights) < 1 / 3


@pytest.mark.parametrize("need", ["labels", "change", "outputs"])
def test_the_gradient_of_the_loss_is_its_derivative(need):
    s, sa, t, ta = (x.double() for x in outputs(2, 3, 5))
    goal, ta = Goal(s, sa, t, need, 0.3), ta.requires_grad_()
    assert torch.autograd.gradcheck(goal.loss, ta)
    if need == "labels":
        torch.testing.assert_close(goal.loss(ta), -(sa.softmax(-1) * ta.log_softmax(-1)).sum(-1).mean())
    else:
        wanted = t + sa - s if need == "change" else sa
        torch.testing.assert_close(goal.loss(ta), (ta - wanted).square().sum() / (sa - s).square().sum())


def test_the_share_of_the_outputs_is_that_of_the_squared_error_to_the_adapted_source():
    s, sa, t, ta = (x.double() for x in outputs(40, 6))
    found = predict(Goal(s, sa, t, "outputs").sums(ta), "outputs")
    before, after, source = ((x - sa).square().sum() for x in (t, ta, s))
    assert found.kept == pytest.approx(float((before - after) / source))
    assert predict(Goal(s, sa, t, "outputs").sums(sa), "outputs").kept == pytest.approx(float(before / source))


def test_classes_of_images_are_in_dimension_1():
    s, sa, t, ta = outputs(4, 3, 5, 2)
    moved = [x.movedim(1, -1).flatten(1, 2) for x in (s, sa, t, ta)]
    images, rows = Goal(s, sa, t, "labels", 0.4), Goal(*moved[:3], "labels", 0.4)
    torch.testing.assert_close(images.sums(ta).gained, rows.sums(moved[3]).gained)
    torch.testing.assert_close(images.chances().sum(1), torch.ones(4, 5, 2).float())
    ta.requires_grad_()
    images.loss(ta).backward()
    torch.testing.assert_close(ta.grad.sum(1), torch.zeros(4, 5, 2).float(), atol=1e-6, rtol=0)


def test_labels_may_contain_what_the_target_knows():
    s, sa, t, _ = (x.double() for x in outputs(2, 3, 5))
    wanted = (sa.softmax(-1) * (t.softmax(-1) / s.softmax(-1)) ** 0.5).log().requires_grad_()
    (gradient,) = torch.autograd.grad(Goal(s, sa, t, "labels", own=0.5).loss(wanted), wanted)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)
