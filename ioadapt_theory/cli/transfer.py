"""`ioadapt transfer`: fit an adapter to another model, and predict what share of its gain is kept."""

import argparse
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import FINDING, OK
from ioadapt_theory.cli.adapters import WRITTEN
from ioadapt_theory.cli.files import Files, check_counts
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home, together, write_text
from ioadapt_theory.results import as_json

if TYPE_CHECKING:
    from torch import nn


EXAMPLES = """ADAPTER is a file or folder that `ioadapt adapters` reads, or the folder of a model fine-tuned from
SOURCE. SOURCE and TARGET are transformers or diffusers folders (of a pipeline, one model: ./sd15/unet), or ANI
networks such as ani-1x:0.

BATCH should have at least 256 unlabelled inputs from the adapter's domain. It is a .safetensors or .npz file
with a tensor for each argument of the model, a text file for models with a tokenizer, or a file of prompts,
one per line, for a UNet or DiT with one text encoder. FILE is written in ADAPTER's format if possible. If
none of the gain is likely to be kept, no adapter is written, and the exit status is 1.

examples:
  ioadapt transfer lora_folder ./llama-a ./llama-b --inputs texts.txt --out lora_for_b
  ioadapt transfer style.safetensors ./sd15/unet ./other/unet --inputs prompts.txt --out style_for_other.safetensors
  ioadapt transfer ./tuned ./base ./base --inputs batch.safetensors --rank 8 --out extracted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("adapter", metavar="ADAPTER", help="file or folder of the adapter, or a fine-tuned model")
    add("source", metavar="SOURCE", help="model that the adapter was trained on")
    add(
        "target",
        metavar="TARGET",
        help="model to move the adapter to; SOURCE again to extract an adapter from a fine-tuned model",
    )
    add("--inputs", type=at_home, metavar="BATCH", required=True, help="unlabelled inputs of both models")
    add("--target-inputs", type=at_home, metavar="BATCH", help="the same samples as inputs of TARGET, row by row")
    add("--out", type=at_home, metavar="FILE", required=True, help="file or folder to write")
    add(
        "--need",
        choices=("labels", "change"),
        help="what to preserve: the predicted labels (default if the outputs are logits) or the change of the outputs",
    )
    add(
        "--placement",
        choices=("weight", "input", "output", "best"),
        help="placement of the adapter on TARGET (default: as in ADAPTER); best chooses one for each layer",
    )
    how = "match layers by name (default), provenance (their weights), auto (either), or effect (the gain that is kept)"
    add("--match", choices=("name", "provenance", "auto", "effect"), default="name", help=how)
    add(
        "--refine",
        type=int,
        metavar="N",
        help="gradient steps after the fit, without labels (default 10); if given, also report N steps from zero",
    )
    add("--rank", type=int, metavar="R", help="rank of the result for DoRA, LoHa, LoKr or a fine-tuned model")
    add("--rows", type=int, default=512, metavar="N", help="use at most N rows of the inputs (default 512)")
    add("--batch", type=int, default=32, metavar="N", help="rows in one forward pass (default 32)")
    add(
        "--memory",
        type=float,
        default=4.0,
        metavar="GB",
        help="memory for the fit; a larger fit takes several passes over the inputs (default 4)",
    )
    add("--seed", type=int, default=0, metavar="N", help="random seed (default 0)")
    add("--component", metavar="NAME", help="component to use, if ADAPTER is for a pipeline: unet, text_encoder, ...")
    add("--html", type=at_home, metavar="PAGE", help="also write a self-contained HTML page")
    add("--format", choices=("text", "json"), default="text", help="output format (default text)")


def files(args: argparse.Namespace) -> Files:
    reads = (args.adapter, args.source, args.target, args.inputs, args.target_inputs)
    return Files(reads, {"--html": args.html}, adapter=(args.out, *(args.out / name for name in WRITTEN)))


def run(args: argparse.Namespace) -> int:
    """Transfer the adapter, or the change of a fine-tuned model; return 0 if an adapter is written, and 1 if not."""
    from ioadapt_theory.models.inputs import read_both
    from ioadapt_theory.models.load import load_model
    from ioadapt_theory.moving.carrying import carried
    from ioadapt_theory.reporting import carried as told

    if not args.out.absolute().parent.is_dir():
        msg = f"--out {args.out} is in a folder that does not exist; create it first."
        raise InvalidValueError(msg)
    check_counts(batch=(args.batch, 1), rows=(args.rows, 3))
    folder = at_home(args.adapter)
    tuned = (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()
    source = load_model(args.source)
    target = source if tuned and args.source == args.target else load_model(args.target)
    (write, task), lost = (("PEFT", None), dict[str, str]()) if tuned else _adapter(args, source)
    both = ((args.source, source), (args.target, target))
    inputs, other = read_both(args.inputs, *both, rows=args.rows, seed=args.seed)
    if args.target_inputs is not None:
        other = read_both(args.target_inputs, *both, rows=args.rows, seed=args.seed)[0]
    names = ("need", "placement", "rank", "refine", "memory", "match", "seed")
    options: dict[str, Any] = {key: getattr(args, key) for key in names}
    options |= {"size": args.batch, "strict": False, "target_inputs": other}
    if tuned:
        options["tuned"] = load_model(args.adapter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warnings are printed as notes
        outcome = carried(source, target, inputs, **options)
    component = lost.pop("", "")
    with together():
        if outcome.matched:
            _write(args, target, write, component, task)
        if args.html is not None:
            write_text(args.html, told.to_html(outcome, f"{args.adapter}: {args.source} → {args.target}"))
    for name, why in lost.items():
        sys.stderr.write(f"{name}: {why}.\n")
    if args.format == "json":
        sys.stdout.write(as_json(told.to_json(outcome)))
    else:
        sys.stdout.write(told.to_text(outcome))
    return OK if outcome.matched else FINDING


def _adapter(args: argparse.Namespace, source: "nn.Module") -> tuple[tuple[str, str | None], dict[str, str]]:
    """Load the adapter; return (format, task type), and the reason for each unused part; "" maps to the component."""
    from ioadapt_theory.adapters.base_weights import ModelWeights
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.formats.match import match

    opened = open_adapter(args.adapter)
    if opened.base and args.target != args.source and _same(opened.base, args.target):
        sys.stderr.write(
            f"{args.adapter} names {opened.base} as its base, which is TARGET and not SOURCE; check their order.\n"
        )
    matched = match(opened, ModelWeights(source), args.component, called="source")
    if not matched.layers:
        name, why = next(iter(matched.lost.items()))
        msg = f"{args.adapter} fits no layer of SOURCE ({name}: {why}); SOURCE must be the adapter's base model."
        raise InvalidValueError(msg)
    moved = load(source, args.adapter, strict=False, component=args.component)
    rest = {str(change): "a change of the base model's weights, which is not transferred" for change in opened.changes}
    others = opened.components - {matched.component}
    rest |= {name: "another component of the file, which is not transferred (see --component)" for name in others}
    return (opened.format, opened.task_type), {**moved.unmatched, **rest, "": args.component or matched.component}


def _same(base: str, given: str) -> bool:
    return base == given or Path(base).absolute() == Path(given).absolute()


def _write(args: argparse.Namespace, target: "nn.Module", format_: str, component: str, task: str | None) -> None:
    """Write a plain LoRA in ``format_`` if that is PEFT's, diffusers' or kohya's format; write all else in our own."""
    from ioadapt_theory.adapters.adapter import Adapter
    from ioadapt_theory.adapters.base_weights import ModelWeights
    from ioadapt_theory.adapters.model import layers
    from ioadapt_theory.formats.export import write_lora
    from ioadapt_theory.formats.own import save_adapter

    adapters: Mapping[str, Adapter] = {n: m.adapters["default"] for n, m in layers(target, "default").items()}  # type: ignore[misc]
    style = {"PEFT": "peft", "diffusers": "diffusers", "kohya/LyCORIS": "kohya"}.get(format_)
    plain = all(a.family == "lora" and [*a.keys()] == ["weight"] for a in adapters.values())
    if style is None or not plain:
        if style is not None:
            sys.stderr.write(f"{args.out} is in ioadapt's own format, since the adapter is not a plain LoRA.\n")
        save_adapter(target, args.out)
        return
    weights = ModelWeights(target)
    layers_ = ((name, adapter, weights.layer(name)) for name, adapter in adapters.items())
    write_lora(args.out, layers_, style, base=args.target, component=component, task_type=task)
