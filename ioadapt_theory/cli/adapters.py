"""`ioadapt adapters`: inspect an adapter file, or convert it for another tool, side or base."""

import argparse
import sys
from contextlib import ExitStack
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from ioadapt_theory.cli import FINDING, OK
from ioadapt_theory.cli.files import Files, open_model
from ioadapt_theory.cli.options import add_output, dtype_of, told_written, written
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.results import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ioadapt_theory.checkpoints.checkpoint import Checkpoint
    from ioadapt_theory.formats import AdapterFile
    from ioadapt_theory.formats.match import Match

EXAMPLES = """FILE is an adapter folder of ioadapt or PEFT, or a safetensors file of diffusers, kohya, A1111 or LyCORIS.
MODEL is an alias, a path or a hub id, as in `ioadapt similarity`; add :PART for a component.
Layers are read one at a time, so the model need not fit into memory.

examples:
  ioadapt adapters inspect lora.safetensors
  ioadapt adapters inspect my_adapter --base sd15 --check
  ioadapt adapters convert lora.safetensors --placement output --base sd15 --ridge 0.1 --out my_adapter
  ioadapt adapters bake my_adapter --base lcm --style kohya --out lora.safetensors
  ioadapt adapters bake my_dora --base ./llama --share 0.99 --out lora_folder
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    commands = parser.add_subparsers(dest="action", required=True, metavar="inspect | convert | bake")
    contents = "list format, layers, ranks and scales; with --base, also which layers fit, and which are unchanged"
    turned = "turn a LoRA into an input or output adapter by Eq. 5 of the paper"
    plain = "write the adapter as a plain LoRA for one base model: exact, or of a given rank"
    shown, converted, baked = (
        commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for name, text in (("inspect", contents), ("convert", turned), ("bake", plain))
    )
    for sub in (shown, converted, baked):
        sub.add_argument("file", metavar="FILE", help="file or folder of the adapter")
        if sub is not shown:
            add_output(sub)
            sub.add_argument("--partial", action="store_true", help="leave out what does not fit, and say what it is")
        base = f"model that the adapter {'was trained on' if sub is converted else 'is for'}"
        sub.add_argument("--base", metavar="MODEL", required=sub is not shown, help=base)
        sub.add_argument("--component", metavar="NAME", help="component to use, if FILE is for a pipeline: unet, ...")
        how = "match layers by name (default), provenance (their weights), or auto (provenance if known, else name)"
        sub.add_argument("--match", choices=("name", "provenance", "auto"), default="name", help=how)
        if sub is not converted:
            source = "model that the adapter was trained on, to find moved layers"
            sub.add_argument("--source", metavar="MODEL", help=source)
    shown.add_argument("--check", action="store_true", help="also check all values for NaN and infinity")
    shown.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")
    converted.add_argument("--placement", choices=("input", "output"), required=True, help="side of the new adapter")
    ridge = "ridge with which W is inverted, as a fraction of its largest singular value (default 0)"
    converted.add_argument("--ridge", type=float, default=0.0, metavar="F", help=ridge)
    baked.add_argument("--rank", type=int, metavar="R", help="largest rank of the LoRA (default: an exact LoRA)")
    share = "instead of a rank, share of the norm of the weight change to keep, up to 1"
    baked.add_argument("--share", type=float, metavar="F", help=share)
    style = "format (default: that of FILE if it is one of these, else peft)"
    baked.add_argument("--style", choices=("peft", "diffusers", "kohya"), help=style)


def files(args: argparse.Namespace) -> Files:
    out = () if args.action == "inspect" else written(args)
    return Files((args.file, args.base, getattr(args, "source", None)), adapter=out)


def run(args: argparse.Namespace) -> int:
    """Run the command; return 1 if ``inspect`` finds content other than adapters, or a misfit with the base, else 0."""
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.export import notes, require_replaceable
    from ioadapt_theory.formats.match import told

    file = open_adapter(args.file)
    if args.action == "inspect" and args.check:
        file.check()
    if args.action == "inspect" and args.base is None:
        return _show(args, file, [])
    if args.action != "inspect":
        args.notes = notes(args.action, args.file, args.base)
        require_replaceable(args.out, args.notes, force=args.force)
    with ExitStack() as stack:
        named = getattr(args, "source", None)
        source = stack.enter_context(open_model(named, "give a model as --source")) if named else None
        parts = _parts(args, file, source, stack)
        if args.action == "inspect":
            return _show(args, file, parts)
        more = _more(args, file, parts[0], source) if args.action == "bake" else {}
        for part in parts:
            if not args.partial or not part.layers:
                part.require_complete(*(one.component for one in parts), kept=more)
            if warning := part.correspondence.warning():
                sys.stderr.write(f"{warning}\n")
            sys.stderr.writelines(f"{note}\n" for note in part.notes)
        count = _bake(args, parts, more) if args.action == "bake" else _convert(args, parts[0])
    rest = [key for key in (*(change.key for change in file.changes), *file.unread) if key not in more]
    also = f" Also left out: {', '.join(rest[:3])}{', ...' if len(rest) > 3 else ''}." if rest else ""
    unproven = sum(len(part.correspondence.unproven(part.layers)) for part in parts)
    evidence = f", {unproven} of them matched only by name" if unproven and source else ""
    total = sum(len(part.layers) + len(part.lost) for part in parts)
    others = file.left_out(*(part.component for part in parts))
    also += f" {told(others)}." if others else ""
    also += f" Also written, for common tokens: {', '.join(sorted(more))}." if more else ""
    sys.stderr.write(f"{args.out}: {count} of {total} layers written{evidence}.{also}\n{told_written(args.out, count)}")
    return OK


def _parts(
    args: argparse.Namespace, file: "AdapterFile", source: "Checkpoint | None", stack: ExitStack
) -> "list[Match]":
    """Return the adapter of each component that the base has, matched with it; the main model comes first."""
    from ioadapt_theory.checkpoints.sources import open_part

    main = _matched(args, file, stack.enter_context(open_model(args.base, "give a model as --base")), source)
    parts, others = [main], sorted(main.left_out) if args.action != "convert" and not args.component else []
    if not main.layers:  # an adapter of a text encoder
        parts, others = [], [main.component, *others]
    for component in others:
        if component and (beside := open_part(args.base, component)) is not None:
            parts.append(_matched(args, file, stack.enter_context(beside), source, component))
    return parts or [main]


def _matched(
    args: argparse.Namespace,
    file: "AdapterFile",
    base: "Checkpoint",
    source: "Checkpoint | None",
    component: str | None = None,
) -> "Match":
    """Match the adapter by the layer names in the base or by those in the adapter, whichever fits more layers."""
    from ioadapt_theory.adapters.base_weights import checkpoint_weights
    from ioadapt_theory.formats.match import match

    options = {"by": args.match, "source": checkpoint_weights(source) if source else None}
    weights, component = checkpoint_weights(base), component or args.component
    matched = match(file, weights, component, **options)
    if matched.lost:  # the base may use its authors' layer names, the adapter diffusers'
        renamed = checkpoint_weights(base, [layer.name.path for layer in file.layers])
        again = match(file, renamed, component, **options)
        if len(again.lost) < len(matched.lost):
            matched = again
    return matched


def _more(
    args: argparse.Namespace, file: "AdapterFile", part: "Match", source: "Checkpoint | None"
) -> "Mapping[str, Tensor]":
    """Return what PEFT's file has on embeddings and heads besides layers, for the tokens of the base."""
    from ioadapt_theory.adapters.base_weights import TensorWeights, checkpoint_weights
    from ioadapt_theory.formats.vocabulary import common_rows, reader

    if file.config is None or args.style not in {None, "peft"} or not isinstance(part.weights, TensorWeights):
        return {}
    return common_rows(file, reader(part.weights), reader(checkpoint_weights(source)) if source else None)


def _bake(args: argparse.Namespace, parts: "list[Match]", more: "Mapping[str, Tensor]") -> int:
    """Write a plain LoRA, print each layer's rank and the lost share of its change, and return the number of layers."""
    from ioadapt_theory.formats.export import STYLE_OF, factors, write_lora
    from ioadapt_theory.formats.rewrite import Component, rewrite

    file, exact = parts[0].file, args.rank is None and args.share is None
    made = [factors(part.adapters(), rank=args.rank, share=args.share) for part in parts]
    for layer, baked in (item for layers in made for item in layers.items()):
        figure = f"exact up to rounding, {baked.lost:.2e}" if exact else f"lost {baked.lost:.2e}"
        sys.stdout.write(f"{layer}: rank {len(baked.down)}, {figure}\n")
    own = STYLE_OF.get(file.format)
    style = args.style or own or "peft"
    if style == own and (style == "peft" or not args.component or args.component in file.components):
        same = [
            Component(part.layers, layers, renamed=part.correspondence.origins.how != "name")
            for part, layers in zip(parts, made, strict=True)
        ]
        rewrite(args.out, file, same, base=args.base, notes=args.notes, dtype=dtype_of(args), more=more)
    else:
        named = {_component(args, part, style): layers for part, layers in zip(parts, made, strict=True)}
        task = (file.config or {}).get("task_type")
        metadata = file.kept() | args.notes
        write_lora(args.out, named, style, base=args.base, metadata=metadata, task_type=task, dtype=dtype_of(args))
    biases = sum(baked.bias is not None for layers in made for baked in layers.values())
    if biases and style == "kohya":
        sys.stderr.write(
            f"Changes of biases (diff_b, {biases} in this file) are applied by ComfyUI, ignored by LyCORIS and rejected"
            " by diffusers; use --style diffusers for diffusers.\n"
        )
    what = "rounding" if exact else "truncation to the lower rank"
    sys.stderr.write(
        f"The last number of a line is the share of the weight change (Frobenius norm) lost by {what}. To predict how"
        f" the adapter performs on {args.base}, run `ioadapt report {args.file} SOURCE {args.base}`.\n"
    )
    return sum(map(len, made))


def _component(args: argparse.Namespace, part: "Match", style: str) -> str:
    """Return the component in the keys of a style: that of the file, of the base, or as kohya numbers it."""
    from ioadapt_theory.formats.export import component_of

    component = args.component or part.component
    if not component and style != "peft":
        with open_model(args.base, "give a model as --base") as base:
            component = component_of(base.source, base.config, part.weights.names)
    if not component and style == "diffusers":
        msg = (
            f"In diffusers' format, keys begin with the pipeline's component, which is unknown for {args.base}; set"
            " it with --component unet, transformer, text_encoder or text_encoder_2."
        )
        raise InvalidValueError(msg)
    if component == "text_encoder" and style == "kohya" and "text_encoder_2" in part.file.components:
        return "text_encoder_1"  # kohya numbers two text encoders
    return component


def _convert(args: argparse.Namespace, matched: "Match") -> int:
    from ioadapt_theory.formats.export import convert_to

    outcome = convert_to(args.out, matched, args.placement, partial=args.partial, ridge=args.ridge, notes=args.notes)
    for layer, figures in outcome.items():
        sys.stdout.write(f"{layer}: {figures}\n")
    sys.stderr.write("lost: lost share of the weight change; norm: norm of the new AB over that of the old; ")
    sys.stderr.write("cond(W): condition number of the base weight.\n")
    return sum(not isinstance(figures, str) for figures in outcome.values())


def _show(args: argparse.Namespace, file: "AdapterFile", parts: "list[Match]") -> int:
    from ioadapt_theory.formats.describe import describe, table

    facts = describe(file, parts)
    if args.format == "json":
        sys.stdout.write(as_json(facts))
    else:
        sys.stdout.write(table(facts, min(80, get_terminal_size().columns)))
    return FINDING if facts["unread"] or facts["changes"] or facts.get("unmatched") else OK
