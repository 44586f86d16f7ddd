"""`ioadapt adapters`: what an adapter file is, and the same adapter for another tool, side or base."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import FINDING, OK
from ioadapt_theory.cli.files import Files

if TYPE_CHECKING:
    from ioadapt_theory.formats.match import Match
    from ioadapt_theory.formats.open import Opened

EXAMPLES = """FILE is a folder of ours or of PEFT, or a safetensors file of diffusers, kohya, A1111 or LyCORIS.
MODEL is named as in `ioadapt similarity`: an alias, a path, or a hub id, with :PART for a component.
Layers are read one at a time.

examples:
  ioadapt adapters inspect lora.safetensors
  ioadapt adapters inspect my_adapter --base sd15 --check
  ioadapt adapters convert lora.safetensors my_adapter --to output --base sd15 --ridge 0.1
  ioadapt adapters convert my_adapter peanut_folder --to peanut --base ./llama
  ioadapt adapters bake my_adapter lora.safetensors --base lcm --style kohya --component unet
  ioadapt adapters bake my_dora lora_folder --base ./llama --share 0.99
"""
WRITTEN = ("ioadapt.safetensors", "adapter_model.safetensors", "adapter_config.json")
"""Files of a folder that an adapter is written to."""
TARGETS = ("input", "output", "ioadapt", "peanut", "glora")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    commands = parser.add_subparsers(dest="action", required=True, metavar="inspect | convert | bake")
    shown = commands.add_parser(
        "inspect", help="format, layers, ranks, scales; with --base what of it fits, and is it its own base"
    )
    converted = commands.add_parser("convert", help="a LoRA to the input or output side (Eq. 5), or to another format")
    baked = commands.add_parser("bake", help="a plain LoRA for one named base: exact, or of a given rank")
    for sub in (shown, converted, baked):
        sub.add_argument("file", metavar="FILE")
        if sub is not shown:
            sub.add_argument("out", metavar="OUT", help="file or folder to write")
            sub.add_argument("--partial", action="store_true", help="leave out what does not fit, instead of refusing")
        base = "the model it was trained on" if sub is converted else "the model it is for"
        sub.add_argument("--base", metavar="MODEL", required=sub is not shown, help=base)
        sub.add_argument(
            "--component", metavar="NAME", help="unet, text_encoder, ...: which part of a pipeline the base is"
        )
        sub.add_argument(
            "--match",
            choices=("name", "provenance", "auto"),
            default="name",
            help="layers of equal name (default); of equal origin, for pruned and renumbered bases; origin, else name",
        )
        if sub is not converted:
            sub.add_argument(
                "--source", metavar="MODEL", help="the model it was trained on, to find its layers in the base"
            )
    shown.add_argument("--check", action="store_true", help="read every number too: NaN and infinity are refused")
    shown.add_argument("--format", choices=("text", "json", "card"), default="text", help="card: a model card")
    converted.add_argument("--to", choices=TARGETS, required=True)
    converted.add_argument("--ridge", type=float, default=0.0, metavar="F", help="of the largest singular value of W")
    converted.add_argument("--cutoff", type=float, default=0.0, metavar="F", help="singular values below F count as 0")
    baked.add_argument("--rank", type=int, metavar="R", help="of the result, for adapters without an exact plain LoRA")
    baked.add_argument("--share", type=float, metavar="F", help="or the part of the change's norm that is kept")
    baked.add_argument(
        "--style", choices=("peft", "diffusers", "kohya"), default="peft", help="default: peft, a folder"
    )


def files(args: argparse.Namespace) -> Files:
    """Return what is read, and the files that OUT may become."""
    out = [] if args.action == "inspect" else [Path(args.out), *(Path(args.out) / name for name in WRITTEN)]
    return Files((args.file, args.base, getattr(args, "source", None)), adapter=tuple(out))


def run(args: argparse.Namespace) -> int:
    """Do it; 1 if the file holds something that does not fit the base or is not read."""
    from ioadapt_theory.adapters.base_weights import checkpoint_weights
    from ioadapt_theory.checkpoints.sources import open_checkpoint
    from ioadapt_theory.formats.convert_files import bake_to, convert_to, rewrite_to
    from ioadapt_theory.formats.match import match, require_complete, without_idle
    from ioadapt_theory.formats.open import open_adapter

    opened = open_adapter(args.file)
    if args.action == "inspect" and args.check:
        opened.check()
    if args.action == "inspect" and args.base is None:
        return _show(args, opened, None, None)
    with ExitStack() as stack:
        checkpoint = stack.enter_context(open_checkpoint(args.base))
        named = getattr(args, "source", None)
        source = checkpoint_weights(stack.enter_context(open_checkpoint(named))) if named else None
        weights = checkpoint_weights(checkpoint)
        opened = without_idle(opened, weights)
        matched = match(opened, weights, args.component, by=args.match, source=source)
        if matched.lost:  # the base may have its layers under its authors' names, the adapter under diffusers'
            other = checkpoint_weights(checkpoint, [item.name.path for item in opened.items])
            again = match(opened, other, args.component, by=args.match, source=source)
            if len(again.lost) < len(matched.lost):
                weights, matched = other, again
        for layer in weights.guessed.keys() & matched.found.keys():
            tied = f"taken to be tied to {weights.guessed[layer]}, as nothing says it is not"
            sys.stderr.write(f"{args.base} does not hold {layer}: {tied}.\n")
        if args.action == "inspect":
            return _show(args, opened, matched, weights)
        written = len(matched.found)
        if not args.partial or not matched.found:
            require_complete(opened, matched)
        if warning := matched.correspondence.warning():
            sys.stderr.write(f"{warning}\n")
        component = args.component or matched.component
        if args.action == "bake":
            bounds = {"rank": args.rank, "share": args.share}
            options = {"style": args.style, "base": args.base, "component": component, **bounds}
            layers = bake_to(args.out, opened, matched, weights, **options)
            for layer, made in layers.items():
                sys.stdout.write(f"{layer}: rank {made.a.shape[1]}, lost {made.lost:.2e}\n")
            _warn_of_biases(args.style, sum(made.bias is not None for made in layers.values()))
        elif args.to in {"input", "output"}:
            _warn_of_another_base(opened, weights)
            tamed = {"ridge": args.ridge, "cutoff": args.cutoff}
            fidelity = convert_to(args.out, opened, matched, weights, args.to, partial=args.partial, **tamed)
            written = len([None for figures in fidelity.values() if not isinstance(figures, str)])
            for layer, figures in fidelity.items():
                sys.stdout.write(f"{layer}: {figures}\n")
        else:
            rewrite_to(args.out, opened, matched, weights, format_=args.to, component=component)
    left_out = len(matched.found) + len(matched.lost) - written
    rest = [str(change) for change in opened.changes] + [*opened.unread]
    more = f" Also left out: {', '.join(rest[:3])}{', ...' if len(rest) > 3 else ''}." if rest else ""
    sys.stderr.write(f"{args.out}: {written} layers written, {left_out} left out.{more}\n")
    return OK


def _warn_of_biases(style: str, count: int) -> None:
    """A change of a bias in kohya's spelling, beside a LoRA, is not read by everybody."""
    if count and style == "kohya":
        sys.stderr.write(
            f"{count} layers have a change of their bias (diff_b), which ComfyUI applies, LyCORIS ignores, and"
            " diffusers refuses; --style diffusers has a spelling that it knows.\n"
        )


def _warn_of_another_base(opened: "Opened", weights: Any) -> None:
    """Eq. 5 is about the weights that the LoRA was trained on; with others it makes another adapter."""
    from ioadapt_theory.adapters.rules.fingerprint import kinship

    found = kinship(opened.prints, weights)
    if found.verdict in {"relative", "foreign"}:
        sys.stderr.write(f"This is not the base that {opened.path} was trained on, but {found}.\n")


def _show(args: argparse.Namespace, opened: "Opened", matched: "Match | None", weights: Any) -> int:
    from ioadapt_theory.formats.describe import describe, model_card, table

    facts = describe(opened, matched, weights)
    if args.format == "json":
        sys.stdout.write(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    elif args.format == "card":
        sys.stdout.write(model_card(opened))
    else:
        sys.stdout.write(table(facts))
    return FINDING if facts["unread"] or facts["changes"] or facts.get("unmatched") else OK
