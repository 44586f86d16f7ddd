"""The study of the generators: ncnn's layout of files, tasks, shares and the mixed model, without the weights."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from figures import readme
from toys.common.style import styled
from toys.cugan import images, networks, output
from toys.cugan.mixed import fit
from toys.cugan.shares import Share, model, shares
from toys.data.weights import MissingPackageError
from toys.transfer import records

KNOWN = {
    "coefficients": (0.2138453, 0.50316775),
    "errors": (0.22921285, 0.05980361),
    "variances": (0.09429475, 0.02912739, 0.10746822, 0.04691192),
}
"""The fit of statsmodels.formula.api.mixedlm, with the three groupings as variance components of one group."""
NCNN = (0.153568, 0.153601, 0.154446, 0.165789, 0.16585, 0.166696)
"""Some pixels of the output of ncnn 1.0.20261020 in float32."""


def test_an_image_loses_its_margin_and_is_enlarged():
    torch.manual_seed(0)
    with torch.no_grad():
        assert networks.Upscaler()(torch.rand(2, 3, 44, 40)).shape == (2, 3, 16, 8)


def test_every_layer_of_the_files_is_read_once():
    weighted = {n for n, m in networks.Upscaler().named_modules() if isinstance(m, torch.nn.modules.conv._ConvNd)}
    assert sorted(networks.ORDER) == sorted(weighted)


def test_tasks_keep_the_shapes_and_change_what_they_say():
    small, large = torch.rand(1, 3, 40, 40), torch.rand(1, 3, 8, 8)
    for task in images.TASKS.values():
        x, y = task(small, large)
        assert (x.shape, y.shape) == (small.shape, large.shape)
    flat = torch.full((1, 3, 40, 40), 0.5)
    torch.testing.assert_close(images.lines(flat, large)[0].mean(), torch.tensor(0.4375))
    torch.testing.assert_close(images.sepia(small, torch.zeros(1, 3, 8, 8))[1], torch.zeros(1, 3, 8, 8))


def crossed(noise: float) -> tuple[np.ndarray, np.ndarray, list[list[object]]]:
    drawn = np.random.default_rng(0)
    cells = [(s, t, k) for s in range(8) for t in range(8) for k in range(3) if s != t]
    x = np.array([[1.0, drawn.uniform()] for _ in cells])
    u = [drawn.normal(0, size, n) for size, n in ((0.3, 8), (0.2, 8), (0.4, 3))]
    y = x @ [0.2, 0.6] + [u[0][s] + u[1][t] + u[2][k] for s, t, k in cells] + drawn.normal(0, noise, len(cells))
    return y, x, [list(g) for g in zip(*cells, strict=True)]


def test_the_mixed_model_is_that_of_statsmodels():
    found = fit(*crossed(0.2))
    np.testing.assert_allclose(found.coefficients, KNOWN["coefficients"], rtol=2e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), KNOWN["errors"], rtol=2e-2)
    np.testing.assert_allclose(found.variances, KNOWN["variances"], rtol=5e-2)


def test_shares_divide_by_the_gain_on_the_source_and_by_that_of_a_lora_trained_there():
    def around(mean: float) -> np.ndarray:
        return mean + np.array([-0.1, 0.1])

    found = {("", name, "t", ""): around(4) for name in "ab"}
    found |= {
        ("a", "a", "t", "lora"): around(2),
        ("b", "b", "t", "lora"): around(3),
        ("a", "b", "t", "lora"): around(3.5),
    }
    (one,), idle = shares(found, {"lora": "lora"})
    assert (one.own, one.retrained) == pytest.approx((0.25, 0.5))
    assert idle == []
    found["b", "b", "t", "lora"] = np.array([3.5, 4.4])
    assert shares(found, {"lora": "lora"}) == ([], ["b, t"])


def test_the_line_of_a_share_that_is_the_cosine_has_slope_one():
    drawn = np.random.default_rng(1)
    cosines = {(a, b): float(drawn.uniform()) for a in "abcd" for b in "abcd" if a != b}
    some = [Share(*pair, task, "lora", c, c) for pair, c in cosines.items() for task in "xy"]
    line = model(some, cosines)
    assert line.interval([1, 0.5])[0] == pytest.approx(0.5, abs=1e-3)


def test_a_record_gives_a_table_and_a_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pairs = [(a, b) for a in "abc" for b in "abc" if a != b]
    cosines = {f"{a} > {b}": 0.9 if {a, b} == {"a", "b"} else 0.0 for a, b in pairs}
    errors = {f" > {name}: {task}: ": {"errors": [4.0, 4.1]} for name in "abc" for task in "xy"}
    for (a, b), task in itertools.product([*pairs, *((n, n) for n in "abc")], "xy"):
        kept = 1.0 if a == b else cosines[f"{a} > {b}"]
        errors[f"{a} > {b}: {task}: lora"] = {"errors": [4 - 2 * kept, 4.1 - 2 * kept]}
    result = {"cosines": cosines, "errors": errors}
    records.write(tmp_path / "upscalers.json", "upscalers", "python toys/upscalers.py", [0], result, [])
    monkeypatch.setattr(output, "RECORD", tmp_path / "upscalers.json")
    assert "| LoRA | 0.90; 0.90 |  | 0.00; 0.00 | +0.10 (+0.10 to +0.10) |" in readme.SECTIONS["upscalers"]()
    with styled():
        assert len(output.draw(result).axes) == 1
    monkeypatch.setattr(output, "RECORD", tmp_path / "none.json")
    assert "no record yet" in readme.SECTIONS["upscalers"]()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "PACKAGE", "no-such-package")
    with pytest.raises(MissingPackageError, match=r"no-such-package, .* --requirement upscalers\.txt"):
        images.photograph("coffee.png")


@pytest.mark.slow
def test_the_network_is_that_of_ncnn():
    try:
        model = networks.upscaler("se/conservative")
    except MissingPackageError as error:
        pytest.skip(str(error))
    x = torch.linspace(0, 1, 3 * 40 * 42).reshape(1, 3, 40, 42).sin().abs()
    with torch.no_grad():
        np.testing.assert_allclose(model(x)[0, :, ::3, ::5].flatten()[:6], NCNN, atol=2e-6)
