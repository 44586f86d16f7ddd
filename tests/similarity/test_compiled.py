"""Compiled sums are those of float64 numpy, for every dtype that they read, and give way where they cannot be had."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory import kernels
from ioadapt_theory.checkpoints.checkpoint import torch_dtype
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.similarity.compare import compare
from ioadapt_theory.similarity.comparison import Options
from ioadapt_theory.similarity.matching import match_by_names
from ioadapt_theory.similarity.streaming import compiled

pytest.importorskip("llvmlite")
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
SHAPES = {"a.weight": (300, 450), "b.weight": (7, 3, 3, 3), "c.bias": (1,), "long": (2 * compiled.CHUNK + 5,)}


def files(folder: Path, dtypes: list[torch.dtype], seed: int = 0) -> list[Path]:
    generator = torch.Generator().manual_seed(seed)
    paths = []
    for k, dtype in enumerate(dtypes):
        values = {n: torch.randn(s, generator=generator, dtype=torch.float32).to(dtype) for n, s in SHAPES.items()}
        paths.append(folder / f"m{k}.safetensors")
        save_file(values, paths[-1])
    return paths


def found(paths: list[Path], workers: int = 1) -> tuple[list[dict[str, np.ndarray]], dict[str, compiled.Moments]]:
    from safetensors.torch import load_file

    models = [open_checkpoint(str(path)) for path in paths]
    layers = match_by_names(models, [str(p) for p in paths], Options().match).layers
    made = compiled.moments(models, layers, workers=workers)
    assert sorted(made) == list(range(len(layers)))
    values = [{k: v.double().numpy().ravel() for k, v in load_file(path).items()} for path in paths]
    return values, {layers[k].name: moments for k, moments in made.items()}


@pytest.mark.parametrize("two", DTYPES, ids=str)
@pytest.mark.parametrize("one", DTYPES, ids=str)
def test_sums_are_those_of_float64_for_every_pair_of_dtypes(tmp_path: Path, one: torch.dtype, two: torch.dtype):
    values, moments = found(files(tmp_path, [one, two]))
    for name, m in moments.items():
        a, b = (v[name] for v in values)
        expected = np.array([[a @ a, a @ b], [a @ b, b @ b]])
        np.testing.assert_allclose(m.inner, expected, rtol=1e-12, atol=1e-12 * np.linalg.norm(a) * np.linalg.norm(b))
        np.testing.assert_allclose(m.sq_distance[0, 1], (a - b) @ (a - b), rtol=1e-12)


@pytest.mark.parametrize("workers", [1, 3])
def test_several_models_and_threads_give_the_same(tmp_path: Path, workers: int):
    values, moments = found(files(tmp_path, [torch.float16, torch.float32, torch.bfloat16, torch.float16]), workers)
    for name, m in moments.items():
        rows = np.array([v[name] for v in values])
        np.testing.assert_allclose(m.inner, rows @ rows.T, rtol=1e-10, atol=1e-10 * rows.size)
        assert (np.diagonal(m.sq_distance) == 0).all()
        assert (m.inner == m.inner.T).all()


@pytest.mark.parametrize("code", ["F16", "BF16"])
def test_every_number_of_half_precision_is_widened_as_torch_does(code: str):
    numbers = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch_dtype(code))
    expected = numbers.double().numpy()
    a, ones, out = np.zeros(kernels.LANES, np.uint16), np.ones(kernels.LANES, np.float32), np.zeros((2**16, 4))
    add, at, by = kernels.products(code, "F32"), a.ctypes.data, ones.ctypes.data
    for bits, number in zip(numbers.view(torch.uint16).numpy(), out, strict=True):
        a[0] = bits
        add(at, by, len(a), number.ctypes.data)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(out[finite, 1], expected[finite])
    assert not np.isfinite(out[~finite, 0]).any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_what_is_not_finite_is_told_as_ever(tmp_path: Path, dtype: torch.dtype, bad: float):
    w = torch.randn(40, 30).to(dtype)
    other = w.clone()
    other[3, 4] = bad
    save_file({"w": w, "v": w.clone()}, tmp_path / "a.safetensors")
    save_file({"w": other, "v": w.clone()}, tmp_path / "b.safetensors")
    c = compare([open_checkpoint(str(tmp_path / f"{n}.safetensors")) for n in "ab"])
    assert [(s.name, s.models, s.reason) for s in c.skipped] == [("w", ("b",), "holds NaN or infinity")]
    assert c.rows[0].values[0, 1].cosine == 1.0


def test_equal_tensors_have_a_cosine_of_exactly_one_and_no_distance(tmp_path: Path):
    paths = files(tmp_path, [torch.float16, torch.float16])
    paths[1].write_bytes(paths[0].read_bytes())
    c = compare([open_checkpoint(str(path)) for path in paths])
    assert {(v.cosine, v.relative_distance) for row in c.rows for v in row.values.values()} == {(1.0, 0.0)}


def test_with_and_without_it_the_figures_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    values = {"x.weight": torch.randn(50, 60).half(), "double": torch.randn(9, 9, dtype=torch.float64)}
    save_file(values, tmp_path / "a.safetensors")
    save_file({k: v + 0.01 * torch.randn(v.shape).to(v) for k, v in values.items()}, tmp_path / "b.safetensors")
    models = [open_checkpoint(str(tmp_path / f"{n}.safetensors")) for n in "ab"]
    quick = compare(models)
    monkeypatch.setattr(kernels, "usable", lambda: False)
    plain = compare(models)
    for one, two in zip(quick.rows, plain.rows, strict=True):
        assert one.name == two.name
        for field in ("cosine", "relative_distance", "norm_ratio"):
            assert getattr(one.values[0, 1], field) == pytest.approx(getattr(two.values[0, 1], field), rel=1e-9)


def test_a_file_that_becomes_shorter_is_told(tmp_path: Path):
    from ioadapt_theory.checkpoints.checkpoint import SourceError

    paths = files(tmp_path, [torch.float16, torch.float16])
    models = [open_checkpoint(str(path)) for path in paths]
    with paths[0].open("r+b") as file:
        file.truncate(paths[0].stat().st_size // 2)
    for workers in (1, 2):
        with pytest.raises(SourceError, match="became shorter"):
            compare(models, Options(workers=workers))


def test_a_comparison_of_weights_imports_no_torch(tmp_path: Path):
    import subprocess
    import sys

    paths = files(tmp_path, [torch.float16, torch.bfloat16])
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
    monkeypatch.setattr(kernels.platform, "machine", lambda: machine)
    monkeypatch.setattr(kernels, "_features", lambda: features)
    assert kernels.usable.__wrapped__() is usable


def test_an_older_llvm_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    import llvmlite.binding as llvm

    monkeypatch.setattr(llvm, "llvm_version_info", (15, 0, 7))
    assert not kernels.usable.__wrapped__()
