"""`ioadapt verify --cluster`: the result does not change if three workers die, one after the other."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "import sys; from ioadapt_theory.cli import main; sys.exit(main())", "verify"]
RUN = ["lemma-3", "prop-4", "--stacks", "2560", "--samples", "1000", "--instances", "50", "--steps", "5"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def started(*argv: str) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", *argv], env=ENVIRONMENT, **quiet)


def ended(process: subprocess.Popen[bytes]) -> None:
    for child in [*psutil.Process(process.pid).children(recursive=True), process]:
        child.kill()
    process.wait(timeout=30)


class Cluster:
    """A Dask scheduler whose nannies restart workers that die."""

    def __init__(self, folder: Path) -> None:
        file = folder / "scheduler.json"
        place = ["--scheduler-file", str(file), "--no-dashboard"]
        self.scheduler = started("distributed.cli.dask_scheduler", *place, "--host", "127.0.0.1", "--port", "0")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (file.exists() and file.read_text()):
            time.sleep(0.1)
        self.address = json.loads(file.read_text())["address"]
        counts = ["--nworkers", "3", "--nthreads", "1", "--local-directory", str(folder)]
        self.nannies = started("distributed.cli.dask_worker", *place, *counts)

    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.nannies.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def end(self) -> None:
        ended(self.nannies)
        ended(self.scheduler)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    there = Cluster(tmp_path)
    yield there
    there.end()


def verified(tmp_path: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    place = ["--format", "json", "--resume-from", str(tmp_path / "kept")]
    return subprocess.run(
        [*COMMAND, *RUN, *argv, *place], capture_output=True, text=True, env=ENVIRONMENT, timeout=300, check=False
    )


def kept(tmp_path: Path) -> int:
    return sum(len(path.read_text().split("\n\n")) for path in (tmp_path / "kept").glob("*.jsonl"))


def test_workers_that_are_killed_one_after_the_other_change_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """The digest is that of the serial run, which has the same parts."""
    serial = json.loads(verified(tmp_path).stdout)
    killed, over = list[int](), threading.Event()

    def kill() -> None:
        while len(killed) < 3 and not over.wait(2):  # Dask gives up on a task that killed more than three workers
            if kept(tmp_path) > 5 * len(killed) and (workers := cluster.workers()):
                workers[0].kill()
                killed.append(workers[0].pid)

    thread = threading.Thread(target=kill)
    thread.start()
    found = verified(tmp_path, "--cluster", cluster.address)
    over.set()
    thread.join()
    assert (found.returncode, found.stderr) == (0, "")
    record = json.loads(found.stdout)
    assert len(set(killed)) >= 1
    assert record["digest"] == serial["digest"]
    keys = [(p["claim"], p["strategy"], p["part"]) for p in record["parts"]]
    assert len(keys) == len(set(keys)) == len(serial["parts"])
    assert not list((tmp_path / "kept").iterdir())


def test_a_scheduler_that_dies_is_one_sentence_and_its_pieces_are_kept(cluster: Cluster, tmp_path: Path) -> None:
    def end() -> None:
        while kept(tmp_path) < 5:
            time.sleep(0.1)
        cluster.scheduler.kill()

    thread = threading.Thread(target=end)
    thread.start()
    found = verified(tmp_path, "--cluster", cluster.address)
    thread.join()
    assert (found.returncode, found.stdout) == (3, ""), found.stderr
    assert found.stderr.count("\n") == 1
    assert found.stderr.startswith("ioadapt verify: The Dask cluster no longer answers, or its workers died")
    assert "parts are saved; repeat the command to continue.\n" in found.stderr
    before = kept(tmp_path)
    assert before >= 5
    assert json.loads(verified(tmp_path).stdout)["results"]["prop-4"]["verdict"] == "proved"
