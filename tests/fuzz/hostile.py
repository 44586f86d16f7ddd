"""Damaged copies of the seeds, for every reader: `python -m tests.fuzz.hostile COUNT [READER ...]`, in out/fuzz.

Each is read, or refused with one sentence, within SLOWEST seconds and LARGEST bytes plus ten times the file.
"""

import copy
import json
import random
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fuzz.readers import CORPUS, READERS, attempt

SLOWEST, LARGEST = 5, 200_000_000
ODD = (
    None, True, -1, 0, 1, 2**31, 2**63, 10**5, 10**9, 10**30, 1e308, -0.5, "", "x", "F32", "é\x1b[2J", "../../x",
    "a" * 9999, [], {}, [[]], [10**9], [1] * 3000, {"": 1}, {"a": {"b": []}}, "🦙", "1e400", [0, 2**62],
)  # fmt: skip


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return a copy with a few changes, half of them in the values of its JSON if it is JSON."""
    try:
        content = json.loads(data)
    except ValueError:
        content = None
    if content is not None and dice.random() < 0.7:
        for _ in range(dice.choice([1, 1, 2, 5])):
            content = _edited(content, dice)
        return json.dumps(content).encode("utf-8", "surrogatepass")
    raw = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        at, size = dice.randrange(len(raw) + 1), dice.choice([1, 2, 8, 64])
        match dice.randrange(5):
            case 0:
                raw[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                raw[at:at] = dice.randbytes(size)
            case 2:
                del raw[at : at + size]
            case 3:
                other = dice.randrange(len(raw) + 1)
                raw[at : at + size] = raw[other : other + size]
            case 4:
                raw[at : at + size] = dice.choice([b"\xff", b"\0", b"9", b"["]) * size
    return bytes(raw[: dice.randrange(len(raw) + 1)] if dice.random() < 0.1 else raw)


def _edited(content: Any, dice: random.Random) -> Any:
    """Return JSON in which one value, at any depth, is replaced, removed or copied elsewhere."""
    if not isinstance(content, dict | list) or not content or dice.random() < 0.1:
        return copy.deepcopy(dice.choice(ODD))
    key: Any = dice.choice(list(content)) if isinstance(content, dict) else dice.randrange(len(content))
    if isinstance(content[key], str) and content[key][:1] in {"{", "["} and dice.random() < 0.8:  # JSON in JSON
        content[key] = json.dumps(_edited(json.loads(content[key]), dice))
        return content
    match dice.randrange(6):
        case 0 if isinstance(content, dict):
            content[dice.choice(["x", "", key + key, key.upper()])] = content.pop(key)
        case 1:
            del content[key]
        case _:
            content[key] = _edited(content[key], dice)
    return content


def memory(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(f"{field}:")[2].split()[0])


def hunt(name: str, count: int, folder: Path, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Read damaged files with one reader; return how many were read or refused, and what went wrong with the others."""
    seeds = sorted(p for p in (CORPUS / name).iterdir() if p.name.startswith("whole"))
    outcomes, wrong = Counter[str](), list[str]()
    folder.mkdir(parents=True, exist_ok=True)

    def stop(*_: object) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, stop)
    for k in range(count):
        dice = random.Random(f"{name} {seed} {k}")
        data = damaged(dice.choice(seeds).read_bytes(), dice)
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before, start = memory("VmRSS"), time.process_time()
        signal.alarm(2 * SLOWEST)
        try:
            said = attempt(name, data, folder)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            said = f"{type(error).__name__}: {error}\n"
        signal.alarm(0)
        took, used = time.process_time() - start, memory("VmHWM") - before
        outcomes["read" if said is None else "refused"] += 1
        problem = "slow" if took > SLOWEST else "large" if used > LARGEST + 10 * len(data) else ""
        if said is not None and not (said.isprintable() and said.endswith((".", "?"))):
            problem = said
        if problem:
            wrong.append(f"{name} {seed} {k}: {took:.1f} s, {used / 1e6:.0f} MB, {problem.strip()[:300]}")
            (folder / f"found-{seed}-{k}").write_bytes(data)
    signal.signal(signal.SIGALRM, former)
    return outcomes, wrong


def main(count: int, *names: str) -> int:
    warnings.simplefilter("ignore")
    found = []
    for name in names or READERS:
        outcomes, wrong = hunt(name, count, Path("out/fuzz/hostile") / name)
        print(name, dict(outcomes), f"{len(wrong)} wrong", *wrong[:20], sep="\n  ", flush=True)
        found += wrong
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), *sys.argv[2:]))
