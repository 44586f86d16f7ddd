"""Instance files: exact strings are exact; whatever is wrong gets one sentence that names it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.instances import load, load_or_witness, witness
from ioadapt_theory.errors import FileFormatError, InvalidValueError, ShapeError

A1 = CLAIMS["prop-2-input"].inequality.setting
A2 = CLAIMS["prop-3"].inequality.setting


def changed(**changes: Any) -> dict[str, Any]:
    return {k: v for k, v in (witness("ce1") | changes).items() if v is not None}


def test_a_name_is_a_file_or_else_a_witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_or_witness("ce1") == witness("ce1")
    (tmp_path / "ce1").write_text('{"W": [[2]]}')
    assert load_or_witness("ce1") == {"W": [[2]]}
    (tmp_path / "ce1").write_text("W = 2")
    with pytest.raises(FileFormatError, match=r"cannot be read: not JSON \("):
        load_or_witness("ce1")


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"W": None}, FileFormatError, r"lacks W; an instance of setting A\.1 \(input\) has the keys W, W_target"),
        ({"w": [[1]]}, FileFormatError, "Unknown key 'w'"),
        ({"x1": [1, float("nan")]}, FileFormatError, "x1 holds nan, which is neither a finite number"),
        ({"x1": [1, "1/0"]}, FileFormatError, 'x1 holds "1/0"'),
        ({"x1": [1, "one"]}, FileFormatError, 'x1 holds "one"'),
        ({"x1": [1, True]}, FileFormatError, "x1 holds true"),
        ({"x1": 1}, FileFormatError, "x1 must be a list of numbers, got 1"),
        ({"W": [1, 2]}, FileFormatError, r"W must be a list of rows of equal length, got \[1, 2\]"),
        ({"W": [[1], 2]}, FileFormatError, r"W must be a list of rows of equal length, got \[\[1\], 2\]"),
        ({"W": [[1, 2], [3]]}, ShapeError, "rows of lengths 2, 1"),
        ({"x1": [1, 2, 3]}, ShapeError, "x1 has size 3, but it is c, and c = 2 in W"),
        ({"AB": [[1, 2, 3]] * 3}, ShapeError, "AB has size 3 x 3, but it is c x c, and c = 2 in W"),
        ({"x1": [0, 0]}, InvalidValueError, "x1 is the zero vector"),
        ({"W": [[1, 0], [0, 0]]}, InvalidValueError, "x2 W is the zero vector"),
        ({"epsilon": -1}, InvalidValueError, "epsilon = -1 must be at least 0"),
        ({"epsilon": "1e999999999"}, FileFormatError, "exponents have up to three digits"),
        ({"epsilon": "x" * 99}, FileFormatError, 'epsilon holds "' + "x" * 36 + r"\.\.\., which"),
        ({"epsilon": "1e-9_9_9_9"}, FileFormatError, "exponents have up to three digits"),
        ({"k" * 1000: 1}, FileFormatError, f"Unknown key '{'k' * 40}' in"),
    ],
)
def test_a_bad_instance_gets_one_sentence(changes: dict[str, Any], error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        A1.read(changed(**changes))


def test_an_output_adapter_goes_between_models_of_different_width() -> None:
    raw = witness("ce2") | {"W_target": [[0, 1], [-1, 0], [0, 0]], "x1_target": [1, 2, 5], "x2_target": [1, -2, 5]}
    assert CLAIMS["prop-2-output"].inequality.setting.read(raw).w_target.shape == (3, 2)
    with pytest.raises(ShapeError, match="W_target has size 3 x 2"):
        CLAIMS["prop-1"].inequality.setting.read(raw)


@pytest.mark.parametrize("content", ["[1]", "{", "", "[" * 100_000])
def test_a_file_that_is_no_json_object(tmp_path: Any, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(FileFormatError, match=r"x\.json"):
        load(path)


def test_a_key_twice_is_refused_at_every_depth(tmp_path: Any) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"comment": {"x1": [1], "x1": [2]}}')
    with pytest.raises(FileFormatError, match='"x1" appears twice'):
        load(path)


@pytest.mark.parametrize("claim", [c for c in CLAIMS.values() if c.inequality is not None], ids=lambda c: c.id)
def test_what_is_drawn_can_be_written_and_read(claim: Any) -> None:
    setting = claim.inequality.setting
    drawn = setting.parametrise(setting.start(2, torch.Generator().manual_seed(0)))
    sizes = {
        axis: size
        for letter in setting.letters
        if getattr(drawn, letter.attribute) is not None
        for axis, size in zip(letter.axes.split(), getattr(drawn, letter.attribute).shape[1:], strict=True)
    }
    assert "c" not in sizes or "d" not in sizes or sizes["c"] != sizes["d"]
    raw = setting.dump(drawn, 1)
    read = setting.read(raw)
    for letter in setting.letters:
        value = getattr(drawn, letter.attribute)
        if value is not None:
            back = getattr(read, letter.attribute)
            array = torch.tensor(back.astype(float) if letter.axes else float(back))
            torch.testing.assert_close(array, value[1] if value.dim() > len(letter.axes.split()) else value)
