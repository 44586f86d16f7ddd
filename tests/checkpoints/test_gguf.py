"""GGUF files written by the library itself are read as the weights that went in, under transformers' names."""

import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFWriter

from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import FileFormatError, IoAdaptError, MissingExtraError
from tests.checkpoints.test_broken_files import damaged
from tests.similarity.models import value

HEADS, GROUPS, WIDTH = 4, 2, 256
OLD = {
    "token_embd.weight": ("model.embed_tokens.weight", (40, WIDTH)),
    "output_norm.weight": ("model.norm.weight", (WIDTH,)),
    "blk.0.attn_q.weight": ("model.layers.0.self_attn.q_proj.weight", (WIDTH, WIDTH)),
    "blk.0.attn_k.weight": ("model.layers.0.self_attn.k_proj.weight", (WIDTH // 2, WIDTH)),
    "blk.0.attn_v.weight": ("model.layers.0.self_attn.v_proj.weight", (WIDTH // 2, WIDTH)),
    "blk.0.ffn_down.weight": ("model.layers.0.mlp.down_proj.weight", (WIDTH, 512)),
    "blk.0.attn_norm.weight": ("model.layers.0.input_layernorm.weight", (WIDTH,)),
}


def network() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {new: rng.standard_normal(shape).astype(np.float32) for new, shape in OLD.values()}


def llamas_order(w: np.ndarray, heads: int) -> np.ndarray:
    """As llama.cpp's converter has it: LlamaModel.permute."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def written(path: Path, weights: dict[str, np.ndarray], kind: Kind, architecture: str = "llama") -> str:
    writer = GGUFWriter(path, architecture)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    for old, (new, _) in OLD.items():
        w = weights[new]
        if architecture == "llama" and "attn_q." in old:
            w = llamas_order(w, HEADS)
        if architecture == "llama" and "attn_k." in old:
            w = llamas_order(w, GROUPS)
        used = kind if w.ndim == 2 else Kind.F32
        writer.add_tensor(old, w if used is Kind.F32 else gguf.quants.quantize(w, used), raw_dtype=used)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


@pytest.mark.parametrize(
    ("kind", "least"),
    [(Kind.F32, 1), (Kind.F16, 0.999999), (Kind.BF16, 0.99999), (Kind.Q8_0, 0.9999), (Kind.Q4_0, 0.99)],
)
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_weights_come_back_under_the_names_and_in_the_order_of_transformers(
    kind: Kind, least: float, architecture: str, tmp_path: Path
):
    expected = network()
    with open_checkpoint(written(tmp_path / "x.gguf", expected, kind, architecture)) as opened:
        assert {n: t.shape for n, t in opened.tensors.items()} == {n: w.shape for n, w in expected.items()}
        for name, w in expected.items():
            got = value(opened, name).double().flatten()
            one = torch.from_numpy(w).double().flatten()
            assert got @ one / got.norm() / one.norm() >= least - 1e-12, name
        assert opened.metadata["architecture"] == architecture


def test_other_architectures_keep_their_names(tmp_path: Path):
    with open_checkpoint(written(tmp_path / "x.gguf", network(), Kind.F16, "bert")) as opened:
        assert opened.tensors.keys() == OLD.keys()


def test_heads_that_do_not_divide_the_rows_are_refused(tmp_path: Path):
    weights = network()
    written(tmp_path / "x.gguf", weights, Kind.F32)
    content = (tmp_path / "x.gguf").read_bytes()
    key = b"llama.attention.head_count"
    place = content.index(key) + len(key) + 4
    assert content[place : place + 4] == HEADS.to_bytes(4, "little")
    (tmp_path / "x.gguf").write_bytes(content[:place] + (7).to_bytes(4, "little") + content[place + 4 :])
    with pytest.raises(FileFormatError, match=r"gives 7 heads, which do not divide blk\.0\.attn_q\.weight"):
        open_checkpoint(str(tmp_path / "x.gguf"))


def test_a_file_without_weights_is_told(tmp_path: Path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF\x03\0\0\0" + bytes(64))
    with pytest.raises(FileFormatError, match=r"x\.gguf holds no weights"):
        open_checkpoint(str(tmp_path / "x.gguf"))


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(tmp_path / "x.gguf", network(), Kind.F32)
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ioadapt-theory\[gguf\]'"):
        open_checkpoint(str(tmp_path / "x.gguf"))


@pytest.mark.parametrize("cut", [10, 100, 600, -1000])
def test_a_cut_file_is_a_sentence(cut: int, tmp_path: Path):
    path = Path(written(tmp_path / "x.gguf", network(), Kind.Q8_0))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileFormatError, match=r"x\.gguf is no whole GGUF file|x\.gguf gives tensor"):
        open_checkpoint(str(path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("trial", range(40))
def test_a_damaged_file_raises_nothing_but_our_errors(trial: int, tmp_path: Path):
    path = Path(written(tmp_path / "x.gguf", network(), Kind.Q8_0))
    damaged(path, trial, within=900)
    try:
        opened = open_checkpoint(str(path))
    except IoAdaptError:
        return
    with opened:
        for name, info in opened.tensors.items():
            if info.numel < 1 << 20:
                value(opened, name)
