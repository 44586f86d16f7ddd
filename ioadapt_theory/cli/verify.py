"""`ioadapt verify`: repeat the numerical checks of the claims, or evaluate a claim on one instance."""

import argparse
import sys
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import FINDING, INTERRUPTED, OK
from ioadapt_theory.cli.files import Files
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.results import as_json, record

if TYPE_CHECKING:
    from ioadapt_theory.claims import Claim, Run

EXAMPLES = """examples:
  ioadapt verify
  ioadapt verify prop-2-input prop-2-input-sharp --format json
  ioadapt verify prop-2-output-sharp --instances 100000 --starts 1000 --seed 1 --jobs 2
  ioadapt verify prop-2-input --instance ce1
  ioadapt verify prop-2-input --instance my-instance.json
"""


SETTINGS = {
    "seed": "random seed (default 0)",
    "instances": "random instances per claim (default 2000)",
    "starts": "starts of the gradient ascent (default 64)",
    "steps": "steps of the gradient ascent (default 200)",
}
MOST_JOBS = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="ids of claims (default: all)")
    for name, meaning in SETTINGS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=meaning)
    parser.add_argument("--jobs", type=int, metavar="J", help="number of processes (default 1)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")
    instance = "evaluate the claim on the instance in FILE, or on a shipped instance of this name"
    parser.add_argument("--instance", metavar="FILE", help=instance)


def files(args: argparse.Namespace) -> Files:
    return Files((args.instance,))


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status; 1 if a verdict, or an instance of a claim, is not as expected."""
    from ioadapt_theory.claims import Run, verifying
    from ioadapt_theory.claims.expression.algebra import sympy

    chosen = {name: x for name in SETTINGS if (x := getattr(args, name)) is not None}
    given = [*chosen, *(["jobs"] if args.jobs is not None else [])]
    if args.instance is not None and given:  # an instance is evaluated without the searches
        msg = f"--{given[0]} cannot be combined with --instance; leave one of them out."
        raise InvalidValueError(msg)
    verifying.check(settings := Run(**chosen))
    args.jobs = 1 if args.jobs is None else args.jobs
    if not 1 <= args.jobs <= MOST_JOBS:
        msg = f"--jobs must be from 1 to {MOST_JOBS:,}, not {args.jobs:,}."
        raise InvalidValueError(msg)
    claims = verifying.named(args.claims)
    if args.instance is not None:
        return _instance(claims, args)
    sympy()  # the exact proofs need it: fail now, not after the searches
    return _search([claim.id for claim in claims], settings, args)


def _instance(claims: "list[Claim]", args: argparse.Namespace) -> int:
    from ioadapt_theory.claims import Verdict, instances
    from ioadapt_theory.claims.claim import UndecidedError
    from ioadapt_theory.claims.evaluation import evaluate

    if len(args.claims) != 1:
        msg = f"--instance needs exactly one claim to evaluate, not {len(args.claims)}."
        raise InvalidValueError(msg)
    (claim,) = claims
    raw = instances.load_or_witness(args.instance)
    try:
        result = evaluate(claim, raw)
    except UndecidedError as error:
        _write_instance({"claim": claim.id, "verdict": "undecided", "holds": None, **error.to_json()}, args.format)
        raise
    _write_instance(result.to_json(), args.format)
    return FINDING if not result.holds and claim.expected is not Verdict.REFUTED else OK


def _write_instance(shown: dict[str, Any], form: str) -> None:
    if form == "json":
        sys.stdout.write(as_json(shown))
        return
    for key, value in shown.items():
        if key == "hypotheses":
            sys.stdout.writelines(f"  {h['hypothesis']}: residual {h['residual']:.3g}\n" for h in value)
        else:
            decides = "  (decisive, since the statement holds up to O(ε²))" if key == "first_order" else ""
            sys.stdout.write(f"{key}: {value}{decides}\n")


def _search(claims: list[str], settings: "Run", args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ioadapt_theory.claims import CLAIMS, report, verifying
    from ioadapt_theory.claims.findings import Verification
    from ioadapt_theory.processes import pool

    verdicts = {name: Verification(claim=name) for name in claims}
    unfinished, interrupted = set(claims), False
    try:
        with (
            tqdm(total=len(claims), disable=None, unit="claim", leave=False) as bar,
            pool(args.jobs) if args.jobs > 1 else nullcontext() as processes,
        ):
            for result in verifying.results(claims, settings, processes):
                verdicts[result.claim] = result
                unfinished.remove(result.claim)
                bar.set_postfix_str(result.claim, refresh=False)
                bar.update()
    except KeyboardInterrupt:
        interrupted = True
        sys.stderr.write(f"\nInterrupted: {len(claims) - len(unfinished)} of {len(claims)} claims are finished.\n")
    if args.format == "json":
        told = {name: {**v.to_json(), "finished": name not in unfinished} for name, v in verdicts.items()}
        sys.stdout.write(as_json(record("verify", config={**asdict(settings), "claims": claims}, results=told)))
    else:
        sys.stdout.write(report.summary(CLAIMS, verdicts, unfinished))
    if interrupted:
        return INTERRUPTED
    return OK if all(v.verdict == CLAIMS[name].expected for name, v in verdicts.items()) else FINDING
