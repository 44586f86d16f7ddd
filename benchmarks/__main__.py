"""`python -m benchmarks`: run all benchmarks, or the named ones; each prints a table."""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ioadapt_theory.cli import OK, guarded
from ioadapt_theory.outputs import replacing, write_json

BENCHMARKS = ("layer", "carry")
"""Names of the benchmarks, which are modules of this package with the functions ``main`` and ``table``."""
PARTS = (
    "training", "bfloat16", "dropout", "without_gradient", "convolutions", "decoding", "steps", "merging", "launches",
    "compiled", "importing",
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks, and write NAME.json and NAME.txt for each; return the exit status."""
    return guarded("benchmarks", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"benchmarks to run (default: all): {', '.join(BENCHMARKS)}"
    )
    parser.add_argument("--quick", action="store_true", help="run a small version to test the benchmarks")
    where = "folder for results (default: %(default)s)"
    parser.add_argument("--out", type=Path, default=Path("out/bench"), metavar="FOLDER", help=where)
    layer = parser.add_argument_group("options of the benchmark `layer`")
    layer.add_argument("--part", action="append", choices=PARTS, help="measure only this part (may be repeated)")
    layer.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; choose from {', '.join(BENCHMARKS)}")
    for name in args.names or BENCHMARKS:
        module = import_module(f"benchmarks.{name}")
        options: dict[str, Any] = {}
        if name == "layer":
            before = args.out / "layer.json"
            options = {"part": args.part, "device": args.device}
            options["before"] = json.loads(before.read_text(encoding="utf-8")) if before.exists() else None
        content = module.main(quick=args.quick, **options)
        text = module.table(content)
        write_json(args.out / f"{name}.json", content)
        with replacing(args.out / f"{name}.txt") as temporary:
            temporary.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{text}\n")
    return OK


if __name__ == "__main__":
    sys.exit(main())
