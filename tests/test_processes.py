"""No process of a pool outlives its parent, and the death of a process is reported."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ioadapt_theory.cli import LOST, guarded
from ioadapt_theory.errors import WorkerError
from ioadapt_theory.processes import pool

PARENT = """
import os, signal, time
signal.signal(2, signal.default_int_handler)
from ioadapt_theory.processes import pool

if __name__ == "__main__":
    with pool(1) as processes:
        print(processes.submit(os.getpid).result(), flush=True)
        processes.submit(time.sleep, 600).result()
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("ended_by", ["SIGKILL", pytest.param("two interrupts", marks=pytest.mark.slow)])
def test_a_worker_ends_with_a_parent_that_is_killed_or_interrupted_twice(tmp_path, ended_by):
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(script)], text=True, env=environment, **pipes) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        if ended_by == "SIGKILL":
            parent.kill()
        else:
            time.sleep(1)
            for _ in range(2):
                parent.send_signal(signal.SIGINT)
                time.sleep(0.3)
        try:
            parent.wait(timeout=20)  # the worker sleeps for ten minutes
        finally:
            parent.kill()
    end = time.monotonic() + 20
    while alive(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(worker)


def kill_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_ended_from_outside_is_one_sentence_with_a_status_of_its_own(capsys):
    def body() -> int:
        with pool(1) as workers:
            workers.submit(kill_this_process).result()
        return 0

    with pytest.raises(WorkerError):
        body()
    assert guarded("it", body) == LOST == 3
    told = capsys.readouterr().err
    assert told == "it: A worker process died, for example because memory ran out; lower --jobs to use less memory.\n"
