"""`python -m benchmarks` runs what is named, at a small size, and keeps record and table."""

import json

import pytest

from benchmarks.__main__ import BENCHMARKS, main


@pytest.mark.parametrize("name", ["verifier"])
def test_a_quick_run_prints_and_keeps_its_table(name, tmp_path, capsys):
    assert main([name, "--quick", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert (tmp_path / f"{name}.txt").read_text(encoding="utf-8") in told
    assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["what"] == name


def test_an_unknown_benchmark_is_misuse(capsys):
    with pytest.raises(SystemExit) as error:
        main(["layers"])
    assert error.value.code == 2
    assert f"no benchmark layers; there are {', '.join(BENCHMARKS)}" in capsys.readouterr().err


def test_ctrl_c_is_one_sentence_and_status_130(monkeypatch, capsys):
    def interrupted(quick: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.verifier.main", interrupted)
    assert main(["verifier", "--quick"]) == 130
    assert capsys.readouterr().err == "benchmarks: interrupted.\n"
