"""`ioadapt adapters`: inspect an adapter file, or convert it for another tool, side or base."""

import argparse
import sys
from contextlib import ExitStack
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from ioadapt_theory.cli import FINDING, OK
from ioadapt_theory.cli.files import Files, open_model
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home
from ioadapt_theory.results import as_json

if TYPE_CHECKING:
    from ioadapt_theory.checkpoints.checkpoint import Checkpoint
    from ioadapt_theory.formats import AdapterFile
    from ioadapt_theory.formats.match import Match

EXAMPLES = """FILE is an adapter folder of ioadapt or PEFT, or a safetensors file of diffusers, kohya, A1111 or LyCORIS.
MODEL is an alias, a path or a hub id, as in `ioadapt similarity`; add :PART for a component.
Layers are read one at a time, so the model need not fit into memory.

examples:
  ioadapt adapters inspect lora.safetensors
  ioadapt adapters inspect my_adapter --base sd15 --check
  ioadapt adapters convert lora.safetensors my_adapter --to output --base sd15 --ridge 0.1
  ioadapt adapters convert my_adapter peanut_folder --to peanut --base ./llama
  ioadapt adapters bake my_adapter lora.safetensors --base lcm --style kohya
  ioadapt adapters bake my_dora lora_folder --base ./llama --share 0.99
"""
WRITTEN = ("ioadapt.safetensors", "adapter_model.safetensors", "adapter_config.json")
"""Files that a command may write into the folder of an adapter."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    commands = parser.add_subparsers(dest="action", required=True, metavar="inspect | convert | bake")
    contents = "list format, layers, ranks and scales; with --base, also which layers fit, and which are unchanged"
    turned = "turn a LoRA into an input or output adapter by Eq. 5 of the paper, or change the file format"
    plain = "write the adapter as a plain LoRA for one base model: exact, or of a given rank"
    shown, converted, baked = (
        commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for name, text in (("inspect", contents), ("convert", turned), ("bake", plain))
    )
    for sub in (shown, converted, baked):
        sub.add_argument("file", metavar="FILE", help="file or folder of the adapter")
        if sub is not shown:
            sub.add_argument("out", type=at_home, metavar="OUT", help="file or folder to write")
            sub.add_argument("--partial", action="store_true", help="skip layers that do not fit")
        base = f"model that the adapter {'was trained on' if sub is converted else 'is for'}"
        sub.add_argument("--base", metavar="MODEL", required=sub is not shown, help=base)
        sub.add_argument("--component", metavar="NAME", help="component to use, if FILE is for a pipeline: unet, ...")
        how = "match layers by name (default), provenance (their weights), or auto (provenance if known, else name)"
        sub.add_argument("--match", choices=("name", "provenance", "auto"), default="name", help=how)
        if sub is not converted:
            sub.add_argument(
                "--source", metavar="MODEL", help="model that the adapter was trained on, to find moved layers"
            )
    shown.add_argument("--check", action="store_true", help="also check all values for NaN and infinity")
    shape = "output format (default text); card is a model card"
    shown.add_argument("--format", choices=("text", "json", "card"), default="text", help=shape)
    to = "side of the new adapter, or format of another tool"
    converted.add_argument("--to", choices=("input", "output", "peanut", "glora"), required=True, help=to)
    ridge = "ridge with which W is inverted, as a fraction of its largest singular value (default 0)"
    converted.add_argument("--ridge", type=float, default=0.0, metavar="F", help=ridge)
    baked.add_argument("--rank", type=int, metavar="R", help="largest rank of the LoRA (default: an exact LoRA)")
    share = "instead of a rank, share of the norm of the weight change to keep, up to 1"
    baked.add_argument("--share", type=float, metavar="F", help=share)
    baked.add_argument("--style", choices=("peft", "diffusers", "kohya"), default="peft", help="format (default peft)")


def files(args: argparse.Namespace) -> Files:
    out = [] if args.action == "inspect" else [args.out, *(args.out / name for name in WRITTEN)]
    return Files((args.file, args.base, getattr(args, "source", None)), adapter=tuple(out))


def run(args: argparse.Namespace) -> int:
    """Run the command; return 1 if ``inspect`` finds content other than adapters, or a misfit with the base, else 0."""
    from ioadapt_theory.formats import open_adapter

    file = open_adapter(args.file)
    if args.action == "inspect" and args.check:
        file.check()
    if args.action == "inspect" and args.base is None:
        return _show(args, file)
    with ExitStack() as stack:
        checkpoint = stack.enter_context(open_model(args.base, "give a model as --base"))
        named = getattr(args, "source", None)
        source = stack.enter_context(open_model(named, "give a model as --source")) if named else None
        matched = _matched(args, file, checkpoint, source)
        if args.action == "inspect":
            return _show(args, matched.file, matched)
        if not args.partial or not matched.layers:
            matched.require_complete()
        if warning := matched.correspondence.warning():
            sys.stderr.write(f"{warning}\n")
        written = _bake(args, matched, checkpoint) if args.action == "bake" else _convert(args, matched)
    rest = [str(change) for change in matched.file.changes] + [*matched.file.unread]
    more = f" Also left out: {', '.join(rest[:3])}{', ...' if len(rest) > 3 else ''}." if rest else ""
    unproven = len(matched.correspondence.unproven(matched.layers))
    evidence = f", {unproven} of them matched only by name" if unproven else ""
    total = len(matched.layers) + len(matched.lost)
    sys.stderr.write(f"{args.out}: {written} of {total} layers written{evidence}.{more}\n")
    return OK


def _matched(args: argparse.Namespace, file: "AdapterFile", base: "Checkpoint", source: "Checkpoint | None") -> "Match":
    """Match the adapter by the layer names in the base or by those in the adapter, whichever fits more layers."""
    from ioadapt_theory.adapters.base_weights import checkpoint_weights
    from ioadapt_theory.formats.match import match

    options = {"by": args.match, "source": checkpoint_weights(source) if source else None}
    weights = checkpoint_weights(base)
    matched = match(file, weights, args.component, **options)
    if matched.lost:  # the base may use its authors' layer names, the adapter diffusers'
        renamed = checkpoint_weights(base, [layer.name.path for layer in file.layers])
        again = match(file, renamed, args.component, **options)
        if len(again.lost) < len(matched.lost):
            matched = again
    return matched


def _bake(args: argparse.Namespace, matched: "Match", checkpoint: "Checkpoint") -> int:
    """Write a plain LoRA, print each layer's rank and the lost share of its change, and return the number of layers."""
    from ioadapt_theory.formats.export import component_of, write_lora

    component = args.component or matched.component
    if not component and args.style != "peft":
        component = component_of(checkpoint.source, checkpoint.config, matched.weights.names)
    if not component and args.style == "diffusers":
        msg = (
            f"In diffusers' format, keys begin with the pipeline's component, which is unknown for {args.base}; set"
            " it with --component unet, transformer, text_encoder or text_encoder_2."
        )
        raise InvalidValueError(msg)
    if component == "text_encoder" and args.style == "kohya" and "text_encoder_2" in matched.file.components:
        component = "text_encoder_1"  # kohya numbers two text encoders
    options = {"base": args.base, "component": component, "rank": args.rank, "share": args.share}
    layers = write_lora(args.out, matched.adapters(), args.style, **options, task_type=matched.file.task_type)
    exact = args.rank is None and args.share is None
    for layer, baked in layers.items():
        figure = f"exact up to rounding, {baked.lost:.2e}" if exact else f"lost {baked.lost:.2e}"
        sys.stdout.write(f"{layer}: rank {len(baked.down)}, {figure}\n")
    biases = sum(baked.bias is not None for baked in layers.values())
    if biases and args.style == "kohya":
        sys.stderr.write(
            f"Changes of biases (diff_b, {biases} in this file) are applied by ComfyUI, ignored by LyCORIS and rejected"
            " by diffusers; use --style diffusers for diffusers.\n"
        )
    what = "rounding" if exact else "truncation to the lower rank"
    sys.stderr.write(
        f"The last number of a line is the share of the weight change (Frobenius norm) lost by {what}. To predict how"
        f" the adapter performs on {args.base}, run `ioadapt report SOURCE {args.base} {args.file}`.\n"
    )
    _warn_of_another_base(matched)
    return len(layers)


def _convert(args: argparse.Namespace, matched: "Match") -> int:
    from ioadapt_theory.formats.export import convert_to, write_glora, write_peanut

    match args.to:
        case "peanut":
            write_peanut(args.out, matched.adapters(), base=matched.file.base)
        case "glora":
            write_glora(args.out, matched.adapters(), component=args.component or matched.component)
        case side:
            _warn_of_another_base(matched, "; if possible, give that model as --base")
            outcome = convert_to(args.out, matched, side, partial=args.partial, ridge=args.ridge)
            for layer, figures in outcome.items():
                sys.stdout.write(f"{layer}: {figures}\n")
            sys.stderr.write("lost: lost share of the weight change; norm: norm of the new AB over that of the old; ")
            sys.stderr.write("cond(W): condition number of the base weight.\n")
            return sum(not isinstance(figures, str) for figures in outcome.values())
    return len(matched.layers)


def _warn_of_another_base(matched: "Match", hint: str = "") -> None:
    """Warn if the base is not the model that the adapter was trained on."""
    from ioadapt_theory.adapters.rules.fingerprint import identical

    same, compared = identical(matched.file.prints, matched.weights)
    if same < compared:
        other = f"or has another precision: {compared - same} of {compared} layers differ{hint}"
        sys.stderr.write(f"Warning: --base is not the model that {matched.file.path} was trained on, {other}.\n")


def _show(args: argparse.Namespace, file: "AdapterFile", matched: "Match | None" = None) -> int:
    from ioadapt_theory.formats.card import card
    from ioadapt_theory.formats.describe import describe, table

    facts = describe(file, matched)
    if args.format == "json":
        sys.stdout.write(as_json(facts))
    elif args.format == "card":
        adapters = {str(stored.name): stored.sketch for stored in file.layers}
        sys.stdout.write(card(adapters, base=file.base))
    else:
        sys.stdout.write(table(facts, min(80, get_terminal_size().columns)))
    return FINDING if facts["unread"] or facts["changes"] or facts.get("unmatched") else OK
