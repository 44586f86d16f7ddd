"""`ioadapt claims`: the statements of the paper, with verdicts, counterexamples and corrections."""

import argparse
import shutil
import sys

from ioadapt_theory.cli.files import Files
from ioadapt_theory.results import as_json

EXAMPLES = """examples:
  ioadapt claims
  ioadapt claims prop-2-input prop-2-input-sharp
  ioadapt claims prop-3 --proof
  ioadapt claims --format json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="ids of claims (default: all)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")
    parser.add_argument("--proof", action="store_true", help="print the exact arguments about the claims, step by step")


def files(_args: argparse.Namespace) -> Files:
    return Files()


def run(args: argparse.Namespace) -> int:
    from ioadapt_theory.claims import report, verifying

    claims = verifying.named(args.claims)
    if args.proof:
        sys.stdout.write("\n".join(report.proofs(claim) for claim in claims))
        return 0
    if args.format == "json":
        sys.stdout.write(as_json([report.describe(claim) for claim in claims]))
    else:
        sys.stdout.write(report.table(claims, min(110, shutil.get_terminal_size().columns)))
    return 0
