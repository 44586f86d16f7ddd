"""`ioadapt verify`: repeat the numerical checks of the claims, or evaluate a claim on one instance."""

import argparse
import sys
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
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
    parser.add_argument("--resume-from", metavar="FOLDER", help="folder of interrupted runs (default: user's cache)")


def files(args: argparse.Namespace) -> Files:
    return Files((args.instance,))


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status; 1 if a verdict, or an instance of a claim, is not as expected."""
    from ioadapt_theory.claims import CLAIMS, Run, verifying
    from ioadapt_theory.claims.expression.algebra import sympy

    chosen = {name: x for name in SETTINGS if (x := getattr(args, name)) is not None}
    given = [*chosen, *(name for name in ("jobs", "resume_from") if getattr(args, name) is not None)]
    if args.instance is not None and given:  # an instance is evaluated without the searches
        msg = f"--{given[0].replace('_', '-')} cannot be combined with --instance; leave one of them out."
        raise InvalidValueError(msg)
    verifying.check(settings := Run(**chosen))
    args.jobs = 1 if args.jobs is None else args.jobs
    if not 1 <= args.jobs <= MOST_JOBS:
        msg = f"--jobs must be from 1 to {MOST_JOBS:,}, not {args.jobs:,}."
        raise InvalidValueError(msg)
    claims = verifying.named(CLAIMS, args.claims)
    if args.instance is not None:
        return _instance(claims, args)
    sympy()  # the exact proofs need it: fail now, not after the searches
    return _search([claim.id for claim in claims], settings, args)


def _instance(claims: "list[Claim]", args: argparse.Namespace) -> int:
    from ioadapt_theory.claims import Verdict, instances
    from ioadapt_theory.claims.evaluation import evaluate
    from ioadapt_theory.claims.evidence.inequality import UndecidedError

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

    from ioadapt_theory.claims import CLAIMS, records, report, verifying
    from ioadapt_theory.errors import WorkerError
    from ioadapt_theory.processes import pool

    folder = Path(args.resume_from) if args.resume_from else records.default_folder()
    tell = partial(tqdm.write, file=sys.stderr)  # printed above the progress bar
    journal = records.Journal(folder, claims, settings, lambda text: tell(f"ioadapt verify: {text}"))
    results, count = journal.read(), len(journal.todo)
    todo = [part for part in journal.todo if part not in results]

    def stopped(what: str) -> str:
        if journal.broken:
            return f"{what} after {len(results)} of {count} parts, some of which could not be saved."
        return f"{what}: {len(results)} of {count} parts are saved; repeat the command to continue."

    interrupted = False
    try:
        with (
            tqdm(total=count, initial=len(results), disable=None, unit="part", leave=False) as bar,
            pool(args.jobs) if args.jobs > 1 else nullcontext() as processes,
        ):
            for part, result in verifying.results(todo, processes):
                journal.add(part, result)
                results[part] = result
                bar.set_postfix_str(part.claim, refresh=False)
                bar.update()
    except KeyboardInterrupt:
        interrupted = True
        sys.stderr.write(f"\n{stopped('Interrupted')}\n")
    except WorkerError as error:
        msg = f"{error} {stopped('Stopped')}"
        raise WorkerError(msg) from None
    unfinished = {part.claim for part in journal.todo if part not in results}
    verdicts = verifying.total(claims, results)
    if args.format == "json":
        told = {name: {**v.to_json(), "finished": name not in unfinished} for name, v in verdicts.items()}
        sys.stdout.write(as_json(record("verify", config={**asdict(settings), "claims": claims}, results=told)))
    else:
        sys.stdout.write(report.summary(CLAIMS, verdicts, unfinished))
    if interrupted:
        return INTERRUPTED
    sys.stdout.flush()  # the result is printed before its parts are deleted
    journal.remove()
    return OK if all(v.verdict == CLAIMS[name].expected for name, v in verdicts.items()) else FINDING
