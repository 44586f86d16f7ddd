import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ioadapt_theory.claims import Run, verifying
from ioadapt_theory.claims.findings import Verification
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.cli import main

QUICK = ["--instances", "50", "--starts", "4", "--steps", "3"]
SHARP = "prop-2-output-sharp"


def output(capsys: pytest.CaptureFixture[str], *argv: str, status: int = 0) -> dict[str, object]:
    assert main(["verify", *argv, "--format", "json"]) == status
    return json.loads(capsys.readouterr().out)


def saved(tmp_path: Path, raw: object) -> str:
    path = tmp_path / "instance.json"
    path.write_text(json.dumps(raw))
    return str(path)


def test_verdicts_as_recorded(capsys):
    assert main(["verify", "prop-2-input", SHARP, *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["prop-2-input", "refuted", "refuted"],
        [SHARP, "proved", "proved"],
    ]


def test_the_help_names_the_defaults(capsys):
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    named = dict(re.findall(r"--(\w+) N [^-]*?\(default (\d+)\)", " ".join(capsys.readouterr().out.split())))
    assert len(named) == 4
    assert {name: getattr(Run(), name) for name in named} == {name: int(value) for name, value in named.items()}


def test_a_verdict_that_differs_is_a_finding(capsys, monkeypatch):
    nothing = Verification(claim="prop-4")
    monkeypatch.setattr(verifying, "results", lambda *_: iter([nothing]))
    assert main(["verify", "prop-4"]) == 1
    assert "untested  proved  <- differs" in capsys.readouterr().out


def test_an_instance_from_a_file_or_a_shipped_one_by_its_name(capsys, tmp_path):
    values = output(capsys, "prop-2-input", "--instance", saved(tmp_path, witness("ce1")))
    assert values["claim"] == "prop-2-input"
    assert values["lhs"] == pytest.approx(40 / 101, rel=1e-15)
    assert values["rhs"] == pytest.approx(80 / 297, rel=1e-15)
    assert values["ratio"] == pytest.approx(40 / 101 / (80 / 297), rel=1e-15)
    assert values["first_order"] == pytest.approx(40 / 99, rel=1e-15)
    assert values["holds"] is False
    assert [h["residual"] for h in values["hypotheses"]] == [0, 0, 0]
    assert output(capsys, "prop-2-input", "--instance", "ce1") == values


def test_an_interrupted_run_shows_what_is_finished(capsys, monkeypatch):
    real = verifying.results

    def interrupted(names: list[str], *others: object) -> object:
        yield from real(names[:1], *others)
        raise KeyboardInterrupt

    monkeypatch.setattr(verifying, "results", interrupted)
    assert main(["verify", SHARP, "prop-4", *QUICK]) == 130
    out, err = capsys.readouterr()
    assert "Interrupted: 1 of 2 claims are finished." in err
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        [SHARP, "proved", "proved"],
        ["prop-4", "untested", "proved"],
    ]
    assert "  not finished" in out
    assert "differs" not in out.splitlines()[1]


ROUNDED = {"u": [1, 0], "v": [1, 0], "du": ["-1.0000000005", 0], "dv": [0, 0]}


def test_undecided_is_a_verdict_with_the_residual(capsys, tmp_path):
    assert main(["verify", "lemma-1-angle", "--instance", saved(tmp_path, ROUNDED), "--format", "json"]) == 2
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["verdict"], found["holds"]) == ("undecided", None)
    assert [h["residual"] for h in found["hypotheses"]] == pytest.approx([5e-10, 0], rel=1e-6)
    assert found["reason"].endswith(
        "meets the hypothesis ‖Δu‖ ≤ ‖u‖ only up to rounding (residual 5e-10), "
        "so the conclusion need not hold; write the numbers of the instance exactly."
    )
    assert err == f"ioadapt verify: {found['reason']}\n"
    assert main(["verify", "lemma-1-angle", "--instance", saved(tmp_path, ROUNDED)]) == 2
    assert "verdict: undecided\n" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_of_several_processes_that_is_interrupted_says_so():
    words = f"-m ioadapt_theory verify prop-4 {SHARP} --instances 1000000 --jobs 2".split()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, *words], text=True, start_new_session=True, **pipes)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and workers(process.pid) < 2:
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=180)  # a loaded machine needs a while to import torch
    assert "Traceback" not in err
    assert (process.returncode, SHARP in out, "claims are finished." in err) == (130, True, True)


def workers(pid: int) -> int:
    return sum("resource_tracker" not in " ".join(c.cmdline()) for c in psutil.Process(pid).children())
