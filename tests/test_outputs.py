import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home, replacing, together, write_json


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


def test_a_pipe_and_a_device_are_written_through(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as reader:
        got = reader.submit((tmp_path / "pipe").read_text)
        write_json(tmp_path / "pipe", {"x": 1})
        assert json.loads(got.result()) == {"x": 1}
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    write_json("/dev/null", {"x": 1})
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OSError, match="No space left"):
        write_json("/dev/full", {"x": 1})


def test_what_stands_for_an_open_file_is_added_to_it(tmp_path):
    code = "from ioadapt_theory.outputs import write_json; write_json('/dev/fd/1', {'x': 1})"
    with (tmp_path / "log").open("w") as log:
        log.write("before\n")
        log.flush()
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    assert (tmp_path / "log").read_text() == 'before\n{\n "x": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["log"]


def test_what_a_killed_writer_left_is_removed_by_a_later_one(tmp_path):
    old, live, other = (tmp_path / name for name in (".a.json.abcdefgh.json", ".a.json.12345678.json", ".b.json"))
    for file in (old, live, other):
        file.write_text("half")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    write_json(tmp_path / "a.json", {"x": 1})
    assert {p.name for p in tmp_path.iterdir()} == {"a.json", live.name, other.name}


def test_files_of_one_block_are_all_written_or_none_is(tmp_path, monkeypatch):
    def write(x: int, then: type[BaseException] | None = None) -> None:
        with together():
            for name in "abc":
                write_json(tmp_path / f"{name}.json", {"x": x})
            write_json(tmp_path / "new" / "d.json", {"x": x})
            assert x == 1 or json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
            if then is not None:
                raise then

    write(1)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert len(before) == 4
    with pytest.raises(KeyboardInterrupt):
        write(2, KeyboardInterrupt)
    shutil.rmtree(tmp_path / "new")
    del before[tmp_path / "new" / "d.json"]
    for position in range(4):  # the renaming of each file fails once
        left = iter(range(position))

        def replace(path: Path, target: Path, left: Iterator[int] = left) -> None:
            if path.suffix == ".json" and next(left, None) is None:
                raise OSError(28, "No space left on device")
            os.replace(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            with pytest.raises(OSError, match="No space left"):
                write(2)
        assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
        assert not (tmp_path / "new").exists()


def test_a_home_folder_is_expanded_and_other_tildes_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_json("~/a.json", {"x": 1})
    assert (tmp_path / "a.json").exists()
    assert at_home("~nobody-of-this-name/a") == Path("~nobody-of-this-name/a")


def test_json_has_no_nan(tmp_path):
    with pytest.raises(InvalidValueError, match="The result cannot be written as JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())
