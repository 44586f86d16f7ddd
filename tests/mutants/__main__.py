"""`python -m tests.mutants`: plant errors in the claims, one at a time, and report those that nothing notices.

What is done is kept in a file and not done again, so that a run may be stopped and go on. The status is 1 if an error
survives that is not in ``equivalents.json``, where every entry says why it changes nothing. An error that only the
comparison of printed text notices is counted, and shown unless it is one of words.
"""

import argparse
import json
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.mutants import check, plant
from tests.mutants.check import FOLDER
from tests.mutants.plant import Mutant

EQUIVALENTS = Path(__file__).with_name("equivalents.json")


def sample(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many, spread over the rooms and the kinds of error as evenly as there are any."""
    contents = {file: (check.ROOT / file).read_bytes() for file in {m.file for m in mutants}}
    groups = defaultdict[tuple[str, str], list[Mutant]](list)
    for mutant in mutants:
        groups[mutant.file.split("/")[2], mutant.kind].append(mutant)
    draw = random.Random(seed)
    queues = [draw.sample(group, len(group)) for _, group in sorted(groups.items())]
    draw.shuffle(queues)
    chosen: list[Mutant] = []
    while len(chosen) < count and (queues := [queue for queue in queues if queue]):
        drawn = [queue.pop() for queue in queues]
        chosen += [m for m in drawn if m.changes(contents[m.file])]
    return chosen[:count]


def preload() -> None:
    """Load what takes seconds once; every run is a fork of this process."""
    import mpmath  # noqa: F401
    import numpy as np  # noqa: F401
    import pytest  # noqa: F401
    import scipy.stats  # noqa: F401
    import sympy  # noqa: F401
    import torch

    torch.set_num_threads(1)


def main() -> int:
    """0 if nothing survives but what changes nothing, 1 if something does, 2 if the tests are red before."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=240, metavar="N", help="how many errors (default 240)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="which ones")
    parser.add_argument("--all", action="store_true", help="every one; hours")
    parser.add_argument("--only", default="", metavar="TEXT", help="those in files whose path contains this")
    parser.add_argument("--kind", default="", help="those of this kind")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes")
    parser.add_argument(
        "--kept", type=Path, default=Path(".mutants.jsonl"), metavar="FILE", help="what is done already"
    )
    parser.add_argument("--list", action="store_true", help="print what would be planted")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    found = [m for m in plant.mutants(check.ROOT, FOLDER, args.only) if args.kind in ("", m.kind)]
    chosen = sample(found, len(found) if args.all else args.count, args.seed)
    contents = {m.file: (check.ROOT / m.file).read_bytes() for m in chosen}
    shown = {m: m.lines(contents[m.file]) for m in chosen}
    if args.list:
        for mutant, (before, after) in shown.items():
            sys.stdout.write(f"{mutant.file} {mutant.kind}\n  - {before}\n  + {after}\n")
        return 0
    keys = {m: m.key(contents[m.file]) for m in chosen}
    done = _kept(args.kept)
    todo = [m for m in chosen if keys[m] not in done]
    sys.stdout.write(f"{len(chosen)} of {len(found)} errors, {len(chosen) - len(todo)} of them done already.\n")
    preload()
    with ThreadPoolExecutor(args.jobs) as threads, args.kept.open("a", encoding="utf-8") as kept:
        running = {threads.submit(check.noticed, check.ROOT, m): m for m in todo}
        for number, future in enumerate(as_completed(running), start=1):
            try:
                mutant, (killed, by, seconds) = running[future], future.result()
            except check.RedError as error:
                threads.shutdown(wait=False, cancel_futures=True)
                sys.stderr.write(f"{error}\n")
                return 2
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)  # or all that is left is planted first, in silence
                raise
            before, after = shown[mutant]
            entry = {"key": keys[mutant], "file": mutant.file, "kind": mutant.kind, "before": before, "after": after}
            done[keys[mutant]] = entry | {"noticed": killed, "by": by, "seconds": round(seconds, 1)}
            kept.write(json.dumps(done[keys[mutant]], ensure_ascii=False) + "\n")
            kept.flush()
            mark = "." if killed else "S"
            sys.stdout.write(mark + ("\n" if number % 60 == 0 else ""))
            sys.stdout.flush()
    return report([done[keys[m]] for m in chosen])


def _kept(path: Path) -> dict[str, dict[str, object]]:
    if not path.exists():
        return {}
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    return {entry["key"]: entry for entry in entries}


def report(entries: list[dict[str, object]]) -> int:
    """Say what survived."""
    known = plant.equivalents(EQUIVALENTS)
    survivors = [e for e in entries if not e["noticed"]]
    unknown = [e for e in survivors if (e["file"], e["before"], e["after"]) not in known]
    sys.stdout.write("\n")
    planted, noticed = Counter(e["kind"] for e in entries), Counter(e["kind"] for e in entries if e["noticed"])
    printed = [e for e in entries if e["noticed"] and any(f" {file}" in str(e["by"]) for file in check.PRINTED)]
    alone = Counter(e["kind"] for e in printed)
    for kind in sorted(planted, key=str):
        by = f", {alone[kind]} by what is printed alone" if alone[kind] else ""
        sys.stdout.write(f"{kind!s:12} {noticed[kind]:5} of {planted[kind]:5} noticed{by}\n")
    for e in printed:
        if e["kind"] != "word":
            sys.stdout.write(f"\nprinted: {e['file']} ({e['kind']})\n  - {e['before']}\n  + {e['after']}\n")
    for e in unknown:
        sys.stdout.write(f"\nsurvives: {e['file']} ({e['kind']})\n  - {e['before']}\n  + {e['after']}\n")
    sys.stdout.write(
        f"\n{len(entries)} errors planted: {len(entries) - len(survivors)} noticed "
        f"({len(printed)} by what is printed alone), {len(unknown)} not noticed, "
        f"{len(survivors) - len(unknown)} that change nothing (equivalents.json).\n"
    )
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
