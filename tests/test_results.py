"""Records are written whole or not at all, and caches are keyed by configuration."""

import json

import pytest

from ioadapt_theory.results import cached, fingerprint, record, replacing, write_json


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})

    def interrupted() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert json.loads(path.read_text()) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_nan_is_not_json_and_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_result_is_computed_once_for_a_configuration(tmp_path):
    calls = []

    def compute() -> dict[str, int]:
        calls.append(1)
        return {"y": len(calls)}

    assert cached(tmp_path, {"seed": 1}, compute) == {"y": 1}
    assert cached(tmp_path, {"seed": 1}, compute) == {"y": 1}
    assert cached(tmp_path, {"seed": 2}, compute) == {"y": 2}


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"config": {"seed": 9}, "results": {}}'])
def test_a_broken_or_foreign_cache_file_is_computed_again(tmp_path, broken):
    (tmp_path / f"{fingerprint({'seed': 1})}.json").write_text(broken)
    assert cached(tmp_path, {"seed": 1}, lambda: {"y": 3}) == {"y": 3}


def test_a_record_says_what_ran_with_what():
    content = record("crescent", config={"seed": 0}, results={"loss": 1.0})
    assert content["config"] == {"seed": 0}
    assert {"python", "torch", "ioadapt-theory"} <= set(content["versions"])
