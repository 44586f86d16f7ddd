"""Every seed and former finding of fuzzing is read, or rejected with one sentence."""

import pytest

from tests.fuzz.hostile import hunt
from tests.fuzz.readers import CORPUS, READERS, attempt


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused_in_time_and_memory(name, tmp_path):
    outcomes, wrong = hunt(name, 20, tmp_path)
    assert wrong == []
    assert outcomes.total() == 20


FILES = sorted(p for p in CORPUS.rglob("*") if p.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_it_is_read_or_is_one_sentence(path, tmp_path):
    error = attempt(path.parent.name, path.read_bytes(), tmp_path)
    assert (error is None) == path.name.startswith("whole")
    assert error is None or (error.isprintable() and error.endswith("."))
