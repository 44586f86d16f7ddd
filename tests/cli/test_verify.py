import errno
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

from ioadapt_theory.claims import CLAIMS, Run, verifying
from ioadapt_theory.claims.evidence.findings import Verification
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.cli import main

QUICK = ["--instances", "50", "--starts", "4", "--steps", "3"]
SHARP = "prop-2-output-sharp"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def output(capsys: pytest.CaptureFixture[str], *argv: str, status: int = 0) -> dict[str, object]:
    assert main(["verify", *argv, "--format", "json"]) == status
    return json.loads(capsys.readouterr().out)


def sentence(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["verify", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def parts(name: str, run: Run) -> int:
    return len(verifying.strategies(CLAIMS[name]))


def saved(tmp_path: Path, raw: object) -> str:
    path = tmp_path / "instance.json"
    path.write_text(json.dumps(raw))
    return str(path)


def test_verdicts_as_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "prop-2-input", SHARP, *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["prop-2-input", "refuted", "refuted"],
        [SHARP, "proved", "proved"],
    ]


def test_the_help_names_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    named = dict(re.findall(r"--(\w+) N [^-]*?\(default (\d+)\)", " ".join(capsys.readouterr().out.split())))
    assert len(named) == 4
    assert {name: getattr(Run(), name) for name in named} == {name: int(value) for name, value in named.items()}


def test_a_verdict_that_differs_is_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Verification(claim="prop-4")
    monkeypatch.setattr(verifying, "results", lambda todo, _: ((piece, nothing) for piece in todo))
    assert main(["verify", "prop-4"]) == 1
    assert "untested  proved  <- differs" in capsys.readouterr().out


def test_an_instance_from_a_file_or_a_shipped_one_by_its_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = output(capsys, "prop-2-input", "--instance", saved(tmp_path, witness("ce1")))
    assert values["claim"] == "prop-2-input"
    assert values["lhs"] == pytest.approx(40 / 101, rel=1e-15)
    assert values["rhs"] == pytest.approx(80 / 297, rel=1e-15)
    assert values["ratio"] == pytest.approx(40 / 101 / (80 / 297), rel=1e-15)
    assert values["first_order"] == pytest.approx(40 / 99, rel=1e-15)
    assert values["holds"] is False
    assert [h["residual"] for h in values["hypotheses"]] == [0, 0, 0]
    assert output(capsys, "prop-2-input", "--instance", "ce1") == values
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ce1").write_text("[]")  # a file of this name has precedence
    assert "'ce1' must contain a JSON object" in sentence(capsys, "prop-2-input", "--instance", "ce1")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["prop-9"], "Unknown claim 'prop-9'. Did you mean"),
        (["--instance", "x.json"], "--instance needs exactly one claim to evaluate, not 0."),
        (["prop-4", "--instances", "0"], "instances must be a whole number from 1 to 1,000,000, not 0."),
        (["prop-4", "--seed", "-1"], "seed must be a whole number from 0 to"),
        (["prop-4", "--jobs", "0"], "--jobs must be from 1 to 1,024, not 0."),
        (["prop-4", "--starts", "1000001"], "starts must be a whole number from 1 to 1,000,000, not 1000001."),
        (["prop-4", "--jobs", "1025"], "--jobs must be from 1 to 1,024, not 1,025."),
        (["prop-4", "--instance", "r1", "--steps", "2"], "--steps cannot be combined with --instance"),
        (["prop-4", "--instance", "r1", "--resume-from", "x"], "--resume-from cannot be combined with --instance"),
        (
            ["prop-2-input", "--instance", "ce10"],
            "Unknown instance file or shipped instance 'ce10'. Did you mean",
        ),
    ],
)
def test_misuse_is_one_sentence(capsys: pytest.CaptureFixture[str], argv: list[str], said: str) -> None:
    assert said in sentence(capsys, *argv)


def test_an_interrupted_run_goes_on_where_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, done = verifying.results, []

    def interrupted(todo: object, _: object) -> object:
        for k, item in enumerate(real(todo)):
            if k == 2:
                raise KeyboardInterrupt
            yield item

    def counted(todo: object, _: object) -> object:
        for item in real(todo):
            done.append(item)
            yield item

    monkeypatch.setattr(verifying, "results", interrupted)
    assert main(["verify", SHARP, *QUICK]) == 130
    out, err = capsys.readouterr()
    count = parts(SHARP, Run())
    assert f"Interrupted: 2 of {count} parts are saved; repeat the command to continue." in err
    assert "  not finished" in out
    assert "differs" not in out
    monkeypatch.setattr(verifying, "results", counted)
    resumed = output(capsys, SHARP, *QUICK)["results"][SHARP]
    assert len(done) == count - 2
    done.clear()
    fresh = output(capsys, SHARP, *QUICK)["results"][SHARP]
    assert len(done) == count
    assert {**resumed, "seconds": 0} == {**fresh, "seconds": 0}


@pytest.mark.parametrize(("failing", "said"), [("open", "cannot be read or saved"), ("unlink", "cannot be deleted")])
def test_a_journal_that_cannot_be_kept_is_a_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, failing: str, said: str
) -> None:
    def full(path: Path, *arguments: object, **options: object) -> object:
        if path.suffix != ".jsonl":
            return real(path, *arguments, **options)
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere/x.jsonl")

    real = getattr(Path, failing)
    monkeypatch.setattr(Path, failing, full)
    assert main(["verify", SHARP, *QUICK]) == 0
    out, err = capsys.readouterr()
    assert f"{said} (somewhere/x.jsonl: No space left on device)" in err
    assert SHARP in out


ROUNDED = {"u": [1, 0], "v": [1, 0], "du": ["-1.0000000005", 0], "dv": [0, 0]}


def test_undecided_is_a_verdict_with_the_residual(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
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


COMMAND = [sys.executable, "-c", "import sys; from ioadapt_theory.cli import main; sys.exit(main())", "verify"]


@pytest.mark.slow
def test_a_run_whose_output_is_lost_is_kept(tmp_path: Path) -> None:
    kept = ["--resume-from", str(tmp_path / "kept")]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, SHARP, *QUICK, *kept], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (2, "ioadapt verify: Cannot read or write: No space left on device.\n")
    (journal,) = (tmp_path / "kept").iterdir()
    assert len([line for line in journal.read_text().splitlines() if line]) == parts(SHARP, Run())
    with (tmp_path / "out.txt").open("w") as out:
        subprocess.run([*COMMAND, SHARP, *QUICK, *kept], stdout=out, check=True)
    assert f"{SHARP}  proved   proved" in (tmp_path / "out.txt").read_text()
    assert not journal.exists()


@pytest.mark.slow
@pytest.mark.parametrize("ended_by", ["Ctrl-C", "SIGKILL"])
def test_a_run_of_several_processes_that_ends_early_keeps_what_is_finished(tmp_path: Path, ended_by: str) -> None:
    argv = [SHARP, "--instances", "1000000", "--jobs", "2", "--resume-from", str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*COMMAND, *argv], text=True, start_new_session=True, **pipes)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(p.stat().st_size for p in tmp_path.glob("*.jsonl")):
        time.sleep(0.1)
    if ended_by == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        for child in psutil.Process(process.pid).children():
            if "resource_tracker" not in " ".join(child.cmdline()):
                child.kill()
    out, err = process.communicate(timeout=60)
    assert "parts are saved; repeat the command to continue." in err
    assert "Traceback" not in err
    if ended_by == "Ctrl-C":
        assert (process.returncode, SHARP in out) == (130, True)
    else:
        assert (process.returncode, out, err.count("\n")) == (3, "", 1)
        assert err.startswith("ioadapt verify: A worker process died, for example because memory ran out; lower --jobs")
