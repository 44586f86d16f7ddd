"""How much of an adapter is kept as the target drifts away from its source, copied and carried over.

Three families of small networks are trained further until their weights have cosines of .99 to .3 with the source's,
put in other weights of the same function, and trained apart. Adapters of the source are copied to all of these, and
carried over by inputs without labels.

Examples:
  python toys/spectrum.py            all families, learning rates chosen for every method
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
    "full": {"perceptron": 32, "convolution": 26, "bytes": 7},
    "quick": dict.fromkeys(FAMILIES, 2),
}
"""More for the families whose seeds differ more."""


def run(size: str, seeds: Mapping[str, Sequence[int]], cache: Path) -> dict[str, Any]:
    """Return what every adapter gains on every target.

    Args:
        size: "full" or "quick".
        seeds: family -> seeds of models and adapters; one that is in the cache is not computed again.
        cache: the folder in which finished parts are kept.

    Returns:
        ``rates``: family -> row -> learning rate; ``families``: family -> figures of ``drift.moves`` by seed.
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
    """Run, print the table, write picture and record; status 0, or 2 with one sentence."""
    return guarded("spectrum", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    size = "quick" if args.quick else "full"
    seeds = {name: [*range(args.seed, args.seed + (args.seeds or count))] for name, count in SEEDS[size].items()}
    with styled():  # before the work, so that a missing matplotlib is found at once
        result = run(size, seeds, args.out / "cache")
        svg, png = write(output.draw(result), args.out, "spectrum")
    command = f"python toys/spectrum.py{' --quick' * args.quick} --seed {args.seed}"
    command += f" --seeds {args.seeds}" if args.seeds else ""
    records.write(args.out / "spectrum.json", "spectrum", command, seeds, result)
    sys.stdout.write(f"{output.text(result)}\nPicture: {png} and {svg.name}; record: spectrum.json\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/spectrum.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a first look, in a minute and a half")
    counts = ", ".join(f"{count} of {name}" for name, count in SEEDS["full"].items())
    parser.add_argument("--seeds", type=whole(2, 1000), metavar="N", help=f"of each family; default: {counts}; quick 2")
    parser.add_argument("--seed", type=whole(0, 900), default=0, metavar="N", help="the first; default: %(default)s")
    parser.add_argument("--out", type=folder, default="out/spectrum", metavar="FOLDER", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
