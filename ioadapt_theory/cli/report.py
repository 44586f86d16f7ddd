"""`ioadapt report`: predict whether an adapter works on another model."""

import argparse
import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import OK
from ioadapt_theory.cli.files import Files, check_counts
from ioadapt_theory.cli.options import add_models, shown
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home

if TYPE_CHECKING:
    from ioadapt_theory.formats import AdapterFile
    from ioadapt_theory.reporting import Report

EXAMPLES = """Both models run on unlabelled inputs from the adapter's domain, with and without a copy of the adapter.
ADAPTER is a file or folder that `ioadapt adapters` reads; without ADAPTER, the report tells how far apart the outputs
of the models are. For the models and inputs that can be run, see `ioadapt transfer --help`; for ANI networks, BATCH has
the features of the atoms, named H, C, N and O. `ioadapt similarity` compares the weights of models.

examples:
  ioadapt report my_adapter ./base ./tuned --inputs batch.safetensors --format json
  ioadapt report lora.safetensors old.safetensors new.safetensors --prompts prompts.txt --html report.html
  ioadapt report ani-1x:0 ani-1ccx:0 --inputs atoms.npz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage, parser.epilog = "ioadapt report [options] [ADAPTER] SOURCE TARGET", EXAMPLES
    add = parser.add_argument
    add("names", metavar="MODEL", nargs="+", help="[ADAPTER] SOURCE TARGET: adapter, its model, other model")
    add("--inputs", type=at_home, metavar="BATCH", help="unlabelled inputs on which both models are run")
    add("--target-inputs", type=at_home, metavar="BATCH", help="the same samples as inputs of TARGET, row by row")
    add("--prompts", type=at_home, metavar="FILE", help="text file with one prompt per line, for diffusion models")
    explained = "share of the source's loss that the adapter removed, for the error bound (default 0.5)"
    add("--explained", type=float, default=0.5, metavar="X", help=explained)
    add_models(parser)
    add("--html", type=at_home, metavar="PAGE", help="also write a self-contained HTML page")
    add("--format", choices=("text", "json"), default="text", help="output format (default text)")


def files(args: argparse.Namespace) -> Files:
    return Files((*args.names, args.inputs, args.target_inputs, args.prompts, args.config), {"--html": args.html})


def run(args: argparse.Namespace) -> int:
    if not 0 < args.explained <= 1:
        msg = f"--explained must be above 0 and at most 1, not {args.explained:g}."
        raise InvalidValueError(msg)
    check_counts(batch=(args.batch, 1), rows=(args.rows, 1))
    args.adapter, args.source, args.target = _in_order(args.names)
    if args.inputs is None and args.prompts is None:
        msg = "Give unlabelled inputs: --prompts FILE for diffusion models, --inputs BATCH for others; to compare only"
        msg += f" the weights, use `ioadapt similarity {args.source} {args.target}`."
        raise InvalidValueError(msg)
    outcome, file, left_out = _reported(args)
    from ioadapt_theory.formats.match import told
    from ioadapt_theory.outputs import write_text
    from ioadapt_theory.results import as_json

    if args.html is not None:
        write_text(args.html, outcome.to_html())
    if args.format == "json":
        sys.stdout.write(as_json(outcome.to_json() | ({"left_out": left_out} if left_out else {})))
    else:
        sys.stdout.write(outcome.to_text(get_terminal_size((100, 24)).columns))
    if file is not None:
        rest = [str(change) for change in file.changes] + [f"{key} ({why})" for key, why in file.unread.items()]
        if rest:
            sys.stderr.write(f"Not in the report: {', '.join(rest[:3])}{', ...' if len(rest) > 3 else ''}.\n")
    if left_out:
        sys.stderr.write(f"{told(left_out)}; the report is about one part (see --component).\n")
    return OK


def _in_order(names: list[str]) -> tuple[str | None, str, str]:
    """Return ADAPTER (or None), SOURCE and TARGET; raise InvalidValueError if their number or order is wrong."""
    from ioadapt_theory.formats.reading import is_adapter

    if len(names) not in {2, 3}:
        msg = f"Give two models, or an adapter and two models: [ADAPTER] SOURCE TARGET, not {len(names)} name(s)."
        raise InvalidValueError(msg)
    found = [name for name in names if at_home(name).exists() and is_adapter(at_home(name))]
    if found and len(names) == 3 and found[0] != names[0]:
        models = " ".join(name for name in names if name != found[0])
        msg = f"{found[0]} is the adapter; give it first: ioadapt report {found[0]} {models}."
        raise InvalidValueError(msg)
    if found and len(names) == 2:
        msg = f"{found[0]} is an adapter, not a model; give two models after it: ioadapt report ADAPTER SOURCE TARGET."
        raise InvalidValueError(msg)
    return (None, names[0], names[1]) if len(names) == 2 else (names[0], names[1], names[2])


def _reported(args: argparse.Namespace) -> "tuple[Report, AdapterFile | None, dict[str, int]]":
    """Return the report, the opened adapter, and the number of layers in each of its other components."""
    from ioadapt_theory.cli import moves
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.models.sources import open_source
    from ioadapt_theory.reporting.assemble import report

    with shown(quiet=args.quiet) as progress:
        progress("loading", 0, 2)
        source, target = (open_source(name, args.config) for name in (args.source, args.target))
        file = None if args.adapter is None else open_adapter(args.adapter)
        parts = set() if file is None else file.components - {""}
        wanted = {args.component} if args.component else parts or {source.main}
        part = next((p for p in source.parts if p in wanted), source.main)
        models = list[Any]()
        for n, one in enumerate((source, target)):
            progress(f"loading {one.given}", n, 2)
            models.append(moves.loaded(args, one, part))
        progress("reading inputs", 0, 1)
        inputs = moves.read_inputs(args, source, target, part)
        lost, left_out = {}, {}
        if args.adapter is not None:
            told = load(models[0], args.adapter, strict=False, component=args.component)
            lost, left_out = dict(told.unmatched), dict(told.left_out)
        progress("comparing", 0, 1)
        options: dict[str, Any] = {"explained": args.explained, "batch": args.batch, "lost": lost, "call": inputs.call}
        options["need"] = args.need or inputs.need
        options |= {"inputs": inputs.source, "target_inputs": inputs.target}
        return report(*models, names=(args.source, args.target, args.adapter), **options), file, left_out
