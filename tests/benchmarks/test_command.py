"""`python -m benchmarks` runs what is named, at a small size, and keeps record and table."""

import pytest

from benchmarks.__main__ import BENCHMARKS, main


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
