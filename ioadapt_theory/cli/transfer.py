"""`ioadapt transfer`: fit an adapter to another model, and predict what share of its gain is kept."""

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import FINDING, OK
from ioadapt_theory.cli.files import Files, check_counts
from ioadapt_theory.cli.options import (
    PROMPTS,
    Progress,
    add_models,
    add_output,
    device_of,
    dtype_of,
    moved,
    shown,
    told_written,
    warn_if_exchanged,
    written,
)
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home, together, write_text
from ioadapt_theory.results import as_json

if TYPE_CHECKING:
    from ioadapt_theory.formats import AdapterFile
    from ioadapt_theory.formats.match import Match
    from ioadapt_theory.models.prompts import Batches
    from ioadapt_theory.models.sources import Source
    from ioadapt_theory.moving.carrying import CarryReport


EXAMPLES = f"""ADAPTER is a file or folder that `ioadapt adapters` reads, or the folder of a model fine-tuned from
SOURCE. SOURCE and TARGET are single files (SD 1.x, 2.x, SDXL, SD 3.5, FLUX), folders of pipelines or of transformers
or diffusers models, hub ids, aliases, or ANI networks such as ani-1x:0. All parts of ADAPTER that both models have
are moved, UNet or transformer and text encoders; PIPELINE:PART chooses one. Single files run in float32, other models
in the dtype in which they are stored.

{PROMPTS} Without --prompts and --inputs, prompts
are drawn from the tags in ADAPTER's metadata, if it has any. For other models, give unlabelled inputs from the
adapter's domain, 256 or more: a text file, or a .safetensors or .npz file with a tensor for each argument.

FILE is written like ADAPTER: format, names, dtype, alphas and metadata. If none of the gain is likely to be kept,
nothing is written, and the exit status is 1.

examples:
  ioadapt transfer style.safetensors old.safetensors new.safetensors --prompts prompts.txt --out style_new.safetensors
  ioadapt transfer lora_folder ./llama-a ./llama-b --inputs texts.txt --out lora_for_b
"""


NO_EFFECT = "so an adapter on it has no effect"
"""End of the reason why a layer is not moved if the compared outputs do not depend on it; it is copied."""


@dataclass(slots=True)
class Moved:
    """One moved part of the adapter: its component in the file, its name in the models, and what came of it."""

    component: str
    part: str
    matched: "Match | None"
    outcome: "CarryReport"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("adapter", metavar="ADAPTER", help="file or folder of the adapter, or a fine-tuned model")
    add("source", metavar="SOURCE", help="model that the adapter was trained on")
    add("target", metavar="TARGET", help="model to move the adapter to")
    add("--prompts", type=at_home, metavar="FILE", help="text file with one prompt per line, for diffusion models")
    add("--inputs", type=at_home, metavar="BATCH", help="unlabelled inputs of both models")
    add("--target-inputs", type=at_home, metavar="BATCH", help="the same samples as inputs of TARGET, row by row")
    add_output(parser)
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
    add("--steps", type=int, metavar="N", help="gradient steps of the best start, without labels (default 30)")
    add("--seconds", type=float, metavar="T", help="time for these steps, instead of their number")
    add("--rank", type=int, metavar="R", help="rank of the result for DoRA, LoHa, LoKr or a fine-tuned model")
    add(
        "--memory",
        type=float,
        default=4.0,
        metavar="GB",
        help="memory for the fit; a larger fit takes several passes over the inputs (default 4)",
    )
    add("--seed", type=int, default=0, metavar="N", help="random seed (default 0)")
    add_models(parser)
    add("--all", action="store_true", help="list all layers, not only those that keep least")
    add("--html", type=at_home, metavar="PAGE", help="also write a self-contained HTML page")
    add("--format", choices=("text", "json"), default="text", help="output format (default text)")


def files(args: argparse.Namespace) -> Files:
    reads = (args.adapter, args.source, args.target, args.inputs, args.target_inputs, args.prompts, args.config)
    return Files(reads, {"--html": args.html}, adapter=written(args))


def run(args: argparse.Namespace) -> int:
    """Transfer the adapter, or the change of a fine-tuned model; return 0 if an adapter is written, and 1 if not."""
    with shown(quiet=args.quiet) as progress:
        progress("starting", 0, 1)
        from ioadapt_theory.reporting import carried as told

        check_counts(batch=(args.batch, 1), rows=(args.rows, 3))
        with together():
            result, lines = _transferred(args, progress)
            outcomes = {one.part or one.component: one.outcome for one in result}
            if args.html is not None:
                write_text(args.html, told.to_html(outcomes, f"{args.adapter}: {args.source} → {args.target}"))
    for line in lines:
        sys.stderr.write(f"{line}\n")
    count = sum(len(outcome.matched) for outcome in outcomes.values())
    end = told_written(args.out, count) if count else ""
    if args.format == "json":
        sys.stdout.write(as_json(told.to_json(outcomes)))
        sys.stderr.write(end)
    else:
        sys.stdout.write(told.to_text(outcomes, None if args.all else told.SHOWN) + end)
    return OK if count else FINDING


def _transferred(args: argparse.Namespace, progress: Progress) -> tuple[list[Moved], list[str]]:
    """Move all parts of the adapter and write them; return the outcomes and what to say about the rest."""
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.match import told
    from ioadapt_theory.formats.provenance import KEPT, notes, require_replaceable
    from ioadapt_theory.models.sources import open_source

    progress("opening", 0, 1)
    folder = at_home(args.adapter)
    tuned = (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()
    _require_order(args, tuned=tuned)
    file = None if tuned else open_adapter(args.adapter)
    entries = notes("transfer", args.adapter, args.target, args.source)
    require_replaceable(args.out, entries, force=args.force)
    source = open_source(args.source, args.config)
    target = source if args.source == args.target else open_source(args.target, args.config)
    if file is None:
        result, lines = [_tuned(args, source, target, progress)], []
    else:
        warn_if_exchanged(file, source, target)
        pairs = _pairs(args, file, source, target)
        if args.prompts is None and args.inputs is None:
            args.prompts = _made(args, file)
        result = [_part(args, file, source, target, *pair, progress) for pair in pairs]
        lines = _rest(file, result)
        if others := file.left_out(*(one.component for one in result)):
            lines.append(f"{told(others)}: SOURCE and TARGET do not both have this part.")
    done = [one for one in result if one.outcome.matched]
    if done:
        progress("writing", 0, 1)
        entries[KEPT] = " ".join(f"{one.part}:{one.outcome.kept:z.2f}".lstrip(":") for one in done)
        _write(args, file, done, target, entries)
    return result, lines


def _require_order(args: argparse.Namespace, *, tuned: bool) -> None:
    """Raise InvalidValueError if the adapter is not the first of the three arguments."""
    from ioadapt_theory.formats.reading import is_adapter

    if tuned or not Path(args.adapter).exists() or is_adapter(args.adapter):
        return
    if wrong := next((name for name in (args.target, args.source) if Path(name).exists() and is_adapter(name)), None):
        models = [name for name in (args.adapter, args.source, args.target) if name != wrong]
        msg = f"{wrong} is the adapter; give it first: ioadapt transfer {wrong} {' '.join(models)}."
        raise InvalidValueError(msg)


def _pairs(args: argparse.Namespace, file: "AdapterFile", source: "Source", target: "Source") -> list[tuple[str, str]]:
    """Return (component in the file, part of the models) for each component that both models have; main model first."""
    from ioadapt_theory.adapters.base_weights import ModelWeights
    from ioadapt_theory.formats.match import match

    components = file.components
    if args.component is not None or components == {""}:
        wanted = args.component or ""
        part = wanted if wanted in source.parts else source.main
        if part.startswith("text_encoder") and part not in target.parts and target.parts != ("",):
            msg = f"{args.target} has no {part}; give a pipeline that has it, or its folder."
            raise InvalidValueError(msg)
        return [(match(file, ModelWeights(source.load(part)), args.component).component, part)]
    if source.parts == ("",) or target.parts == ("",):  # a model outside a pipeline
        return [(match(file, ModelWeights(source.load()), None).component, source.main)]
    same = {c: "transformer" if c == "unet" and "unet" not in source.parts else c for c in components}
    pairs = [(c, part) for c, part in same.items() if part in source.parts and part in target.parts]
    if not pairs:
        has, there = ", ".join(sorted(components)), [", ".join(some.parts) for some in (source, target)]
        msg = f"{file.path} has layers of {has}, but the models have {there[0]} and {there[1]}; give its own models."
        raise InvalidValueError(msg)
    return sorted(pairs, key=lambda pair: source.parts.index(pair[1]))


def _part(
    args: argparse.Namespace,
    file: "AdapterFile",
    source: "Source",
    target: "Source",
    component: str,
    part: str,
    progress: Progress,
) -> Moved:
    from ioadapt_theory.adapters.base_weights import ModelWeights
    from ioadapt_theory.adapters.model import remove
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.formats.match import match

    device, names = device_of(args.device), (part, part if part in target.parts else target.main)
    models = []
    for n, (one, name) in enumerate(((source, names[0]), (target, names[1]))):
        progress(f"loading {one.given}", n, 2)
        models.append(one.load(name).to(device))
    matched = match(file, ModelWeights(models[0]), component or None, called="source")
    if not matched.layers:
        name, why = next(iter(matched.lost.items()))
        msg = f"{args.adapter} fits no layer of SOURCE ({name}: {why}); SOURCE must be the adapter's base model."
        raise InvalidValueError(msg)
    progress("reading inputs", 0, 1)
    inputs = _inputs(args, source, target, part)
    load(models[0], args.adapter, strict=False, component=component or None)
    outcome = _carried(args, models, inputs, part, progress)
    remove(models[0])  # the next part reads the text encoder as it is
    return Moved(component, part, matched, outcome)


def _tuned(args: argparse.Namespace, source: "Source", target: "Source", progress: Progress) -> Moved:
    from ioadapt_theory.models.load import load_model

    device = device_of(args.device)
    models = [source.load().to(device), target.load().to(device)]
    inputs = _inputs(args, source, target, source.main)
    tuned = load_model(args.adapter).to(device)
    return Moved("", source.main, None, _carried(args, models, inputs, source.main, progress, tuned=tuned))


def _made(args: argparse.Namespace, file: "AdapterFile") -> list[str]:
    """Return prompts made of the training tags in the adapter's metadata."""
    from ioadapt_theory.models.prompts import training_captions

    made = training_captions(file.source.metadata, args.seed)
    if not made:
        msg = f"Give unlabelled inputs: --prompts FILE for diffusion models, --inputs BATCH for others. {PROMPTS}"
        raise InvalidValueError(msg)
    sys.stderr.write(f"The inputs are {len(made)} prompts made of the training tags in {args.adapter}.\n")
    return made


def _inputs(args: argparse.Namespace, source: "Source", target: "Source", part: str) -> "Batches":
    from ioadapt_theory.models.prompts import Batches, batches, read_prompts

    options: dict[str, Any] = {"rows": args.rows, "seed": args.seed}
    if args.prompts is not None:
        prompts = args.prompts if isinstance(args.prompts, list) else read_prompts(args.prompts)
        return batches(prompts, source, target, part, **options)
    made = batches(args.inputs, source, target, part, **options)
    if args.target_inputs is None:
        return made
    return Batches(made.source, batches(args.target_inputs, target, target, part, **options).source, made.call)


def _carried(
    args: argparse.Namespace, models: list[Any], inputs: "Batches", part: str, progress: Progress, **more: Any
) -> "CarryReport":
    from ioadapt_theory.moving.transfer import transfer

    device = next(models[0].parameters()).device
    names = ("placement", "rank", "steps", "seconds", "memory", "match", "seed")
    options: dict[str, Any] = {key: getattr(args, key) for key in names}
    need = args.need or ("change" if part.startswith("text_encoder") else None)
    options |= {"need": need, "size": args.batch, "strict": False, "call": inputs.call}
    options["target_inputs"] = moved(inputs.target, device)
    progress(f"moving {part}".strip(), 0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warnings are printed as notes
        outcome: Any = transfer(*models, inputs=moved(inputs.source, device), progress=progress, **options, **more)
        return outcome  # type: ignore[no-any-return]


def _rest(file: "AdapterFile", result: list[Moved]) -> list[str]:
    """Return a line for each part of the file that is not moved, at most five, and their number."""
    lost = {str(name): why for one in result if one.matched for name, why in one.matched.lost.items()}
    lost |= {str(change): "a change of the base model's weights, which is not transferred" for change in file.changes}
    lost |= dict(file.unread)
    lines = [f"{name}: {why}." for name, why in [*lost.items()][:5]]
    return [*lines, f"... {len(lost)} parts of {file.path} are not moved."] if len(lost) > 5 else lines


def _write(
    args: argparse.Namespace, file: "AdapterFile | None", done: list[Moved], target: "Source", entries: dict[str, str]
) -> None:
    """Write the adapter like its file; in our own format if a single part is not a plain LoRA."""
    from ioadapt_theory.adapters.base_weights import ModelWeights
    from ioadapt_theory.adapters.model import layers
    from ioadapt_theory.formats.export import STYLE_OF, factors, write_lora
    from ioadapt_theory.formats.own import save_adapter
    from ioadapt_theory.formats.rewrite import Part, rewrite

    parts, plain = [], True
    for one in done:
        model = target.load(one.part if one.part in target.parts else target.main)
        weights, stored = ModelWeights(model), one.matched.layers if one.matched else {}
        made: dict[str, Any] = {}
        for name, module in layers(model, "default").items():
            adapter: Any = module.adapters["default"]
            if adapter.family == "lora" and [*adapter] == ["weight"]:
                made |= factors([(name, adapter, weights.layer(name))])
            elif name in stored and stored[name].rows is None and stored[name].holds(adapter):
                made[name] = None  # written as it is stored
            else:
                plain = False
        for name, why in one.outcome.unmatched.items():  # such as those behind the states that the UNet reads
            if why.endswith(NO_EFFECT) and name in stored and stored[name].rows is None and name in weights.names:
                made.setdefault(name, None)
        origins = {n: old if "," not in old else "" for n, old in one.outcome.sources.items()}
        parts.append(Part(stored, made, origins))
    if plain and file is None:
        write_lora(args.out, {"": parts[0].layers}, "peft", base=args.target, metadata=entries, dtype=dtype_of(args))
    elif plain and file is not None and file.format in STYLE_OF:
        rewrite(args.out, file, parts, base=args.target, notes=entries, dtype=dtype_of(args))
    elif len(done) > 1:
        msg = "Several parts can be written only as plain LoRAs; move one at a time with --component."
        raise InvalidValueError(msg)
    else:
        if file is not None and file.format in STYLE_OF:
            sys.stderr.write(f"{args.out} is in ioadapt's own format, since the adapter is not a plain LoRA.\n")
        model = target.load(done[0].part if done[0].part in target.parts else target.main)
        save_adapter(model, args.out, metadata=(file.kept() if file else {}) | entries)
