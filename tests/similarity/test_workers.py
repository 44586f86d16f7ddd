"""The number of workers changes no bit; whatever goes wrong in one is one sentence, and none is left behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.errors import WorkerError
from ioadapt_theory.similarity.compare import compare
from ioadapt_theory.similarity.comparison import Options
from ioadapt_theory.similarity.measures.space import Space
from ioadapt_theory.similarity.streaming import forked, workers
from ioadapt_theory.similarity.streaming.forked import PERIOD, Deliver, share_out
from ioadapt_theory.similarity.streaming.workers import over_layers
from tests.similarity.memory import Held, held, noisy

SHAPES = {f"l{k}.weight": (11, 5 + k, 3) for k in range(9)} | {"big.weight": (300, 400), "n.bias": (7,)}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="one process does it all")


@pytest.fixture(autouse=True)
def no_start_is_too_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SHARE", 1)


@pytest.fixture
def pids(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Processes that were forked."""
    found: list[int] = []
    start = multiprocessing.context.ForkProcess.start

    def noted(self: multiprocessing.context.ForkProcess) -> None:
        start(self)
        assert self.pid is not None
        found.append(self.pid)

    monkeypatch.setattr(multiprocessing.context.ForkProcess, "start", noted)
    return found


def models(count: int) -> list[Held]:
    base = {name: torch.randn(shape) for name, shape in SHAPES.items()}
    return [held(f"m{i}", noisy(base, 0.3 * i, i)) for i in range(count)]


@pytest.mark.parametrize(
    "options", [{"baseline": True}, {"space": Space.INPUT, "subspace": 2}], ids=["weight", "input"]
)
def test_every_number_of_workers_gives_the_same_bits(options: dict[str, object], pids: list[int]):
    some = models(3)
    alone = compare(some, Options(**options))  # type: ignore[arg-type]
    assert pids == []
    for count in (2, 3):
        together = compare(some, Options(**options, workers=count))  # type: ignore[arg-type]
        assert [(row.name, row.values) for row in together.rows] == [(row.name, row.values) for row in alone.rows]
    assert len(pids) == (2 + 3) * (1 + ("subspace" in options))
    assert len(set(pids)) == len(pids)


def test_progress_is_told_here_every_layer_once(pids: list[int]):
    told: list[int] = []
    compare(models(2), Options(workers=2), progress=lambda total: told.append(-total) or told.append)  # type: ignore[func-returns-value]
    assert sum(told) == 0
    assert len(told) == 1 + len(SHAPES)
    assert len(pids) == 2


class Broken(Held):
    def filler(self, name: str, out: torch.Tensor) -> Callable[[int], None]:
        msg = f"{self.source} became shorter while it was read: tensor {name}."
        raise SourceError(msg)


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_while_reading_ends_the_run_with_its_sentence(count: int):
    one, two = models(2)
    with pytest.raises(SourceError, match="/b became shorter"):
        compare([one, Broken("b", two.values, "/b")], Options(workers=count))
    assert multiprocessing.active_children() == []


class Downloaded(Held):
    """Says in which process it was fetched."""

    fetched: list[int]

    def prepare(self, names: object = None) -> None:
        self.fetched.append(os.getpid())


def test_files_are_fetched_before_the_work_is_shared_out():
    one, two = models(2)
    remote = Downloaded("b", two.values, "/b")
    remote.fetched = []
    compare([one, remote], Options(workers=2))
    assert remote.fetched == [os.getpid()]


def test_a_worker_that_is_ended_from_outside_is_told():
    def run(tasks: Iterator[int], deliver: Deliver) -> None:
        if next(tasks) == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(WorkerError, match=r"A worker process was ended \(status -9\).*--workers 1"):
        share_out([7, 8], 2, run, print)
    assert time.monotonic() - began < 30
    assert multiprocessing.active_children() == []


def test_an_interrupt_ends_the_workers_in_the_middle_of_a_layer():
    def run(tasks: Iterator[int], deliver: Deliver) -> None:
        for task in tasks:
            time.sleep(PERIOD)
            deliver(task, None)
            time.sleep(60)

    def interrupt(task: int, result: object) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        share_out(range(2), 2, run, interrupt)
    assert time.monotonic() - began < 30
    assert multiprocessing.active_children() == []


def test_an_interrupt_while_the_workers_start_comes_when_they_have_started(monkeypatch: pytest.MonkeyPatch):
    """Also when another thread of this process takes the signal: raised inside a fork, it would be lost."""
    start = multiprocessing.context.ForkProcess.start

    def interrupted(self: multiprocessing.context.ForkProcess) -> None:
        taker = threading.Thread(target=signal.pthread_sigmask, args=(signal.SIG_UNBLOCK, {signal.SIGINT}))
        taker.start()
        os.kill(os.getpid(), signal.SIGINT)
        taker.join()
        start(self)
        started.append(self)

    started: list[object] = []
    monkeypatch.setattr(multiprocessing.context.ForkProcess, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        share_out(range(2), 2, lambda tasks, deliver: [deliver(t, t) for t in tasks], lambda _t, _r: None)
    assert len(started) == 2
    assert multiprocessing.active_children() == []


ORPHANS = """
import os, signal, time
from ioadapt_theory.similarity.streaming.forked import share_out
def run(tasks, deliver):
    for task in tasks:
        time.sleep(0.05)
        deliver(task, os.getpid())
share_out(range(10**6), 2, run, lambda task, pid: print(pid, flush=True))
"""


def test_workers_end_when_their_parent_was_killed():
    command = [sys.executable, "-c", ORPHANS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert len({parent.stdout.readline() for _ in range(20)}) == 2
        parent.kill()
        assert parent.stderr.read() == ""  # which is open until the last of them has ended


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch):
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(SourceError, match=r"\(Resource temporarily unavailable\): --workers 1 does without"):
        compare(models(2), Options(workers=2))


@pytest.mark.parametrize("where", ["small", "daemon", "macOS"])
def test_one_process_does_it_where_more_do_not_pay_or_cannot_be(
    where: str, pids: list[int], monkeypatch: pytest.MonkeyPatch
):
    if where == "small":
        monkeypatch.setattr(workers, "SHARE", 10**9)
    elif where == "daemon":
        monkeypatch.setattr(workers.current_process(), "_config", {"daemon": True})
    else:
        monkeypatch.setattr(forked.sys, "platform", "darwin")
        assert forked.usable() == 1
    compare(models(2), Options(workers=2))
    assert pids == []


@pytest.mark.parametrize("lacking", ["preadv", "fork"])
def test_one_process_does_it_on_systems_that_cannot_read_by_position_or_fork(
    lacking: str, pids: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(os, lacking)
    assert forked.usable() == 1
    compare(models(2), Options(workers=2))
    assert pids == []


def test_one_process_does_it_where_there_is_no_shared_memory(pids: list[int], monkeypatch: pytest.MonkeyPatch):
    def none(*_args: object, **_options: object) -> None:
        raise OSError(30, "Read-only file system")

    pair = models(2)
    expected = compare(pair, Options(workers=1))
    monkeypatch.setattr(multiprocessing.context.ForkContext, "Value", none)
    found = compare(pair, Options(workers=2))
    assert pids == []
    assert [row.values for row in found.rows] == [row.values for row in expected.rows]


def test_uses_that_overlap_leave_torch_the_threads_it_had():
    torch.set_num_threads(2)
    one, two = workers.single_threaded_torch(), workers.single_threaded_torch()
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert torch.get_num_threads() == 1
    two.__exit__(None, None, None)
    assert torch.get_num_threads() == 2


def test_results_come_back_in_the_order_of_the_layers():
    from ioadapt_theory.similarity.matching import Match, match_by_names
    from ioadapt_theory.similarity.streaming.reader import Reader

    pair = models(2)
    layers = match_by_names(pair, ["a", "b"], Match.NAME).layers
    made = over_layers(layers, lambda layer, _: np.array(layer.numel), lambda: Reader(pair, parent=None), 3, None)
    assert [int(x) for x in made] == [layer.numel for layer in layers]
