import json
import os
import shutil
from pathlib import Path

import pytest

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home, replacing, together, write_json


def test_a_new_file_has_the_mode_that_the_umask_leaves_and_a_replaced_one_keeps_its_own(tmp_path):
    path, before = tmp_path / "a.json", os.umask(0o077)
    try:
        write_json(path, {"x": 1})
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o664)
        write_json(path, {"x": 2})
        assert path.stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "a.json", tmp_path / "link.json"
    link.symlink_to(target)
    for x in (1, 2):  # the first finds no file
        write_json(link, {"x": x})
        assert link.is_symlink()
        assert json.loads(target.read_text()) == {"x": x}
    assert [p.name for p in target.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(kind, tmp_path):
    (os.mkdir if kind == "folder" else os.mkfifo)(tmp_path / "a.json")
    with pytest.raises(InvalidValueError, match=r"a\.json is a folder, device or pipe; give a file\."):
        write_json(tmp_path / "a.json", {"x": 1})
    assert len(list(tmp_path.iterdir())) == 1


def test_files_of_one_block_are_all_written_or_none_is(tmp_path):
    def write(x: int) -> None:
        with together():
            for name in ("a", "b", "new/c"):
                write_json(tmp_path / f"{name}.json", {"x": x})
            assert x == 1 or json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
            with replacing(tmp_path / "d.json") as temporary:
                temporary.write_text("half")
                if x == 2:
                    raise KeyboardInterrupt

    write(1)
    for left_out in ("none", "new"):
        shutil.rmtree(tmp_path / left_out, ignore_errors=True)
        before = {p: p.is_file() and p.read_bytes() for p in tmp_path.rglob("*")}
        with pytest.raises(KeyboardInterrupt):
            write(2)
        assert {p: p.is_file() and p.read_bytes() for p in tmp_path.rglob("*")} == before
    assert len(before) == 3


def test_a_home_folder_is_expanded_and_other_tildes_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_json("~/a.json", {"x": 1})
    assert (tmp_path / "a.json").exists()
    assert at_home("~nobody-of-this-name/a") == Path("~nobody-of-this-name/a")


def test_json_has_no_nan(tmp_path):
    with pytest.raises(InvalidValueError, match="The result cannot be written as JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())
