"""`ioadapt report`: will my adapter move from one model to another?"""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import OK
from ioadapt_theory.cli.files import Files
from ioadapt_theory.errors import InvalidValueError

if TYPE_CHECKING:
    from ioadapt_theory.report.assemble import Report

EXAMPLES = """SOURCE and TARGET are named as in `ioadapt similarity`; ADAPTER is what `ioadapt adapters` reads.
Without ADAPTER the report says where to put one that shall move.

Weights alone say three words of a layer and side: nothing shared, shared, undecided. With --inputs both models run on
a batch without labels: folders of transformers or diffusers and members of ANI, and a .safetensors or .npz file with a
tensor for each argument of the model (for ANI: H, C, N, O, features of atoms).

examples:
  ioadapt report ani-1x:0 ani-1ccx:0
  ioadapt report sd15 lcm lora.safetensors --html report.html
  ioadapt report ./base ./tuned my_adapter --inputs batch.safetensors --format json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("source", metavar="SOURCE", help="the model that the adapter was trained on")
    add("target", metavar="TARGET", help="the model that it shall move to")
    add("adapter", metavar="ADAPTER", nargs="?", help="file or folder of the adapter")
    add("--inputs", type=Path, metavar="BATCH", help="inputs to run both models on")
    add("--batch", type=int, default=8, metavar="N", help="rows of the inputs that are run at once (default 8)")
    add("--component", metavar="NAME", help="unet, text_encoder, ...: which part of a pipeline's adapter is meant")
    add("--html", type=Path, metavar="PAGE", help="one self-contained page as well")
    add("--format", choices=("text", "json"), default="text", help="default text")


def files(args: argparse.Namespace) -> Files:
    """Return what is read and written."""
    return Files((args.source, args.target, args.adapter, args.inputs), {"--html": args.html})


def run(args: argparse.Namespace) -> int:
    """Status 0; wrong input is an error of the package, which the caller turns into status 2."""
    if args.inputs is not None and args.adapter is None:
        msg = "--inputs measures what an adapter does: give its file after the two models."
        raise InvalidValueError(msg)
    if args.batch < 1:
        msg = f"--batch has to be at least 1, got {args.batch}."
        raise InvalidValueError(msg)
    found = _live(args) if args.inputs is not None else _stored(args)
    if args.html is not None:
        from ioadapt_theory.report.page import to_html
        from ioadapt_theory.results import replacing

        with replacing(args.html) as temporary:
            temporary.write_text(to_html(found), encoding="utf-8")
    if args.format == "json":
        from ioadapt_theory.report.records import to_json

        sys.stdout.write(json.dumps(to_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        from ioadapt_theory.report.text import to_text

        sys.stdout.write(to_text(found))
    return OK


def _stored(args: argparse.Namespace) -> "Report":
    """From two checkpoints, a layer at a time."""
    from ioadapt_theory.checkpoints.sources import open_checkpoint, prepare
    from ioadapt_theory.report.assemble import report
    from ioadapt_theory.report.stored import by_modules, by_names

    with ExitStack() as stack:
        both = [stack.enter_context(open_checkpoint(name)) for name in (args.source, args.target)]
        prepare(both, [None, None])
        source, target = (by_names if args.adapter is None else by_modules)(*both)
        adapters, lost = (None, None) if args.adapter is None else _file(args, source, target)
        return report(source, target, adapter=adapters, lost=lost, names=(args.source, args.target, args.adapter))


def _file(args: argparse.Namespace, source: Any, target: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The file's adapters by the source's layers, and what of it fits neither model."""
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.match import fitted, match

    opened = open_adapter(args.adapter)
    matched = match(opened, source, args.component, called="source")
    if not matched.layers:
        name, why = next(iter(matched.lost.items()))
        msg = f"{args.adapter} fits no layer of {args.source}, the model it was trained on ({name}: {why})."
        raise InvalidValueError(msg)
    adapters = {layer: fitted(item, source.outline(layer)) for layer, item in matched.layers.items()}
    return adapters, {str(name): why for name, why in matched.lost.items()}


def _live(args: argparse.Namespace) -> "Report":
    """From two models that run."""
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.report.assemble import report
    from ioadapt_theory.report.runnable import load_model, read_inputs

    source, target = load_model(args.source), load_model(args.target)
    moved = load(source, args.adapter, strict=False, component=args.component)
    batches = read_inputs(args.inputs, args.batch)
    names = (args.source, args.target, args.adapter)
    return report(source, target, adapter="default", inputs=batches, lost=dict(moved.unmatched), names=names)
