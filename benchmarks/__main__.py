"""`python -m benchmarks`: every benchmark, or those named; each prints its table and writes JSON to out/bench."""

import argparse
import importlib

BENCHMARKS = ("layer", "verifier", "similarity")


def main() -> int:
    """Run the benchmarks one after the other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it runs")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in options.names or BENCHMARKS:
        importlib.import_module(f"benchmarks.{name}").main(quick=options.quick)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
