"""What the commands that move or reduce adapters share: parts, inputs, writing, and what is said of the rest."""

import argparse
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.cli import say
from ioadapt_theory.cli.options import NO_INPUTS, Moved, Progress, device_of, dtype_of
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.formats import AdapterFile
from ioadapt_theory.formats.export import KEPT, STYLE_OF, factors, notes, require_replaceable, write_lora
from ioadapt_theory.formats.match import Match, match, told
from ioadapt_theory.formats.own import save_adapter
from ioadapt_theory.formats.rewrite import Component, rewrite
from ioadapt_theory.formats.vocabulary import common_rows, reader
from ioadapt_theory.formats.vocabulary import told as told_more
from ioadapt_theory.models.inputs import Batches
from ioadapt_theory.models.prompts import batches, read_prompts, training_captions, training_tags
from ioadapt_theory.models.sources import Source
from ioadapt_theory.moving.carrying.tables import kept_text

NO_EFFECT = "so an adapter on it has no effect"
"""End of the reason why a layer is not moved if the compared outputs do not depend on it; it is copied."""


def options_of(args: argparse.Namespace, inputs: Batches, progress: Progress) -> dict[str, Any]:
    """Return the options that ``transfer``, ``resize`` and ``extract`` have in common."""
    return {
        "call": inputs.call,
        "need": args.need or inputs.need,
        "batch": args.batch,
        "steps": args.steps,
        "seed": args.seed,
        "progress": progress,
    }


def pairs_of(
    args: argparse.Namespace, file: AdapterFile, source: Source, target: Source
) -> list[tuple[str | None, str]]:
    """Return (component in the file, part of the models) for each component that both models have, main model first."""
    # the component is None if ``matched`` is to find it
    components = file.components
    if args.component is not None or components == {""}:
        wanted = args.component or ""
        part = wanted if wanted in source.parts else source.main
        if part.startswith("text_encoder") and part not in target.parts and target.parts != ("",):
            msg = f"{args.target} has no {part}; give a pipeline that has it, or its folder."
            raise InvalidValueError(msg)
        return [(args.component, part)]
    if source.parts == ("",) or target.parts == ("",):  # a model outside a pipeline
        return [(None, source.main)]
    same = {c: "transformer" if c == "unet" and "unet" not in source.parts else c for c in components}
    pairs = [(c, part) for c, part in same.items() if part in source.parts and part in target.parts]
    if not pairs:
        has, there = ", ".join(sorted(components)), [", ".join(some.parts) for some in (source, target)]
        msg = f"{file.path} has layers of {has}, but the models have {there[0]} and {there[1]}; give its own models."
        raise InvalidValueError(msg)
    return [*sorted(pairs, key=lambda pair: source.parts.index(pair[1]))]


def matched(file: AdapterFile, model: Any, component: str | None, called: str) -> Match:
    """Match a part of the file with its base; raise InvalidValueError if most layers do not fit."""
    found = match(file, ModelWeights(model), component, called=called.lower())
    if len(found.lost) > len(found.layers):
        (layer, why), count = next(iter(found.lost.items())), len(found.lost) + len(found.layers)
        some = f"{len(found.lost)} of {count} layers of {file.path} do not fit {called} ({layer}: {why})"
        msg = f"{some}; {called} must be the adapter's base model."
        raise InvalidValueError(msg)
    return found


def find_inputs(args: argparse.Namespace, file: AdapterFile) -> None:
    """Set args.prompts to the prompts in its file or, without inputs, to some made of the adapter's training tags."""
    tags = training_tags(file.source.metadata)
    if args.prompts is not None or args.inputs is not None:
        args.prompts = None if args.prompts is None else read_prompts(args.prompts)
        most = max(tags, key=lambda tag: tags[tag], default="")
        if args.prompts and not any(most.lower() in prompt.lower() for prompt in args.prompts):
            say(f"No prompt has {most!r}, the most frequent tag of {args.adapter}; add its trigger word.")
        return
    args.prompts = training_captions(tags, args.seed)
    if not args.prompts:
        raise InvalidValueError(NO_INPUTS)
    sys.stderr.write(f"The inputs are {len(args.prompts)} prompts made of the training tags in {args.adapter}.\n")


def loaded(args: argparse.Namespace, model: Source, part: str = "") -> nn.Module:
    """Return the part of a model on the chosen device, or its main part if it does not have this one."""
    device = device_of(args.device)
    return model.load(part if part in model.parts else model.main).to(device)


def read_inputs(args: argparse.Namespace, source: Source, target: Source, part: str) -> Batches:
    options: dict[str, Any] = {"rows": args.rows, "seed": getattr(args, "seed", 0), "length": args.length}
    given = args.inputs if args.prompts is None else args.prompts
    prompts = read_prompts(given) if args.prompts is not None and not isinstance(given, list) else given
    made = batches(prompts, source, target, part, **options)
    if made.pairing is not None:
        sys.stderr.write(f"{made.pairing}\n")
    bare = [one for one in (source, target) if one.file is not None and one.file.parts == (part,)]
    for one in bare if args.prompts is not None else ():
        way = "give the folder of a pipeline if it has others"
        sys.stderr.write(f"{one.given} has no text encoder; its prompts are read by those of {one.root}: {way}.\n")
    if (others := getattr(args, "target_inputs", None)) is None:
        return made
    return replace(made, target=batches(others, target, target, part, **options).source)


def entries(
    args: argparse.Namespace, file: AdapterFile | None, target: str, source: str | None = None
) -> dict[str, str]:
    """Return our entries for the file that is written; raise InvalidValueError if it may not be written to --out."""
    adapter = args.tuned if file is None and hasattr(args, "tuned") else args.adapter
    single = file is not None and file.config is None and file.format in STYLE_OF
    if single and (args.out.suffix != ".safetensors" or args.out.is_dir()):
        msg = f"--out {args.out} must be a file that ends in .safetensors, since {adapter} is a single file."
        raise InvalidValueError(msg)
    if file is not None and not single and args.out.suffix == ".safetensors" and not args.out.is_dir():
        msg = f"--out {args.out} must be a folder, since {adapter} has a file of settings; leave out .safetensors."
        raise InvalidValueError(msg)
    made = notes(args.command, adapter, target, source)
    require_replaceable(args.out, made, force=args.force)
    return made


def rest(
    args: argparse.Namespace, file: AdapterFile, result: list[Moved], more: Mapping[str, Tensor], why_not: str
) -> list[str]:
    """Return a line for each part of the file that is not moved, at most five, and their number."""
    lost = {str(name): why for one in result if one.matched for name, why in one.matched.lost.items()}
    new = "a new value for a tensor of the base model, which does not fit the target's own"
    lost |= {str(change): new for change in file.changes if change.key not in more}
    lost |= {key: why for key, why in file.unread.items() if key not in more}
    empty = [
        (one.part or one.component, len(one.matched.layers))
        for one in result
        if one.matched and not one.outcome.matched
    ]
    none = [f"No adapter of {part} is written; its {n} layers are left out." for part, n in empty]
    lines = told_more(file, more) + [line for one in result if one.matched for line in one.matched.notes]
    lines += [f"{name} is left out: {why}." for name, why in [*lost.items()][:5]] + (none if len(result) > 1 else [])
    lines += [f"... {len(lost)} parts of {file.path} are left out."] if len(lost) > 5 else []
    others = file.left_out(*(one.component for one in result))
    why_not = why_not if args.component is None else f"--component is {args.component}"
    return [*lines, f"{told(others)}: {why_not}."] if others else lines


def write(
    args: argparse.Namespace,
    file: AdapterFile | None,
    result: list[Moved],
    target: Source,
    entries: dict[str, str],
    progress: Progress,
    source: Source,
) -> Mapping[str, Tensor]:
    """Write what was moved like its file, or in our own format; return what else of the file is written, by key."""
    if not (done := [one for one in result if one.outcome.matched]):
        return {}
    progress("writing", 0, 1)
    entries = entries | {KEPT: " ".join(f"{one.part}:{kept_text(one.outcome)}".lstrip(":") for one in done)}
    parts, plain, idle, turned = [], True, 0, 0
    for one in done:
        model = loaded(args, target, one.part)
        weights, stored = ModelWeights(model), one.matched.layers if one.matched else {}
        made: dict[str, Any] = {}
        for name, module in layers(model, "default").items():
            adapter: Any = module.adapters["default"]
            if adapter.family == "lora" and [*adapter] == ["weight"]:
                made |= factors([(name, adapter, weights.layer(name))])
                turned += name in stored and stored[name].sketch.family != "lora"
            elif name in stored and (same := stored[name].tensors_of(adapter)) is not None:
                made[name] = same
            else:
                plain = False
        for name, why in one.outcome.unmatched.items():  # such as those behind the states that the UNet reads
            if why.endswith(NO_EFFECT) and name in stored and stored[name].rows is None and name in weights.names:
                if not turned or stored[name].sketch.family == "lora":  # a configuration has one family
                    made.setdefault(name, None)
                    idle += 1
        origins = {n: old if "," not in old else "" for n, old in one.outcome.sources.items()}
        parts.append(Component(stored, made, origins))
    if turned:
        sys.stderr.write(f"{turned} layers are written as plain LoRAs, whatever they were in {args.adapter}.\n")
    if idle:
        sys.stderr.write(f"{idle} layers have no effect on what is compared; they are copied unchanged.\n")
    if file is None:
        named: dict[str, Any] = {"": parts[0].layers}
        style = getattr(args, "style", None) or ("peft" if len(done) == 1 and target.file is None else "kohya")
        if style != "peft":
            two = style == "kohya" and any(one.part == "text_encoder_2" for one in done)
            names = {"text_encoder": "text_encoder_1"} if two else {}  # kohya numbers two text encoders
            named = {names.get(one.part, one.part): part.layers for one, part in zip(done, parts, strict=True)}
        write_lora(args.out, named, style, base=target.given, metadata=entries, dtype=dtype_of(args))
    elif plain and file.format in STYLE_OF:
        more = {} if file.config is None else common_rows(file, *(reader(some.load()) for some in (target, source)))
        rewrite(args.out, file, parts, base=target.given, notes=entries, dtype=dtype_of(args), more=more)
        return more
    elif len(done) > 1:
        msg = "Several parts can be written only as plain LoRAs; move one at a time with --component."
        raise InvalidValueError(msg)
    else:
        if file.format in STYLE_OF:
            why = "the adapter is not a plain LoRA; --rank R makes it one"
            sys.stderr.write(f"{args.out} is in ioadapt's own format, since {why}.\n")
        save_adapter(loaded(args, target, done[0].part), args.out, metadata=file.kept() | entries)
    return {}


def require_source(file: AdapterFile, source: Source, target: Source) -> None:
    """Raise InvalidValueError if the adapter's file names TARGET as its base, by name or hash, and not SOURCE."""
    if source.given == target.given:
        return
    here, there = _is_base(file, source), _is_base(file, target)
    if there and not here:
        msg = f"{file.path} names {there} as its base, which is TARGET and not SOURCE; exchange them, or pass --force."
        raise InvalidValueError(msg)


def _is_base(file: AdapterFile, model: Source) -> str | None:
    """Return the name or hash by which the adapter's file names a model as its base, or None."""
    given, base, header = Path(model.given).expanduser(), file.base, file.source.metadata
    if base and (base == model.given or Path(base).absolute() == given.absolute() or Path(base).name == given.name):
        return base
    if model.file is not None:
        for key, full in (("ss_sd_model_hash", False), ("ss_new_sd_model_hash", True)):
            text = header.get(key)
            if text and text == _hash(model.file.path, full=full):
                return text
    return None


def _hash(path: Path, *, full: bool) -> str:
    """Return a file's SHA-256, or the short hash of a part of it that kohya's scripts also store."""
    with path.open("rb") as content:
        if full:
            return hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0x100000)
        return hashlib.sha256(content.read(0x10000)).hexdigest()[:8]
