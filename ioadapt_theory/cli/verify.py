"""`ioadapt verify`: repeat the numerical checks of the claims, or evaluate a claim on one instance."""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import FINDING, INTERRUPTED, OK
from ioadapt_theory.cli.files import Files
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.results import as_json

if TYPE_CHECKING:
    from collections.abc import Collection

    from ioadapt_theory.claims import Claim, Run
    from ioadapt_theory.claims.records import Record

EXAMPLES = """examples:
  ioadapt verify
  ioadapt verify prop-2-input prop-2-input-sharp --format json
  ioadapt verify prop-3 prop-4 prop-5 --stacks 10000 --samples 100000 --depth 4 --pair near-gauge --jobs 2
  ioadapt verify prop-2-input --instance ce1
  ioadapt verify prop-2-input --instance my-instance.json
  ioadapt verify prop-4 --stacks 100000 --cluster tcp://scheduler:8786 --format json > verify.json
  ioadapt verify --merge part-1.json part-2.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="ids of claims (default: all)")
    for name, meaning in COUNTS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=meaning)
    parser.add_argument("--seed", type=int, metavar="S", help="random seed (default 0)")
    parser.add_argument("--widths", type=int, nargs="+", metavar="N", help="widths of a stack, inputs first")
    parser.add_argument("--spectrum", help="distribution of weights: gaussian (default) or conditioned")
    parser.add_argument(
        "--condition", type=float, metavar="K", help="condition number of conditioned weights (default 10)"
    )
    parser.add_argument("--pair", help="target: independent (default), same function (gauge), or nearly (near-gauge)")
    parser.add_argument("--device", help="device of stacks and samples: cpu (default), cuda, ...")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--jobs", type=int, metavar="J", help="number of processes (default 1)")
    place.add_argument("--cluster", metavar="ADDRESS", help="use the workers of the Dask scheduler at ADDRESS")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="output format (default table)")
    instance = "evaluate the claim on the instance in FILE, or on a shipped instance of this name"
    parser.add_argument("--instance", metavar="FILE", help=instance)
    merge = "merge records that --format json printed; a part in several records is counted once"
    parser.add_argument("--merge", nargs="+", metavar="FILE", help=merge)
    parser.add_argument("--resume-from", metavar="FOLDER", help="folder of interrupted runs (default: user's cache)")


COUNTS = {
    "stacks": "random linear networks (stacks) per claim (default 64)",
    "samples": "samples run through each stack (default 65536)",
    "depth": "layers of a stack (default 2)",
    "rank": "rank of AB in the stacks (default 2)",
    "instances": "random instances per claim (default 2000)",
    "starts": "starts of the gradient ascent (default 64)",
    "steps": "steps of the gradient ascent (default 200)",
}


def files(args: argparse.Namespace) -> Files:
    return Files((args.instance, *(args.merge or ())))


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status; 1 if a verdict, or an instance of a claim, is not as expected."""
    from ioadapt_theory.claims import CLAIMS, Run, verifying
    from ioadapt_theory.claims.expression.algebra import sympy

    given = [name for name, x in vars(args).items() if x is not None and name not in ("command", "claims", "format")]
    for mode in ("instance", "merge"):  # these modes do not use the options of the searches
        if mode in given and (ignored := [name for name in given if name != mode]):
            msg = f"--{ignored[0].replace('_', '-')} cannot be combined with --{mode}; leave one of them out."
            raise InvalidValueError(msg)
    chosen = {f.name: getattr(args, f.name) for f in fields(Run) if getattr(args, f.name) is not None}
    if args.widths:
        if len(args.widths) < 2:
            msg = f"--widths {args.widths[0]} is one width; give two or more, the input width first."
            raise InvalidValueError(msg)
        chosen |= {"widths": tuple(args.widths), "depth": args.depth or len(args.widths) - 1}
    settings = Run(**chosen)
    verifying.check(settings, 1 if args.jobs is None else args.jobs)
    claims = verifying.named(CLAIMS, args.claims)
    if args.instance is not None:
        return _instance(claims, args)
    if args.merge:
        return _merge(args)
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

    from ioadapt_theory.claims import CLAIMS, records, verifying
    from ioadapt_theory.errors import WorkerError
    from ioadapt_theory.processes import cluster, pool

    folder = Path(args.resume_from) if args.resume_from else records.default_folder()
    tell = partial(tqdm.write, file=sys.stderr)  # printed above the progress bar
    journal = records.Journal(folder, claims, settings, lambda text: tell(f"ioadapt verify: {text}"))
    results = journal.read()
    count = sum(s.parts(settings) for name in claims for s in verifying.strategies(CLAIMS[name]))
    todo = (part for part in verifying.parts(claims, settings) if part not in results)

    def stopped(what: str) -> str:
        if journal.broken:
            return f"{what} after {len(results)} of {count} parts, some of which could not be saved."
        return f"{what}: {len(results)} of {count} parts are saved; repeat the command to continue."

    interrupted = False
    try:
        with (
            tqdm(total=count, initial=len(results), disable=None, unit="part", leave=False) as bar,
            ExitStack() as stack,
        ):
            place: tuple[Any, ...] = ()  # by default the work runs in this process
            if args.cluster is not None:
                place = stack.enter_context(cluster(args.cluster))
            elif (args.jobs or 1) > 1:
                place = stack.enter_context(pool(args.jobs)), lambda: 2 * args.jobs
            for part, result in verifying.results(todo, *place):
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
    record = records.Record(results, ({**asdict(settings), "claims": claims},))
    status = _show(record, claims, record.unfinished() if interrupted else (), args)
    if interrupted:
        return INTERRUPTED
    sys.stdout.flush()  # the result is printed before its parts are deleted
    journal.remove()
    return status


def _merge(args: argparse.Namespace) -> int:
    from ioadapt_theory.claims import records

    record = records.merge(args.merge)
    if absent := [name for name in args.claims if name not in record.claims]:
        msg = f"The records do not contain {absent[0]}; they contain {', '.join(record.claims) or 'no claim'}."
        raise InvalidValueError(msg)
    results = {part: v for part, v in record.results.items() if not args.claims or part.claim in args.claims}
    chosen = replace(record, results=results)
    return _show(chosen, chosen.claims, chosen.unfinished(), args)


def _show(record: "Record", claims: list[str], unfinished: "Collection[str]", args: argparse.Namespace) -> int:
    from ioadapt_theory.claims import CLAIMS, report, verifying

    verdicts = verifying.total(claims, record.results)
    if args.format == "json":
        sys.stdout.write(record.text(claims, unfinished))
    else:
        sys.stdout.write(report.summary(CLAIMS, verdicts, unfinished))
    return OK if all(v.verdict == CLAIMS[name].expected for name, v in verdicts.items()) else FINDING
