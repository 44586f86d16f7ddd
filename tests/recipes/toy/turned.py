"""One adapter of each placement on a linear layer, moved to a layer with turned outputs: W' = WQ.

Examples:
  python toys/turned.py            how far each moves from what it did
  python toys/turned.py --seed 1   with other numbers
"""

import argparse
import copy
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ioadapt_theory import adapt, transfer
from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.linalg import orthogonal
from ioadapt_theory.results import record, write_json
from toys.command_line import folder, whole


def run(seed: int) -> dict[str, float]:
    """Placement -> ‖what the adapter adds there - what it adds here, turned‖ / ‖what it adds here‖; 0 is exact."""
    drawn = torch.Generator().manual_seed(seed)
    source = nn.Linear(6, 8, bias=False, dtype=torch.float64)
    nn.init.normal_(source.weight, generator=drawn)
    q = orthogonal(8, generator=drawn)
    target = copy.deepcopy(source)
    target.weight.data.copy_(q.mT @ source.weight.data)
    x = torch.randn(50, 6, generator=drawn, dtype=torch.float64)
    missed = {}
    for placement in ("weight", "input", "output"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            here = adapt(nn.Sequential(copy.deepcopy(source)), target_modules=["0"], placement=placement, init="random")
        there = nn.Sequential(copy.deepcopy(target))
        transfer(here, there)
        adds = (here(x) - source(x)) @ q
        missed[placement] = float(((there(x) - target(x)) - adds).norm() / adds.norm())
    return missed


def main(argv: list[str] | None = None) -> int:
    """Run, print, write the record; status 0, or 2 with one sentence on stderr."""
    return guarded("turned", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    parser = Parser(prog="python toys/turned.py", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="N", help="default: %(default)s")
    parser.add_argument("--out", type=folder, default="out/turned", metavar="FOLDER", help="default: %(default)s")
    args = parser.parse_args(argv)
    results: dict[str, Any] = run(args.seed)
    write_json(Path(args.out) / "turned.json", record("turned", config={"seed": args.seed}, results=results))
    sys.stdout.write("".join(f"{placement:<8}{missed:10.2e}\n" for placement, missed in results.items()))
    return OK


if __name__ == "__main__":
    sys.exit(main())
