"""The share of its gain that an adapter keeps, copied or carried over, as the target drifts away from the source.

The study has two families of small networks that read letters. The targets are copies of the source that are trained
further until the cosine between their weights and the source's has fallen to levels from .99 to .3; the source and some
of these copies, reparametrised without a change of function; and an independently trained network. Adapters of the
source are copied to all targets, and carried over with unlabelled inputs.

Examples:
  python toys/spectrum.py            both families; learning rates chosen for every method
  python toys/spectrum.py --quick    2 seeds, fewer steps and targets
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from tqdm import tqdm

from ioadapt_theory.cli import OK, Parser, guarded
from toys.common.command_line import folder, whole
from toys.common.style import styled, write
from toys.drift import output
from toys.drift.families import FAMILIES
from toys.drift.moves import moves, rates
from toys.transfer import records
from toys.transfer.cache import figures

REVISION: Final = 3
SEEDS: Final = {
    "full": {"perceptron": 32, "convolution": 26},
    "quick": dict.fromkeys(FAMILIES, 2),
}
"""Size -> family -> number of seeds, which is larger for the family with more variation."""


def run(size: str, seeds: Mapping[str, Sequence[int]], cache: Path) -> dict[str, Any]:
    """Return the gain of every adapter on every target, that is, by how much the adapter reduces the loss.

    Args:
        size: "full" or "quick".
        seeds: family -> seeds of models and adapters; cached seeds are not computed again.
        cache: folder for finished results.

    Returns:
        ``rates``: family -> kind of adapter -> learning rate; ``families``: family -> results of ``toys.drift.moves``,
        one for each seed.
    """
    torch.set_num_threads(1)
    found: dict[str, Any] = {"rates": {}, "families": {name: [] for name in FAMILIES}}
    common = {"toy": "spectrum", "revision": REVISION, "size": size}
    total = len(FAMILIES) + sum(map(len, seeds.values()))
    with tqdm(total=total, disable=None, unit=" parts", desc="spectrum", leave=False) as bar:
        for name in FAMILIES:
            key = common | {"family": name, "what": "rates"}
            found["rates"][name] = figures(cache, key, lambda: rates(name, size))  # noqa: B023
            bar.update()
        for name, own in seeds.items():
            for seed in own:
                key = common | {"family": name, "seed": seed, "rates": found["rates"][name]}
                one = figures(cache, key, lambda: moves(name, size, seed, found["rates"][name]))  # noqa: B023
                found["families"][name].append(one)
                bar.update()
    result: dict[str, Any] = records.rounded(found)
    return result


def main(argv: list[str] | None = None) -> int:
    return guarded("spectrum", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    size = "quick" if args.quick else "full"
    seeds = {name: [*range(args.seed, args.seed + (args.seeds or count))] for name, count in SEEDS[size].items()}
    with styled():  # imports matplotlib first, so that a missing package is reported at once
        result = run(size, seeds, args.out / "cache")
        svg, png = write(output.draw(result), args.out, "spectrum")
    command = f"python toys/spectrum.py{' --quick' * args.quick} --seed {args.seed}"
    command += f" --seeds {args.seeds}" if args.seeds else ""
    records.write(args.out / "spectrum.json", "spectrum", command, seeds, result, ["toys/drift"])
    sys.stdout.write(f"{output.text(result)}\nPicture: {png} and {svg.name}; record: spectrum.json\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/spectrum.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="run a small version, in about 90 seconds")
    counts = ", ".join(f"{count} of {name}" for name, count in SEEDS["full"].items())
    count = f"number of seeds of each family (default: {counts}; with --quick: 2)"
    parser.add_argument("--seeds", type=whole(2, 1000), metavar="N", help=count)
    parser.add_argument("--seed", type=whole(0, 900), default=0, metavar="N", help="first seed (default: %(default)s)")
    where = "folder for results (default: %(default)s)"
    parser.add_argument("--out", type=folder, default="out/spectrum", metavar="FOLDER", help=where)
    return parser


if __name__ == "__main__":
    sys.exit(main())
