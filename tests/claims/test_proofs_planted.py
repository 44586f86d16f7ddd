"""An error planted in a proof turns it false: signs, factors of two, a transposed W, swapped placements, |s| for s."""

import importlib
import inspect

import pytest

PLANTED = [  # module, argument, what is replaced, by what
    ("cosine", "first_order", "- uv * v_dv / (big_u * big_v**3)", "+ uv * v_dv / (big_u * big_v**3)"),
    ("cosine", "first_order", "/ (big_u**3 * big_v)", "/ (big_u**2 * big_v)"),
    ("cosine", "norm_bound", "(1 - s**2) / big_u**2)", "(1 - s**2) / big_u)"),
    ("cosine", "norm_bound", "2 * s * uv", "s * uv"),
    ("cosine", "remainder", "r * (2 + r) * (1 - x) ** 2", "r * (1 + r) * (1 - x) ** 2"),
    ("cosine", "remainder", "(pq - p - q + uv)", "(pq - p - q - uv)"),
    ("cosine", "finite_angle", "rho_sq = 1 + r**2 - 2 * r * x", "rho_sq = 1 + r**2 - r * x"),
    ("hessian", "spectrum", "orthogonal = lam**2 + 2 * s * lam", "orthogonal = lam**2 - 2 * s * lam"),
    ("hessian", "bound", "scale = sp.diag(1 / big_u, 1 / big_u, 1", "scale = sp.diag(1 / big_u, 1 / big_v, 1"),
    ("hessian", "taylor", "sp.Rational(1, 2)", "1"),
    ("hessian", "explicit_remainder", "total + rho + sp.log", "total - rho + sp.log"),
    ("lora", "sharp_constant", "(cx * c - sx * s)", "(cx * c + sx * s)"),
    ("lora", "sharp_constant", "gram[2] + c * s**2", "gram[2] - c * s**2"),
    ("lora", "two_models", "delta(1) + delta(-1)", "delta(1) - delta(-1)"),
    ("lora", "weights_constant", "(1 - s**2) * (1 / a + 1 / b)", "(1 + s) * (1 / a + 1 / b)"),
    ("output_adapter", "finite_theorem", "k**2 * (1 - big_s**2)", "k * (1 - big_s**2)"),
    ("output_adapter", "finite_theorem", "(k**2 - 1) * big_p", "(k**2 + 1) * big_p"),
    ("output_adapter", "condition_of_adapter", "2 * eps / (1 + eps**2)", "2 * eps / (1 - eps**2)"),
    ("output_adapter", "two_models", "2 * tau * (1 - s**2) / (1", "2 * tau * (1 + s) / (1"),
    ("output_adapter", "two_models", "4 * (1 - s**2) * eps", "4 * (1 + s) * eps"),
    ("input_adapter", "dual_form", "p.T * gradient * w.T", "w * gradient * p"),
    ("input_adapter", "dual_form", "(1 - s**2) * sp.diag(1, -1)", "(1 - s**2) * sp.diag(1, 1)"),
    ("input_adapter", "kantorovich", "((k + 1 / k) / 2) ** 2", "(k + 1 / k) ** 2"),
    ("input_adapter", "sharp_constant", "x1 * m * w, x2 * m * w", "u * m, v * m"),
    ("input_adapter", "sharp_constant", "(1 - s**2) * (k + 1 / k) * eps", "2 * (1 - s**2) * eps"),
    ("input_adapter", "printed_term", "(1 - a) * (k + 1", "(1 + a) * (k + 1"),
    ("input_adapter", "finite", "-sp.log(1 - t * eps)", "sp.log(1 - t * eps)"),
    ("shared_function", "expectation", "2 * sigma**4", "sigma**4"),
    ("shared_function", "expectation", "d * d.T", "d.T * d * 2"),
    ("shared_function", "prop_3", "m * (w2 - v2)", "m * (w1 - v1)"),
    ("shared_function", "prop_3_second", "(w1 - v1) * m", "m * (w1 - v1)"),
    ("shared_function", "prop_4", "(1 + m) * w1 * w2", "w1 * w2 * (1 + m)"),
    ("shared_function", "interior", "v1 * t * (w2 - v2)", "w1 * t * (w2 - v2)"),
    ("shared_function", "whitened", "(f * t * inverse) * (f * d)", "(inverse * t * f) * (f * d)"),
    ("shared_function", "prop_5", "w1 * w2 * (1 + m)", "(1 + m) * w1 * w2"),
    ("intervals", "ce1c", "- 1 / sqrt(1 + epsilon**2) - 4", "- 1 / sqrt(1 + epsilon**2) - 5"),
    ("intervals", "ce1c", 'ab, "input")', 'ab, "output")'),
    ("reachable", "conversion", "(1 - w * p) * m", "(1 - p * w) * m"),
    ("reachable", "conversion_fails", "sp.Rational(5, 3)", "sp.Rational(5, 2)"),
    ("reachable", "conversion_to_input", "(1 + m * p) * w, w + m", "w * (1 + m * p), w + m"),
    ("reachable", "no_broader_class", "w + (w * a) * b", "w + (a * w) * b"),
    ("reachable", "combination", "a1 * (b1 * w) + a2 * b2)", "(w * a1) * b1 + a2 * b2)"),
    ("absorption", "linear", "b * (1 + m)", "b"),
    ("absorption", "channel_mix", "before * k for", "before.T * k for"),
    ("absorption", "counterexamples", "== (2, 3)", "== (3, 3)"),
    ("cost", "forward_overhead", '"input": 2 * r * c', '"input": r * (c + d)'),
    ("cost", "training_overhead", "n * c * d + 3 * n * r * c", "3 * n * r * c"),
    ("transfer", "same_function", "gap + m * (w2 - v2)", "gap + m * (w1 - v1)"),
    ("transfer", "single_layer", "(w - v) * (1 + m)", "(1 + m) * (w - v)"),
    ("nonlinear", "input_fails", "(1 + k**2) * corner - 2 * k", "(1 - k**2) * corner - 2 * k"),
    ("nonlinear", "input_instead", "normal * (2 - x**2)", "normal * (1 - x**2)"),
    ("attention", "head_symmetry", "t * q * k * u, ones=[r * s]", "q * t * k * u, ones=[r * s]"),
    ("attention", "residual_symmetry", "x * q * t, ones=[r * s]", "x * t * q, ones=[r * s]"),
]


@pytest.mark.parametrize(("module", "argument", "old", "new"), PLANTED)
def test_a_planted_error_breaks_the_proof(module, argument, old, new):
    source = inspect.getsource(importlib.import_module(f"ioadapt_theory.claims.proofs.{module}"))
    assert old in source
    changed = {"__name__": f"ioadapt_theory.claims.proofs.{module}"}
    exec(compile(source.replace(old, new), f"{module} with a planted error", "exec"), changed)
    assert not changed[argument]()
