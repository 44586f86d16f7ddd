import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.models import inputs


class Letters:
    """A tokenizer with a token for each character."""

    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [*map(ord, text)]}

    def __len__(self) -> int:
        return 128


@pytest.fixture
def read(monkeypatch, tmp_path):
    monkeypatch.setattr(inputs, "load_tokenizer", lambda *_: Letters())

    def read(text: str, rows: int = 512, positions: int | None = None, **options: object) -> torch.Tensor:
        (path := tmp_path / "text.txt").write_text(text)
        model, other = nn.Linear(1, 1), nn.Linear(1, 1)
        model.config = SimpleNamespace(vocab_size=128)
        other.config = SimpleNamespace(vocab_size=128, max_position_embeddings=positions)
        made = inputs.read_both(path, ("a", model), ("b", other), rows=rows, **options)
        assert made.target is None
        return made.source[0]["input_ids"]

    return read


def test_a_text_gives_few_long_rows_over_its_whole_length(read):
    assert read("x" * 100_000).shape == (512, 128)
    assert read("x" * 3_840).shape == (64, 60)  # 64 rows are preferred to rows of 128 tokens
    assert read("x" * 240).shape == (30, 8)
    assert read("x" * 3_840, length=128).shape == (30, 128)
    spread = read("".join(chr(33 + k // 1000) for k in range(64_000)), rows=4, length=100)
    assert spread[0].unique().tolist() == [33]
    assert spread[-1].unique().tolist() == [96]
    with pytest.raises(InvalidValueError, match="must have at least 384 tokens, not 300; give a longer text"):
        read("x" * 300, length=128)


def test_rows_are_not_longer_than_a_models_positions(read):
    assert read("x" * 100_000, positions=64).shape == (512, 64)
    assert read("x" * 100_000, positions=64, length=64).shape == (512, 64)
    with pytest.raises(InvalidValueError, match="and at most 64, as a model has so many positions, not 65"):
        read("x" * 100_000, positions=64, length=65)


def test_rows_of_a_large_vocabulary_are_as_many_as_memory_allows(read, monkeypatch):
    monkeypatch.setattr(inputs, "ENTRIES", 128 * 128 * 100)
    assert read("x" * 100_000).shape == (100, 128)
    monkeypatch.setattr(inputs, "ENTRIES", 1)
    assert len(read("x" * 100_000)) == 32


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_archive_is_one_sentence(tmp_path):
    whole = npz(x=np.random.default_rng(0).normal(size=(20, 30)), ids=np.arange(40).reshape(20, 2))
    (path := tmp_path / "x.npz").write_bytes(whole)
    assert inputs._tensors(path, 7)["x"].shape == (7, 30)
    draw = np.random.default_rng(1)
    sentences = []
    for _ in range(300):
        damaged = bytearray(whole)
        for at in draw.integers(len(whole), size=3):
            damaged[at] ^= 1 << draw.integers(8)
        path.write_bytes(bytes(damaged))
        try:
            inputs._tensors(path, 7)
        except FileFormatError as error:
            sentences.append(str(error))
    assert len(sentences) > 200
    assert not any("\n" in sentence for sentence in sentences)


def test_an_archive_that_unpacks_to_much_more_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    (path := tmp_path / "x.npz").write_bytes(npz(x=np.zeros((1000, 10_000), np.int8)))
    monkeypatch.setattr(inputs, "UNPACKED", 9_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(FileFormatError, match=r"unpacks to 10 MB, more than 9 MB; save it without compression"):
        inputs._tensors(path, 7)
