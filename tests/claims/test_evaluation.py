import contextlib
import json

import numpy as np
import pytest
import torch

from ioadapt_theory.claims import CLAIMS, instances
from ioadapt_theory.claims.arithmetic import mp
from ioadapt_theory.claims.claim import HypothesisError, UndecidedError
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.instances import load_or_witness, witness
from ioadapt_theory.errors import FileFormatError, InvalidValueError, ShapeError

A1 = CLAIMS["prop-2-input"].inequality.setting


def changed(**changes):
    return {k: v for k, v in (witness("ce1") | changes).items() if v is not None}


def test_a_name_is_a_file_or_else_a_witness(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_or_witness("ce1") == witness("ce1")
    (tmp_path / "ce1").write_text('{"W": [[2]]}')
    assert load_or_witness("ce1") == {"W": [[2]]}
    for content in ("W = 2", "[1]", "{", "", "[" * 100_000, '{"comment": {"x1": [1], "x1": [2]}}'):
        (tmp_path / "ce1").write_text(content)
        says = r"not JSON \(|must contain a JSON object|'ce1' contains the key \"x1\" twice"
        with pytest.raises(FileFormatError, match=says):
            load_or_witness("ce1")


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"W": None}, FileFormatError, r"lacks W; an instance of this claim has the keys W, W_target"),
        ({"w": [[1]]}, FileFormatError, "Unknown key 'w'"),
        ({"x1": [1, float("nan")]}, FileFormatError, "x1 contains nan, which is neither a finite number"),
        ({"x1": [1, "1/0"]}, FileFormatError, 'x1 contains "1/0"'),
        ({"x1": [1, "one"]}, FileFormatError, 'x1 contains "one"'),
        ({"x1": [1, True]}, FileFormatError, "x1 contains true"),
        ({"x1": 1}, FileFormatError, "x1 must be a non-empty list of numbers, not 1"),
        ({"W": [1, 2]}, FileFormatError, r"W must be a non-empty list of rows of equal length, not \[1, 2\]"),
        ({"W": [[1], 2]}, FileFormatError, r"W must be a non-empty list of rows of equal length, not \[\[1\], 2\]"),
        ({"W": [[1, 2], [3]]}, ShapeError, "rows of lengths 2, 1"),
        ({"x1": [1, 2, 3]}, ShapeError, "x1 must have size c, with c = 2 as in W, not 3"),
        ({"AB": [[1, 2, 3]] * 3}, ShapeError, "AB must have size c x c, with c = 2 as in W, not 3 x 3"),
        ({"x1": [0, 0]}, InvalidValueError, "x1 is the zero vector"),
        ({"x1_target": [0, 0]}, InvalidValueError, "x1_target is the zero vector"),
        ({"W": [[1, 0], [0, 0]]}, InvalidValueError, "x2 W is the zero vector"),
        ({"epsilon": -1}, InvalidValueError, "epsilon must be at least 0, not -1"),
        ({"epsilon": "1e999999999"}, FileFormatError, "an exponent may have at most three digits"),
        ({"epsilon": "x" * 38}, FileFormatError, 'epsilon contains "' + "x" * 36 + r"\.\.\., which"),
        ({"epsilon": "1E+9999"}, FileFormatError, r'epsilon contains "1E\+9999", but an exponent may have at most'),
        ({"epsilon": "1e-9_9_9_9"}, FileFormatError, "an exponent may have at most three digits"),
        ({"k" * 1000: 1}, FileFormatError, f"Unknown key '{'k' * 40}' in"),
    ],
)
def test_a_bad_instance_gets_one_sentence(changes, error, sentence):
    with pytest.raises(error, match=sentence):
        A1.read(changed(**changes))


def test_increments_have_vectors_that_are_not_zero():
    raw = {"u": [1, 0], "v": [0, 0], "du": [0, 0], "dv": [0, 0]}
    with pytest.raises(InvalidValueError, match=r"v is the zero vector, for which s\(u, v\) is undefined; Lemmas 1"):
        CLAIMS["lemma-1"].setting.read(raw)
    with pytest.raises(
        FileFormatError, match="lacks u, v, du, dv; an instance of this claim has the keys u, v, du, dv"
    ):
        CLAIMS["lemma-1"].setting.read({})


def test_an_output_adapter_goes_between_models_of_different_width():
    raw = witness("ce2") | {"W_target": [[0, 1], [-1, 0], [0, 0]], "x1_target": [1, 2, 5], "x2_target": [1, -2, 5]}
    assert CLAIMS["prop-2-output"].inequality.setting.read(raw).w_target.shape == (3, 2)
    with pytest.raises(ShapeError, match="W_target must have size c x d, with c = 2 as in W, not 3 x 2"):
        CLAIMS["prop-1"].inequality.setting.read(raw)


@pytest.mark.parametrize("claim", [c for c in CLAIMS.values() if c.inequality is not None], ids=lambda c: c.id)
def test_what_is_drawn_can_be_written_and_read(claim):
    setting = claim.inequality.setting
    drawn = setting.draw(2, torch.Generator().manual_seed(0))
    raw = setting.dump(drawn, 1)
    read = setting.read(raw)
    for letter in setting.letters:
        value = getattr(drawn, letter.attribute)
        if value is not None:
            back = getattr(read, letter.attribute)
            array = torch.tensor(back.astype(float) if letter.axes else float(back))
            torch.testing.assert_close(array, value[1] if value.dim() > len(letter.axes.split()) else value)


INEQUALITIES = [c for c in CLAIMS.values() if c.inequality is not None and c.concludes[0].sign != "="]


@pytest.mark.parametrize("claim", [c for c in INEQUALITIES if c.id != "lemma-2-integral"], ids=lambda c: c.id)
def test_float64_and_50_digits_are_the_same_formula(claim):
    """Of lemma-2-integral, there is a finer grid at 50 digits."""
    inequality = claim.inequality
    batch = inequality.setting.draw(2, torch.Generator().manual_seed(3))
    raw = inequality.setting.dump(batch, 1)
    with mp.workdps(50):  # hypotheses hold up to rounding here, so both sides are compared alone
        instance = inequality.setting.read(raw)
        rhs = torch.as_tensor(inequality.rhs(batch)).expand(2)  # or a number
        assert float(rhs[1]) == pytest.approx(float(inequality.rhs(instance)), rel=1e-9)
        assert float(inequality.decisive(batch)[1]) == pytest.approx(float(inequality.decisive(instance)), rel=1e-7)


def test_the_mismatch_of_a_gauge_pair_is_zero_and_not_rounding():
    raw = {"W1": [["1/3", 2], [0, "1/7"]], "W2": [[1, 0], ["3/11", 1]], "W1_target": [["1/9", 2], [0, "1/7"]]}
    raw |= {"W2_target": [[3, 0], ["3/11", 1]], "AB": [["1/2", "1/2"], [0, 0]], "sigma": "1/3"}
    found = evaluate(CLAIMS["prop-4"], raw)
    assert (found.lhs, found.rhs, found.holds) == (0.0, 0.0, True)
    assert found.to_json()["ratio"] is None
    assert "first_order" not in found.to_json()


@pytest.mark.parametrize("exponent", [-200, 200])
def test_what_double_precision_does_not_hold_is_said(exponent):
    scale = f"1.23456e{exponent}"
    raw = {"W1": [[scale]], "W2": [[1]], "W1_target": [[0]], "W2_target": [[1]], "sigma": 1}
    doubles = r"the range of doubles \(2\.23e-308 to 1\.8e\+308\); rescale the instance\.$"
    with pytest.raises(InvalidValueError, match=rf"gives the value 1\.5241e[+-]400, outside {doubles}"):
        evaluate(CLAIMS["lemma-3"], raw)


@pytest.mark.parametrize("claim", ["prop-1-explicit", "prop-1-finite", "prop-2-output-finite"])
def test_a_missed_hypothesis_refutes_nothing_however_small_epsilon(claim):
    """s₀ differs by 5e-10 between the models, which is within an instance's accuracy but 125 times the bound."""
    eye = [[1, 0], [0, 1]]
    raw = {"W": eye, "W_target": eye, "x1": [1, 0], "x2": [0, 1], "x1_target": [1, 0], "x2_target": ["5e-10", 1]}
    with pytest.raises(UndecidedError, match="Undecided: the bound is exceeded by"):
        evaluate(CLAIMS[claim], raw | {"AB": [[0, 0], [0, 0]], "epsilon": "1e-12"})


def nearly_parallel(claim, s0):
    """Return an instance with s₀ = 1 for the source and 1 − 5e-11 for the target; AB attains the bound."""
    tall = {"W": [[1, 0], [s0, 0]], "x1": [1, 0], "x2": [0, 1], "x1_target": [1, 0], "x2_target": [0, 1]}
    tall |= {"W_target": [[1, 0], [s0, "1e-5"]], "AB": [[0, "-1/10"], [0, f"{s0}/10"]], "epsilon": "3/20"}
    square = {"W": [[1, 0], [0, 1]], "x1": [1, 0], "x2": [s0, 0], "x1_target": [1, 0], "x2_target": [s0, "1e-8"]}
    square |= {"W_target": [[1, 0], [0, "1000"]], "AB": [[0, 0], ["-1/10", 0]], "epsilon": "1/10"}
    return square if claim == "prop-2-input-sharp" else tall


@pytest.mark.parametrize(
    "claim", [f"prop-1-{x}" for x in ("abs", "sine", "sharp", "explicit", "finite")]
    + [f"prop-2-{x}" for x in ("output-abs", "output-sharp", "output-finite", "input-sharp", "input-vectors")],
)  # fmt: skip
@pytest.mark.parametrize("s0", [1, -1])
@pytest.mark.parametrize("flip", [False, True])
def test_no_proved_bound_falls_by_rounding_where_outputs_are_parallel(claim, s0, flip):
    raw = nearly_parallel(claim, s0)
    if flip:
        models = [(k, f"{k}_target") for k in ("W", "x1", "x2")]
        raw |= {a: raw[b] for pair in models for a, b in (pair, pair[::-1])}
    with contextlib.suppress(UndecidedError):
        assert evaluate(CLAIMS[claim], raw).holds


@pytest.mark.parametrize("scale", ["1e-20", "1", "1e20"])
@pytest.mark.parametrize("claim", ["prop-4-whitened", "prop-5-anisotropic"])
def test_whether_a_factor_is_regular_is_decided_exactly_whatever_its_unit(claim, scale):
    raw = {"W1": [[1], [0]], "W2": [[1, 2]], "W1_target": [[0], [1]], "W2_target": [[1, 3]], "AB": [[0, 1], [0, 0]]}
    assert evaluate(CLAIMS[claim], raw | {"F": [[scale, 0], [0, scale]]}).holds
    assert evaluate(CLAIMS[claim], raw | {"F": [["1", 0], [0, "1e-14"]]}).holds
    with pytest.raises(HypothesisError, match=r"rank\(F\) = rows\(F\)"):
        evaluate(CLAIMS[claim], raw | {"F": [[scale, scale], ["1/3", "1/3"]]})


UP_TO_ROUNDING = {
    "lemma-1-angle": {"u": [1, 0], "v": [1, 0], "du": ["-1.0000000005004", 0], "dv": [0, 0]},
    "lemma-2-remainder": {"u": [1, 0], "v": [1, 0], "du": ["-1.0000000005", 0], "dv": [0, 0]},
    "prop-1-finite": {
        **{"W": [[1, 0], [100, 10]], "W_target": [[100, 0], [100, 10]], "x1": [1, 0], "x2": [0, 1]},
        **{"x1_target": [1, 0], "x2_target": [0, 1], "AB": [["-1.0000000005", 0], [0, 0]], "epsilon": "1.0000000005"},
    },
    "prop-2-input-finite": {
        **{"W": [[1, 0], [0, 1]], "W_target": [[1, 0], [0, 1]], "x1": [1, 0], "x2": [1, 1], "x1_target": [1, 0]},
        **{"x2_target": [1, -1], "AB": [["-0.5", 0], [0, 0]], "epsilon": "1.0000000005"},
    },
}


@pytest.mark.parametrize("claim", UP_TO_ROUNDING)
def test_a_hypothesis_met_only_up_to_rounding_decides_nothing_where_the_conclusion_jumps(claim):
    with pytest.raises(UndecidedError, match=r"only up to rounding \(residual 5e-10\)|residual 5\.01e-10") as caught:
        evaluate(CLAIMS[claim], UP_TO_ROUNDING[claim])
    assert max(caught.value.residuals.values()) == pytest.approx(5e-10, rel=1e-2)


@pytest.mark.parametrize("claim", ["lemma-1-angle", "prop-1-finite"])
def test_a_hypothesis_that_holds_with_equality_is_met(claim):
    raw = json.loads(json.dumps(UP_TO_ROUNDING[claim]).replace("1.0000000005", "0.9999999995"))
    assert evaluate(CLAIMS[claim], raw).holds
    irrational = {"u": [1, 1], "v": [0, 1], "du": ["7/5", "1/5"], "dv": [1, 0]}  # |du| = |u| in all digits
    assert evaluate(CLAIMS["lemma-1-angle"], irrational).holds


def test_an_equation_is_missed_relative_to_its_sides():
    assert evaluate(CLAIMS["stronger-requirement"], witness("stronger")).decisive_ratio == 2  # 0 and −21/221
    x, w, ab = (np.array(witness("eq-5-tall")[key], dtype=float) for key in ("X", "W", "AB"))
    left, right = x @ (w + ab), x @ (w + w @ np.linalg.pinv(w) @ ab)
    share = np.square(left - right).sum() / (np.square(left).sum() + np.square(right).sum())
    assert evaluate(CLAIMS["eq-5-scope"], witness("eq-5-tall")).decisive_ratio == pytest.approx(1 + share, rel=1e-12)


def test_a_file_is_read_up_to_a_size_that_is_named(tmp_path, monkeypatch):
    with (path := tmp_path / "x.json").open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    with pytest.raises(FileFormatError, match="is larger than the limit of 64 MiB"):
        instances.load(path)
    path.write_text('{"a": 1}', encoding="utf-8")
    monkeypatch.setattr(instances, "LARGEST", len('{"a": 1}'))
    assert instances.load(path) == {"a": 1}


def test_a_ball_that_is_missed_by_rounding_is_taken_a_little_larger_before_anything_falls():
    """‖AB‖₂ ≈ 1 makes x₂ parallel to x₁ and artanh ŝ = 51; ε is smaller by only 5e-10, but ln 1/(1 − ε) is 21."""
    raw = {"W": [[1, 0], [0, 1]], "W_target": [[1, 0], [0, 1]], "x1": [1, 0], "x2": [1, 1], "x1_target": [1, 0]}
    raw |= {"x2_target": [1, -1], "AB": [[0, 0], [0, "-0.9999999999999999999999"]], "epsilon": "0.9999999995"}
    found, exactly = (evaluate(CLAIMS["prop-2-input-finite"], x) for x in (raw, raw | {"epsilon": "0." + "9" * 22}))
    assert found.holds
    assert found.rhs == pytest.approx(exactly.rhs, rel=1e-3)


@pytest.mark.parametrize("scale", ["1e-160", "1", "1e100"])
def test_a_segment_through_zero_is_seen_at_every_scale(scale):
    raw = {"u": [scale, 0], "du": [f"-{scale}", 0], "v": [0, scale], "dv": [0, 0]}
    with pytest.raises(HypothesisError, match="min_t"):
        evaluate(CLAIMS["lemma-2-integral"], raw)


def test_equality_written_exactly_is_a_miss_of_a_strict_hypothesis_and_no_rounding():
    raw = witness("ce2") | {"epsilon": 1, "AB": [[1, 0], [0, -1]]}
    with pytest.raises(HypothesisError, match="does not meet the hypothesis ε < 1: both sides are equal"):
        evaluate(CLAIMS["prop-2-output-finite"], raw)


@pytest.mark.parametrize("epsilon", ["1/10", 1])
def test_a_singular_value_that_is_not_there_adds_nothing(epsilon):
    """In one dimension, all outputs are parallel."""
    raw = {"W": [[2]], "W_target": [[3]], "x1": [1], "x2": [1], "x1_target": [1], "x2_target": [1]}
    found = evaluate(CLAIMS["prop-1-weights"], raw | {"AB": [[epsilon]], "epsilon": epsilon})
    assert (found.decisive, found.rhs, found.holds) == (0.0, 0.0, True)
