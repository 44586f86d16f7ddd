"""Figures are computed once for a configuration."""

import pytest

from ioadapt_theory.results import fingerprint
from toys.transfer.cache import figures


def test_a_result_is_computed_once_for_a_configuration(tmp_path):
    counts = iter((1, 2))
    results = [figures(tmp_path, {"seed": seed}, lambda: {"y": next(counts)}) for seed in (1, 1, 2)]
    assert results == [{"y": 1}, {"y": 1}, {"y": 2}]


@pytest.mark.parametrize("broken", ["{", '{"config": {"seed": 9}, "results": {}}'])
def test_a_broken_or_foreign_cache_file_is_computed_again(tmp_path, broken):
    (tmp_path / f"{fingerprint({'seed': 1})}.json").write_text(broken)
    assert figures(tmp_path, {"seed": 1}, lambda: {"y": 3}) == {"y": 3}
