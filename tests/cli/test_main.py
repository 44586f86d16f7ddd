import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.cli import COMMANDS, guarded, main

ROOT = Path(__file__).parents[2]


def test_help_names_every_command_fits_a_screen_and_is_found_where_it_is_looked_for(capsys):
    assert main([]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {summary}" in out for name, summary in COMMANDS.items())
    for words in (["help"], ["--help"]):
        with pytest.raises(SystemExit, match="0"):
            main(words)
        assert len(capsys.readouterr().out.splitlines()) <= 24
    with pytest.raises(SystemExit, match="0"):
        main(["help", "transfer"])
    assert "style.safetensors old.safetensors new.safetensors --prompts" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["-V"])
    done = subprocess.run([sys.executable, "-m", "ioadapt_theory", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [("", ">&-", 0), ("", "> /dev/full 2>&-", 2), ("", "| true", 0), ("PYTHONIOENCODING=ascii", "| grep -q Δu", 0)],
)
def test_a_terminal_that_is_closed_full_or_ascii_is_no_traceback(before: str, after: str, status: int):
    command = f'"{sys.executable}" -m ioadapt_theory claims --format json'
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{before} {command} {after}"], capture_output=True)
    assert (done.returncode, done.stderr) == (status, b"")


SHADOWED = ("html", "difflib", "argparse", "json", "tomllib", "numpy", "tqdm", "logging", "multiprocessing", "pickle")


def test_the_command_run_in_a_downloaded_folder_imports_nothing_from_it(tmp_path):
    for name in SHADOWED:
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()\nraise SystemExit(7)\n")
    save_file({"w": torch.ones(2, 3)}, tmp_path / "model.safetensors")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": str(ROOT)}
    arguments = ["model.safetensors", "model.safetensors", "--quiet", "--html", "page.html"]
    done = subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "ioadapt", "similarity", *arguments],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "model#1 | model#2" in done.stdout
    assert not (tmp_path / "executed").exists()


def test_no_control_character_of_a_name_reaches_a_terminal(tmp_path, capsys):
    evil = "a\x1b]0;PWNED\x07\x9b31m\u202ecba\nb"
    paths = [str(tmp_path / f"{evil}{n}.safetensors") for n in range(2)]
    for path in paths:
        save_file({"w": torch.ones(2, 3)}, path)
    for more in ([], ["--format", "json"], ["--by", "kind"], ["--parent", paths[0]]):
        main(["similarity", *paths, *more])
        main(["similarity", paths[0], f"{paths[1]}x"])
        shown = "".join(capsys.readouterr()).replace("\n", "")
        assert shown.isprintable(), more
        assert "PWNED" in shown


@pytest.mark.parametrize(
    "error",
    [
        lambda: torch.linalg.cholesky(-torch.eye(2)),
        lambda: np.linalg.inv(np.zeros((2, 2))),
        lambda: torch.ones(2) @ torch.ones(3),
        lambda: 1 / 0,
        lambda: 1e300**2,
    ],
)
def test_an_error_of_the_computation_is_one_sentence_with_status_2(error, capsys):
    assert guarded("it", error) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(r"it: The computation failed \(.+\); check that weights and inputs are finite.*\n", err)
    with pytest.raises(KeyError):  # a bug is not hidden
        guarded("it", lambda: {}[1])


def test_bash_completes_commands_and_their_options(capsys):
    assert main(["--completion"]) == 0
    script = capsys.readouterr().out
    lines = {
        "tr": (1, ["transfer"]),
        "adapters ins": (2, ["inspect"]),
        "map --pl": (2, ["--placements"]),
        "verify --inst": (2, ["--instance", "--instances"]),
    }
    for typed, (position, expected) in lines.items():
        words = f'COMP_WORDS=(ioadapt {typed}) COMP_CWORD={position}; _ioadapt; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", f"{script}\n{words}"], capture_output=True, text=True, check=True)
        assert sorted(done.stdout.split()) == expected, typed


def test_an_interrupted_command_ends_without_freeing_what_it_loaded():
    lines = (
        "import atexit, sys",
        "from ioadapt_theory import cli",
        "atexit.register(print, 'freed')",
        "def body(*_): raise KeyboardInterrupt",
        "cli._main, sys.argv = body, ['ioadapt', 'claims']",
        "cli.main()",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ioadapt claims: interrupted.\n")
