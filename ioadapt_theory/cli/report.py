"""`ioadapt report`: predict whether an adapter works on another model."""

import argparse
import sys
from contextlib import ExitStack
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import OK, progress_bar
from ioadapt_theory.cli.files import Files, check_counts, open_model
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home

if TYPE_CHECKING:
    from ioadapt_theory.reporting.assemble import Report

EXAMPLES = """SOURCE and TARGET are named as in `ioadapt similarity`. ADAPTER is a file or folder that
`ioadapt adapters` reads; without ADAPTER, the report recommends where to train a new one.

The weights show how the two models are related and how similar their layers are. To predict how much of its gain an
adapter keeps, add --inputs: both models then run on an unlabelled batch from the adapter's domain, and must be
transformers or diffusers folders, or ANI networks such as ani-1x:0. BATCH is a .safetensors or .npz file with a tensor
for each argument of the model (for ANI: the features of the atoms, named H, C, N and O), a text file for models with a
tokenizer, or a file of prompts, one per line, for a UNet or DiT with one text encoder.

examples:
  ioadapt report ani-1x:0 ani-1ccx:0
  ioadapt report sd15 lcm lora.safetensors --html report.html
  ioadapt report ./base ./tuned my_adapter --inputs batch.safetensors --format json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("source", metavar="SOURCE", help="model that the adapter was trained on")
    add("target", metavar="TARGET", help="model to move the adapter to")
    add("adapter", metavar="ADAPTER", nargs="?", help="file or folder of the adapter")
    add("--inputs", type=at_home, metavar="BATCH", help="unlabelled inputs on which both models are run")
    add("--batch", type=int, default=32, metavar="N", help="rows in one forward pass (default 32)")
    add("--rows", type=int, default=512, metavar="N", help="use at most N rows of the inputs (default 512)")
    explained = "share of the source's loss that the adapter removed, for the error bound (default 0.5)"
    add("--explained", type=float, default=0.5, metavar="X", help=explained)
    add("--component", metavar="NAME", help="component to use, if ADAPTER is for a pipeline: unet, text_encoder, ...")
    add("--html", type=at_home, metavar="PAGE", help="also write a self-contained HTML page")
    add("--format", choices=("text", "json"), default="text", help="output format (default text)")


def files(args: argparse.Namespace) -> Files:
    return Files((args.source, args.target, args.adapter, args.inputs), {"--html": args.html})


def run(args: argparse.Namespace) -> int:
    if not 0 < args.explained <= 1:
        msg = f"--explained must be above 0 and at most 1, not {args.explained:g}."
        raise InvalidValueError(msg)
    check_counts(batch=(args.batch, 1), rows=(args.rows, 1))
    outcome = _live(args) if args.inputs is not None else _stored(args)
    from ioadapt_theory.outputs import write_text
    from ioadapt_theory.reporting.as_json import to_json
    from ioadapt_theory.reporting.page import to_html
    from ioadapt_theory.reporting.text import to_text
    from ioadapt_theory.results import as_json

    if args.html is not None:
        write_text(args.html, to_html(outcome))
    if args.format == "json":
        sys.stdout.write(as_json(to_json(outcome)))
    else:
        sys.stdout.write(to_text(outcome, get_terminal_size((100, 24)).columns))
    return OK


def _stored(args: argparse.Namespace) -> "Report":
    from ioadapt_theory.reporting.assemble import report
    from ioadapt_theory.reporting.kin.counterparts import under_common_names

    with ExitStack() as stack, progress_bar() as progress:
        hint = "give the two models first, as in `ioadapt report SOURCE TARGET ADAPTER`"
        both = [stack.enter_context(open_model(name, hint)) for name in (args.source, args.target)]
        for checkpoint in both:
            checkpoint.prepare()
        source, target = under_common_names(*both, adapted=args.adapter is not None)
        adapters, lost = (None, None) if args.adapter is None else _file(args, source, target)
        names = (args.source, args.target, args.adapter)
        return report(source, target, adapters, lost=lost, names=names, progress=progress)


def _file(args: argparse.Namespace, source: Any, target: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the adapters by layer of the source, and the reason for each layer of the file that does not fit."""
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.match import fitted, match

    opened = open_adapter(args.adapter)
    matched = match(opened, source, args.component, called="source")
    if not matched.layers:
        name, why = next(iter(matched.lost.items()))
        msg = f"{args.adapter} fits no layer of SOURCE ({name}: {why}); SOURCE must be the adapter's base model."
        raise InvalidValueError(msg)
    adapters = {layer: fitted(item, source.outline(layer)) for layer, item in matched.layers.items()}
    return adapters, {str(name): why for name, why in matched.lost.items()}


def _live(args: argparse.Namespace) -> "Report":
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.models.inputs import read_both
    from ioadapt_theory.models.load import load_model
    from ioadapt_theory.reporting.assemble import report

    source, target = load_model(args.source), load_model(args.target)
    lost = {}
    if args.adapter is not None:
        lost = dict(load(source, args.adapter, strict=False, component=args.component).unmatched)
    both = (args.source, source), (args.target, target)
    inputs, other = read_both(args.inputs, *both, rows=args.rows, seed=0)
    options = {"explained": args.explained, "size": args.batch, "lost": lost}
    names = (args.source, args.target, args.adapter)
    return report(source, target, inputs=inputs, target_inputs=other, names=names, **options)
