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
from pathlib import Path
from typing import Any, Final

import torch
from tqdm import tqdm

from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.results import record, replacing
from toys.common.command_line import folder, whole
from toys.common.style import styled, write
from toys.drift import output
from toys.drift.families import FAMILIES
from toys.drift.moves import moves, rates
from toys.transfer.cache import figures
from toys.transfer.command import compact, made_on, rounded

REVISION: Final = 1
SEEDS: Final = {"full": 3, "quick": 2}


def run(size: str, seeds: list[int], cache: Path) -> dict[str, Any]:
    """Return what every adapter gains on every target.

    Args:
        size: "full" or "quick".
        seeds: of models and adapters; a seed of a family that is in the cache is not computed again.
        cache: the folder in which finished parts are kept.

    Returns:
        ``rates``: family -> row -> learning rate; ``families``: family -> figures of ``drift.moves`` by seed.
    """
    torch.set_num_threads(1)
    found: dict[str, Any] = {"rates": {}, "families": {name: [] for name in FAMILIES}}
    with tqdm(total=len(FAMILIES) * (len(seeds) + 1), disable=None, unit=" parts", desc="spectrum", leave=False) as bar:
        for name in FAMILIES:
            key = {"toy": "spectrum", "revision": REVISION, "family": name, "size": size}
            found["rates"][name] = figures(cache, key | {"what": "rates"}, lambda: rates(name, size))  # noqa: B023
            bar.update()
        for seed in seeds:
            for name in FAMILIES:
                key = {"toy": "spectrum", "revision": REVISION, "family": name, "size": size, "seed": seed}
                one = figures(cache, key, lambda: moves(name, size, seed, found["rates"][name]))  # noqa: B023
                found["families"][name].append(one)
                bar.update()
    result: dict[str, Any] = rounded(found)
    return result


def main(argv: list[str] | None = None) -> int:
    """Run, print the table, write picture and record; status 0, or 2 with one sentence."""
    return guarded("spectrum", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    size = "quick" if args.quick else "full"
    count = args.seeds or SEEDS[size]
    seeds = list(range(args.seed, args.seed + count))
    with styled():  # before the work, so that a missing matplotlib is found at once
        result = run(size, seeds, args.out / "cache")
        svg, png = write(output.draw(result), args.out, "spectrum")
    command = f"python toys/spectrum.py{' --quick' if args.quick else ''} --seed {args.seed} --seeds {count}"
    config = {"command": command, "seeds": seeds, **made_on()}
    with replacing(args.out / "spectrum.json") as temporary:
        temporary.write_text(compact(record("spectrum", config=config, results=result)), encoding="utf-8")
    sys.stdout.write(f"{output.text(result)}\nPicture: {png} and {svg.name}; record: spectrum.json\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/spectrum.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a first look, in a minute and a half")
    parser.add_argument(
        "--seeds", type=whole(2, 1000), metavar="N", help=f"default: {SEEDS['full']}, quick {SEEDS['quick']}"
    )
    parser.add_argument("--seed", type=whole(0, 900), default=0, metavar="N", help="the first; default: %(default)s")
    parser.add_argument("--out", type=folder, default="out/spectrum", metavar="FOLDER", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
