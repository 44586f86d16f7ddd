"""Cosines, distances and norms by torch (all dtypes) and by compiled code (three) equal a float64 reference."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ioadapt_theory.checkpoints.checkpoint import SourceError, torch_dtype
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.similarity import Options, Values, compare, compiled
from ioadapt_theory.similarity.matching import paired
from ioadapt_theory.similarity.moments import Moments, values
from ioadapt_theory.similarity.weights import CHUNK, moments
from tests.similarity.memory import Held, held, noisy

LARGE = 3 * CHUNK + 17
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


def measured(*checkpoints: Held, parent: int | None = None) -> list[Moments]:
    layers = paired(checkpoints, [c.name for c in checkpoints]).layers
    return [moments(layer, checkpoints, parent) for layer in layers]


def figures(*checkpoints: Held, parent: int | None = None) -> Values:
    (layer,) = measured(*checkpoints, parent=parent)
    found = values(layer, 0, 1)
    assert found is not None
    return found


def assert_exact(v: Values, a: torch.Tensor, b: torch.Tensor, distance: float = 1e-9) -> None:
    """Check the cosine, the distance and the ratio of norms against exactly rounded sums."""
    x, y = a.double().flatten().tolist(), b.double().flatten().tolist()
    aa, bb = math.fsum(v * v for v in x), math.fsum(v * v for v in y)
    ab = math.fsum(v * w for v, w in zip(x, y, strict=True))
    dd = math.fsum((v - w) ** 2 for v, w in zip(x, y, strict=True))
    assert v.cosine == pytest.approx(ab / math.sqrt(aa * bb), abs=1e-12)
    assert v.relative_distance == pytest.approx(math.sqrt(dd / aa), rel=distance)
    assert v.norm_ratio == pytest.approx(math.sqrt(bb / aa), rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 7, LARGE])
def test_figures_are_those_of_exact_sums(dtype: torch.dtype, n: int):
    a = torch.randn(n, dtype=torch.float32)
    one, two = a.to(dtype), (0.7 * a + torch.randn(n, dtype=torch.float32)).to(dtype)
    assert_exact(figures(held("a", {"w": one}), held("b", {"w": two})), one, two)
    same = figures(held("a", {"w": one}), held("b", {"w": one.clone()}))
    assert (same.cosine, same.relative_distance, same.norm_ratio) == (1.0, 0.0, 1.0)
    turned = figures(held("a", {"w": one}), held("b", {"w": -3 * one.double()}))
    assert -1 <= turned.cosine == pytest.approx(-1, abs=1e-12)


def test_different_dtypes_are_compared_by_value_and_near_models_do_not_cancel():
    a = torch.randn(LARGE, dtype=torch.float32)
    assert_exact(figures(held("a", {"w": a}), held("b", {"w": a.half()})), a, a.half())
    for scale in (1e-2, 1e-7, 1e-11):
        near = noisy({"w": a.double()}, scale, 1)["w"]
        assert_exact(figures(held("a", {"w": a.double()}), held("b", {"w": near})), a, near, distance=1e-7)


def test_many_models_in_one_pass_are_the_pairs_one_by_one_and_one_without_the_layer_disturbs_none():
    base = {f"l{k}.weight": torch.randn(11, 5 + k) for k in range(9)}
    models = [*(held(f"m{i}", noisy(base, 0.3 * i, i)) for i in range(3)), held("none", {})]
    together = measured(*models)
    assert np.isnan(together[0].inner[3]).all()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        for one, many in zip(measured(models[i], models[j]), together, strict=True):
            ends = np.ix_([i, j], [i, j])
            np.testing.assert_allclose(many.inner[ends], one.inner, rtol=1e-13)
            np.testing.assert_allclose(many.sq_distance[ends], one.sq_distance, rtol=1e-9, atol=1e-12)
            assert many.sums is not None
            np.testing.assert_allclose(many.sums[[i, j]], one.sums, rtol=1e-12)


llvm = pytest.mark.skipif(not compiled.usable(), reason="needs llvmlite and a processor that converts float16")
COMPILED = (torch.float16, torch.bfloat16, torch.float32)
SHAPES = {"a.weight": (300, 450), "b.weight": (7, 3, 3, 3), "c.bias": (1,), "long": (2 * compiled.CHUNK + 5,)}


def files(folder: Path, *dtypes: torch.dtype) -> list[Path]:
    paths = [folder / f"m{k}.safetensors" for k in range(len(dtypes))]
    for path, dtype in zip(paths, dtypes, strict=True):
        save_file({n: torch.randn(s, dtype=torch.float32).to(dtype) for n, s in SHAPES.items()}, path)
    return paths


@llvm
@pytest.mark.parametrize("one", COMPILED, ids=str)
def test_compiled_sums_are_those_of_float64_for_every_pair_of_dtypes(tmp_path: Path, one: torch.dtype):
    paths = files(tmp_path, one, *COMPILED)
    models = [open_checkpoint(str(path)) for path in paths]
    numbers = [{k: v.double().numpy().ravel() for k, v in load_file(path).items()} for path in paths]
    for layer in paired(models, list(map(str, paths))).layers:
        m = compiled.moments(models, layer)
        rows = np.array([x[layer.name] for x in numbers])
        norm = float(np.linalg.norm(rows)) ** 2
        np.testing.assert_allclose(m.inner, rows @ rows.T, rtol=1e-12, atol=1e-12 * norm)
        apart = ((rows[:, None] - rows[None]) ** 2).sum(2)
        np.testing.assert_allclose(m.sq_distance, apart, rtol=1e-12)


@llvm
@pytest.mark.parametrize("code", ["F16", "BF16"])
def test_every_number_of_half_precision_is_widened_as_torch_does(code: str):
    numbers = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch_dtype(code))
    expected, bits = numbers.double().numpy(), numbers.view(torch.uint16).numpy().copy()
    one, out = np.ones(1, np.float32), np.zeros((2**16, 4))
    run = compiled.sums(code, "F32")
    for k in range(2**16):
        run(bits[k:].ctypes.data, one.ctypes.data, 1, out[k].ctypes.data)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(out[finite, 1], expected[finite])
    assert not np.isfinite(out[~finite, 0]).any()


@llvm
def test_with_and_without_the_compiled_loop_the_figures_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    base = {"x.weight": torch.randn(50, 60).half(), "same": torch.randn(9), "double": torch.randn(9, 9)}
    save_file(base | {"nan": torch.full((3,), math.nan).half()}, tmp_path / "a.safetensors")
    other = {k: v + (k != "same") * 0.01 * torch.randn(v.shape).to(v) for k, v in base.items()}
    save_file(other | {"nan": torch.ones(3).half()}, tmp_path / "b.safetensors")
    names = [str(tmp_path / f"{n}.safetensors") for n in "ab"]
    quick = compare(*names)
    monkeypatch.setattr(compiled, "usable", lambda: False)
    plain = compare(*names)
    assert quick.skipped == plain.skipped != ()
    for one, two in zip(quick.rows, plain.rows, strict=True):
        assert one.name == two.name
        for field in ("cosine", "relative_distance", "norm_ratio"):
            assert getattr(one.values[0, 1], field) == pytest.approx(getattr(two.values[0, 1], field), rel=1e-9)
    same = next(row for row in quick.rows if row.name == "same").values[0, 1]
    assert (same.cosine, same.relative_distance) == (1.0, 0.0)


@llvm
def test_a_file_that_becomes_shorter_is_told(tmp_path: Path):
    paths = files(tmp_path, torch.float16, torch.float16)
    models = [open_checkpoint(str(path)) for path in paths]
    with paths[0].open("r+b") as file:
        file.truncate(paths[0].stat().st_size // 2)
    with pytest.raises(SourceError, match="became shorter while"):
        compare(*models, options=Options(threads=2))


@llvm
def test_a_comparison_of_weights_imports_no_torch(tmp_path: Path):
    paths = files(tmp_path, torch.float16, torch.bfloat16)
    code = "import sys; from ioadapt_theory.cli import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "similarity", *map(str, paths), "--quiet"]
    assert subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[2], check=False).returncode == 0


@pytest.mark.parametrize(
    ("machine", "features", "usable"),
    [
        ("x86_64", "+f16c,-avx512f", True),
        ("AMD64", "-f16c,+avx", False),
        ("arm64", "", True),
        ("riscv64", "+f16c", False),
    ],
)
def test_processors_that_do_not_widen_fp16_do_without(
    monkeypatch: pytest.MonkeyPatch, machine: str, features: str, usable: bool
):
    binding = pytest.importorskip("llvmlite.binding")
    monkeypatch.setattr(compiled.platform, "machine", lambda: machine)
    monkeypatch.setattr(compiled, "_features", lambda: features)
    assert compiled.usable.__wrapped__() is usable
    monkeypatch.setattr(binding, "llvm_version_info", (15, 0, 7))
    assert not compiled.usable.__wrapped__()
