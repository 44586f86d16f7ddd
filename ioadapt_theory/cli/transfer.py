"""`ioadapt transfer`: fit an adapter to another model, and predict what share of its gain is kept."""

import argparse
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ioadapt_theory.cli import FINDING, OK
from ioadapt_theory.cli.files import Files
from ioadapt_theory.cli.options import PROMPTS, Moved, Progress, Work, add_inputs, carry_out, device_of, shown, written
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home, together

if TYPE_CHECKING:
    from ioadapt_theory.formats.match import Match
    from ioadapt_theory.models.inputs import Batches
    from ioadapt_theory.models.sources import Source
    from ioadapt_theory.moving.carrying import CarryReport


EXAMPLES = f"""ADAPTER is a file or folder that `ioadapt adapters` reads, or the folder of a model fine-tuned from
SOURCE. SOURCE and TARGET are single files (SD 1.x, 2.x, SDXL, SD 3.5, FLUX), folders of pipelines or of transformers
or diffusers models, hub ids, aliases, or ANI networks such as ani-1x:0. All parts of ADAPTER that both models have
are moved, UNet or transformer and text encoders; PIPELINE:PART chooses one. Single files run in float32, other models
in the dtype in which they are stored.

{PROMPTS} Without --prompts and --inputs, prompts
are drawn from the tags in ADAPTER's metadata, if it has any. For other models, give unlabelled inputs from the
adapter's domain, 256 or more: a .safetensors or .npz file with a tensor for each argument, or a text file, which is
read as one text and cut into rows of --length tokens: samples that are read one by one belong into tensors. Two text
models may have different tokenizers: they are compared where both have read the same characters, on common tokens.

FILE is written like ADAPTER: format, names, dtype, alphas and metadata. If none of the gain is likely to be kept,
nothing is written, and the exit status is 1.

examples:
  ioadapt transfer style.safetensors old.safetensors new.safetensors --prompts prompts.txt --out style_new.safetensors
  ioadapt transfer lora_folder ./llama-a ./llama-b --inputs texts.txt --out lora_for_b
  ioadapt transfer *.safetensors --map a_to_b.safetensors --out moved_folder
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("adapter", metavar="ADAPTER", help="file or folder of the adapter, or a fine-tuned model")
    add("source", metavar="SOURCE", nargs="?", help="model that the adapter was trained on")
    add("target", metavar="TARGET", nargs="?", help="model to move the adapter to")
    by_map = "map of two models, by `ioadapt map`: all other arguments are adapters, and --out is a folder"
    add("--map", type=at_home, metavar="MAP", help=by_map)
    add("--target-inputs", type=at_home, metavar="BATCH", help="the same samples as inputs of TARGET, row by row")
    placement = "placement of the adapter on TARGET (default: as in ADAPTER); best chooses one for each layer"
    add("--placement", choices=("weight", "input", "output", "best"), help=placement)
    how = "match layers by name (default), provenance (their weights), auto (either), effect (the gain that is kept)"
    by_depth = "or, depth (relative number of the block; default if the tokenizers of two text models differ)"
    add("--match", choices=("name", "provenance", "auto", "effect", "depth"), help=f"{how}, {by_depth}")
    add("--seconds", type=float, metavar="T", help="time for these steps, instead of their number")
    add("--rank", type=int, metavar="R", help="rank of the result for DoRA, LoHa, LoKr or a fine-tuned model")
    memory = "memory for the fit; a larger fit takes several passes over the inputs (default 4)"
    add("--memory", type=float, default=4.0, metavar="GB", help=memory)
    add_inputs(parser)


def files(args: argparse.Namespace) -> Files:
    reads = (args.adapter, args.source, args.target, args.inputs, args.target_inputs, args.prompts, args.config)
    if args.map is not None:
        adapters, args.instead = [*reads[:3], *(args.instead or ())], []
        args.adapters = [name for name in adapters if name is not None]
        out, *_ = written(args)
        first: dict[str, str] = {}
        for name in args.adapters:
            if (end := Path(name).name) in first:
                way = "rename one, or write it to another folder"
                msg = f"{first[end]} and {name} would both be written to {out / end}; {way}."
                raise InvalidValueError(msg)
            first[end] = name
        return Files((*args.adapters, *reads[3:], args.map), {"--html": args.html}, adapter=(out,))
    if args.target is None:
        msg = "Give ADAPTER, SOURCE and TARGET, or adapters and --map MAP."
        raise InvalidValueError(msg)
    return Files(reads, {"--html": args.html}, adapter=written(args))


def run(args: argparse.Namespace) -> int:
    """Transfer the adapter, or the change of a fine-tuned model; return 0 if an adapter is written, and 1 if not."""
    if args.map is not None:
        return _by_map(args)
    return carry_out(args, _transferred, f"{args.adapter}: {args.source} → {args.target}")


def _by_map(args: argparse.Namespace) -> int:
    """Move adapters by a map of two models; the models are loaded once and do not run."""
    from ioadapt_theory.adapters.model import remove
    from ioadapt_theory.cli import moves
    from ioadapt_theory.maps import ModelMap
    from ioadapt_theory.models.sources import open_source

    model_map = ModelMap.load(args.map)
    names = model_map.settings.get("source"), model_map.settings.get("target")
    if not all(names):
        msg = f"{args.map} does not name its models; make it with `ioadapt map`, or use transfer(map=) in Python."
        raise InvalidValueError(msg)
    models = tuple(open_source(str(name), args.config) for name in names)
    count = 0
    with shown(quiet=args.quiet) as progress, together():
        for path in args.adapters:
            own = {"adapter": path, "source": names[0], "target": names[1], "out": args.out / Path(path).name}
            one = argparse.Namespace(**{**vars(args), **own, "map": model_map})
            result, lines = _transferred(one, progress, models)
            for moved in result:
                if moved.outcome.matched:
                    remove(moves.loaded(args, models[1], moved.part))
                    count += 1
                head = str(moved.outcome).splitlines()[0]
                sys.stdout.write(f"{path}: {' '.join([head, *moved.outcome.notes])}\n")
            sys.stderr.writelines(f"{line}\n" for line in lines)
    return OK if count else FINDING


def _transferred(args: argparse.Namespace, progress: Progress, models: "tuple[Source, ...]" = ()) -> Work:
    """Move all parts of the adapter and write them; return the outcomes and what to say about the rest."""
    from ioadapt_theory.cli import moves
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.maps.model_map import fingerprint
    from ioadapt_theory.models.sources import open_source

    progress("opening", 0, 1)
    folder = at_home(args.adapter)
    tuned = (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()
    _require_order(args, tuned=tuned)
    file = None if tuned else open_adapter(args.adapter)
    entries = moves.entries(args, file, args.target, args.source)
    source = models[0] if models else open_source(args.source, args.config)
    target = models[1] if models else source if args.source == args.target else open_source(args.target, args.config)
    if file is None:
        result = [_tuned(args, source, target, progress)]
    else:
        file.check()
        if not args.force:
            moves.require_source(file, source, target)
        if args.map is None:
            moves.find_inputs(args, file)
        pairs = moves.pairs_of(args, file, source, target)
        if args.map is not None:  # if it is of none of them, the hashes are told
            pairs = [pair for pair in pairs if fingerprint(source.load(pair[1])) == args.map.source] or pairs
        fits: list[tuple[str, Match]] = []
        for component, part in pairs:
            progress(f"loading {source.given}", len(fits), len(pairs))
            fits.append((part, moves.matched(file, source.load(part), component, "SOURCE")))
        # text encoders first, since the main model is then moved for what it will read
        result = [_part(args, source, target, *one, progress) for one in reversed(fits)][::-1]
    more = moves.write(args, file, result, target, entries, progress, source)
    why_not = "SOURCE and TARGET do not both have this part" if args.map is None else "the map is of another part"
    lines = [] if file is None else moves.rest(args, file, result, more, why_not)
    if len(result) > 1 and args.map is None:
        lines.append(f"The share of {result[0].part} is that of all parts together, on what {result[0].part} predicts.")
    return result, lines


def _require_order(args: argparse.Namespace, *, tuned: bool) -> None:
    """Raise InvalidValueError if the adapter is not the first of the three arguments, or a map is given a model."""
    from ioadapt_theory.formats.reading import is_adapter

    if tuned and args.map is not None:
        msg = f"{args.adapter} is a model, not an adapter; with --map, give only adapters: the map names its models."
        raise InvalidValueError(msg)
    if tuned or not Path(args.adapter).exists() or is_adapter(args.adapter):
        return
    if wrong := next((name for name in (args.target, args.source) if Path(name).exists() and is_adapter(name)), None):
        models = [name for name in (args.adapter, args.source, args.target) if name != wrong]
        msg = f"{wrong} is the adapter; give it first: ioadapt transfer {wrong} {' '.join(models)}."
        raise InvalidValueError(msg)


def _part(
    args: argparse.Namespace, source: "Source", target: "Source", part: str, matched: "Match", progress: Progress
) -> Moved:
    from ioadapt_theory.adapters.base_weights import ModelWeights
    from ioadapt_theory.adapters.model import remove
    from ioadapt_theory.cli import moves
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.moving.transfer import transfer

    progress(f"loading {target.given}", 0, 1)
    models = [moves.loaded(args, model, part) for model in (source, target)]
    progress("reading inputs", 0, 1)
    inputs = moves.read_inputs(args, source, target, part) if args.map is None else None
    by_name = args.match == "name" or (args.match is None and inputs is not None and inputs.pairing is None)
    if by_name and not matched.layers.keys() & {*ModelWeights(models[1]).names}:
        kinds, first = [type(model).__name__ for model in models], next(iter(matched.layers))
        way = "give a model of the same kind, or match layers with --match effect"
        msg = f"TARGET ({kinds[1]}) has none of the adapter's layers in SOURCE ({kinds[0]}), such as {first}; {way}."
        raise InvalidValueError(msg)
    load(models[0], args.adapter, strict=False, component=matched.component or None)
    outcome: Any = (
        _carried(args, models, inputs, part, progress)
        if inputs is not None
        else transfer(models[0], models[1], map=args.map, strict=False, rank=args.rank)
    )
    if args.map is not None:  # the next adapter is put on the same model
        remove(models[0])
    return Moved(matched.component, part, matched, outcome)


def _tuned(args: argparse.Namespace, source: "Source", target: "Source", progress: Progress) -> Moved:
    from ioadapt_theory.cli import moves
    from ioadapt_theory.models.load import load_model

    models = [moves.loaded(args, model) for model in (source, target)]
    inputs = moves.read_inputs(args, source, target, source.main)
    tuned = load_model(args.adapter).to(device_of(args.device))
    return Moved("", source.main, None, _carried(args, models, inputs, source.main, progress, tuned=tuned))


def _carried(
    args: argparse.Namespace, models: list[Any], inputs: "Batches", part: str, progress: Progress, **more: Any
) -> "CarryReport":
    from ioadapt_theory.cli import moves
    from ioadapt_theory.moving.transfer import transfer

    names = ("placement", "rank", "seconds", "memory")
    options = {key: getattr(args, key) for key in names} | moves.options_of(args, inputs, progress) | more
    options["match"] = args.match or ("depth" if inputs.pairing else "name")
    if inputs.pairing and args.steps != 0:  # maps explain little of the gradients of models that were trained apart
        options["starts"] = ("zero",)
    options |= {"inputs": inputs.source, "target_inputs": inputs.target, "strict": False}
    progress(f"moving {part}".strip(), 0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warnings are printed as notes
        outcome: Any = transfer(models[0], models[1], **options)
        return outcome
