from functools import cache
from pathlib import Path
from typing import Any

import pytest

from figures.__main__ import FIGURES, describe, load, main
from toys.common.style import styled, write


@cache
def quick_data(name: str) -> dict[str, Any]:
    return load(name).compute(seed=0, quick=True)


def drawn(name: str, folder: Path) -> list[bytes]:
    with styled():
        return [p.read_bytes() for p in write(load(name).draw(quick_data(name)), folder, name)]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_leaves_nothing_open_and_says_what_it_shows(name: str):
    from matplotlib import pyplot

    with styled():
        assert load(name).draw(quick_data(name)).axes
    assert pyplot.get_fignums() == []
    assert load(name).PAPER is None or load(name).PAPER.startswith("Fig. ")
    assert len(describe(name)) > 40


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_gives_the_same_bytes_whatever_matplotlib_is_set_to(name: str, tmp_path: Path):
    import matplotlib as mpl

    expected = drawn(name, tmp_path / "one")
    assert len({*expected}) == 2
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "svg.hashsalt": "other"}):
        assert drawn(name, tmp_path / "two") == expected


def test_every_module_that_computes_a_figure_is_registered():
    files = (Path(__file__).parents[2] / "figures").glob("*.py")
    assert {p.stem for p in files if "\ndef compute(" in p.read_text(encoding="utf-8")} == set(FIGURES)


def test_the_command_writes_both_files_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["fig_3", "--quick", "--out", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fig_3.png", "fig_3.svg"]
    assert capsys.readouterr().out.split() == [str(tmp_path / "fig_3.svg"), str(tmp_path / "fig_3.png")]
    assert main(["--list", "--out", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(FIGURES)
