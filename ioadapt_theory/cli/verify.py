"""`ioadapt verify`: collect the evidence again, or evaluate one instance of a claim."""

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ioadapt_theory.cli import FINDING, INTERRUPTED, OK
from ioadapt_theory.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ioadapt_theory.claims import Claim, Run, Verification

T = TypeVar("T")
EXAMPLES = """examples:
  ioadapt verify
  ioadapt verify prop-2-input prop-2-input-sharp --format json
  ioadapt verify prop-3 prop-4 prop-5 --stacks 10000 --samples 100000 --depth 4 --pair near-gauge --jobs 2
  ioadapt verify prop-4 --stacks 3 --samples 100000 --each
  ioadapt verify prop-2-input --instance ce1
  ioadapt verify prop-2-input --instance my-instance.json
  ioadapt verify --merge part-1.json part-2.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="ids; all of them by default")
    for name, meaning in COUNTS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=meaning)
    parser.add_argument("--seed", type=int, metavar="S", help="seed of everything that is drawn")
    parser.add_argument("--widths", type=int, nargs="+", metavar="N", help="widths of the stacks, inputs first")
    parser.add_argument("--spectrum", help="how weights are drawn: gaussian or conditioned")
    parser.add_argument("--condition", type=float, metavar="K", help="condition number of conditioned weights")
    parser.add_argument("--pair", help="how the target relates to the source: independent, gauge or near-gauge")
    parser.add_argument("--device", help="where stacks and samples live: cpu, cuda, ...")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="processes")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--each", action="store_true", help="closed form, bound, mean and interval of every stack")
    parser.add_argument("--instance", metavar="FILE", help="evaluate this instance, or the shipped one of this name")
    parser.add_argument("--merge", nargs="+", metavar="FILE", help="merge what --format json wrote")
    parser.add_argument("--resume-from", metavar="FOLDER", help="where an interrupted run is kept; default: user cache")


COUNTS = {
    "stacks": "random linear stacks a claim",
    "samples": "samples run through each stack, or through --instance",
    "depth": "layers of a stack",
    "rank": "rank of AB in the stacks",
    "instances": "random instances a claim",
    "starts": "starts of the gradient ascent",
    "steps": "steps of the gradient ascent",
}


def run(args: argparse.Namespace) -> int:
    """0 if every verdict is the recorded one, 1 if not, 130 if interrupted."""
    from ioadapt_theory.claims import CLAIMS, Run, runner, verifying

    chosen = {f.name: getattr(args, f.name) for f in fields(Run) if getattr(args, f.name) is not None}
    if args.widths:
        chosen |= {"widths": tuple(args.widths), "depth": args.depth or len(args.widths) - 1}
    settings = replace(Run(), **chosen)
    runner.check(settings, args.jobs)
    claims = verifying.named(CLAIMS, args.claims)
    if args.instance is not None:
        return _instance(claims, settings, args)
    if args.each:
        return _each(claims, settings, args)
    if args.merge:
        return _show(runner.merge(args.merge), {}, args)
    return _search([claim.id for claim in claims], settings, args)


def _instance(claims: "list[Claim]", settings: "Run", args: argparse.Namespace) -> int:
    from ioadapt_theory.claims import Verdict, instances
    from ioadapt_theory.claims.evaluation import evaluate
    from ioadapt_theory.claims.evidence.monte_carlo import instance_estimate

    if len(args.claims) != 1:
        msg = f"--instance needs exactly one claim to evaluate, got {len(args.claims)}."
        raise InvalidValueError(msg)
    (claim,) = claims
    raw = instances.load_or_witness(args.instance)
    found = evaluate(claim, raw)
    shown = found.to_json()
    if args.samples is not None:
        shown["monte_carlo"] = instance_estimate(claim, raw, settings)
    if args.format == "json":
        sys.stdout.write(json.dumps(shown, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        for key, value in shown.items():
            if key == "hypotheses":
                sys.stdout.writelines(f"  {h['hypothesis']}: residual {h['residual']:.3g}\n" for h in value)
            else:
                decides = "  (decides, as the statement is one up to O(ε²))" if key == "first_order" else ""
                sys.stdout.write(f"{key}: {value}{decides}\n")
    return FINDING if not found.holds and claim.expected is not Verdict.REFUTED else OK


def _each(claims: "list[Claim]", settings: "Run", args: argparse.Namespace) -> int:
    from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
    from ioadapt_theory.claims.report import columns

    rows = [
        {"claim": claim.id, **row}
        for claim in claims
        for strategy in claim.strategies
        if isinstance(strategy, StackMonteCarlo)
        for row in strategy.rows(claim, settings)
    ]
    if not rows:
        msg = f"None of these claims is an expectation over samples: {', '.join(args.claims)}."
        raise InvalidValueError(msg)
    if args.format == "json":
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        cells = [[f"{v:.6g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
        sys.stdout.write(columns([list(rows[0]), *cells]))
    return OK


def _search(claims: list[str], settings: "Run", args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ioadapt_theory.claims import runner

    folder = Path(args.resume_from) if args.resume_from else runner.default_folder()
    journal, broken = runner.Journal(folder, claims, settings, version("ioadapt-theory")), list[OSError]()

    def kept(step: "Callable[[], T]", otherwise: T) -> T:
        """Do a step of the journal; a run that cannot be resumed is still a run."""
        if not broken:
            try:
                return step()
            except OSError as error:
                broken.append(error)
                reason = f"{error.filename or folder}: {error.strerror or error}"
                text = f"This run cannot be resumed: {reason}; name another folder by --resume-from."
                tqdm.write(f"ioadapt verify: {text}", file=sys.stderr)
        return otherwise

    found: dict[runner.Piece, Verification] = kept(journal.read, {})
    parts = {name: runner.count(name, settings) for name in claims}
    count, left = sum(parts.values()), Counter(parts) - Counter(name for name, *_ in found)
    todo = (piece for piece in runner.pieces(claims, settings) if piece not in found)
    done, interrupted = list(found.values()), False
    try:
        with tqdm(total=count, initial=len(found), disable=None, unit="part", leave=False) as bar:
            for piece, verification in runner.results(todo, settings, args.jobs):
                kept(partial(journal.add, piece, verification), None)
                done.append(verification)
                left[piece[0]] -= 1
                bar.set_postfix_str(piece[0], refresh=False)
                bar.update()
    except KeyboardInterrupt:
        interrupted = True
        kept_ones = f"Interrupted: {len(done)} of {count} parts are kept; the same command goes on there."
        lost = f"Interrupted after {len(done)} of {count} parts, which are not all kept."
        sys.stderr.write(f"\n{lost if broken else kept_ones}\n")
    else:
        kept(journal.remove, None)
    status = _show(runner.total(claims, done), asdict(settings), args, unfinished=+left)
    return INTERRUPTED if interrupted else status


def _show(
    found: "dict[str, Verification]",
    config: dict[str, Any],
    args: argparse.Namespace,
    unfinished: "Collection[str] | None" = None,
) -> int:
    from ioadapt_theory.claims import CLAIMS, report
    from ioadapt_theory.results import record

    if args.format == "json":
        results = {name: v.to_json() for name, v in found.items()}
        if unfinished is not None:
            results = {name: entry | {"finished": name not in unfinished} for name, entry in results.items()}
        content = record("verify", config=config, results=results)
        sys.stdout.write(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        sys.stdout.write(report.summary(CLAIMS, found, unfinished or ()))
    return OK if all(v.verdict == CLAIMS[name].expected for name, v in found.items()) else FINDING
