"""`ioadapt resize`: reduce the rank of an adapter so that its effect on its model changes least."""

import argparse

from ioadapt_theory.cli.files import Files, check_counts
from ioadapt_theory.cli.moves import (
    Moved,
    add_inputs,
    made_prompts,
    outcomes_of,
    pairs_of,
    read_inputs,
    rest,
    show,
    write,
)
from ioadapt_theory.cli.options import Progress, device_of, moved, shown, written
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import together, write_text

EXAMPLES = """The low rank keeps the effect of the adapter on MODEL for the given inputs, ‖C^½ D K^½‖, where D is the
change of a layer's weight, C the Gram matrix of what the layer reads, and K that of the gradients of what it writes. It
is compared with a plain SVD of the same rank (column 'if copied') on inputs that were not used to choose it. For MODEL,
inputs and FILE, see `ioadapt transfer --help`.

examples:
  ioadapt resize lora_folder ./llama --rank 8 --inputs texts.txt --out lora_rank_8
  ioadapt resize style.safetensors model.safetensors --share 0.98 --prompts prompts.txt --out small.safetensors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("adapter", metavar="ADAPTER", help="file or folder of the adapter")
    add("base", metavar="MODEL", help="model that the adapter was trained on")
    add("--rank", type=int, metavar="R", help="largest rank of a layer")
    add("--share", type=float, metavar="F", help="instead of a rank, share of each layer's squared effect to keep")
    add_inputs(parser)


def files(args: argparse.Namespace) -> Files:
    reads = (args.adapter, args.base, args.inputs, args.prompts, args.config)
    return Files(reads, {"--html": args.html}, adapter=written(args))


def run(args: argparse.Namespace) -> int:
    with shown(quiet=args.quiet) as progress:
        progress("starting", 0, 1)
        from ioadapt_theory.reporting import carried as told

        check_counts(batch=(args.batch, 1), rows=(args.rows, 3))
        if (args.rank is None) == (args.share is None):
            msg = "Give --rank R or --share F, and not both."
            raise InvalidValueError(msg)
        with together():
            result, lines = _resized(args, progress)
            if args.html is not None:
                write_text(args.html, told.to_html(outcomes_of(result), f"{args.adapter} on {args.base}"))
    return show(args, result, lines)


def _resized(args: argparse.Namespace, progress: Progress) -> tuple[list[Moved], list[str]]:
    from ioadapt_theory.adapters.base_weights import ModelWeights
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.formats.match import match, told
    from ioadapt_theory.formats.provenance import KEPT, notes, require_replaceable
    from ioadapt_theory.models.sources import open_source
    from ioadapt_theory.moving import resize

    progress("opening", 0, 1)
    file, device, result = open_adapter(args.adapter), device_of(args.device), list[Moved]()
    entries = notes("resize", args.adapter, args.base)
    require_replaceable(args.out, entries, force=args.force)
    base = open_source(args.base, args.config)
    if args.prompts is None and args.inputs is None:
        args.prompts = made_prompts(args, file)
    for component, part in pairs_of(args, file, base, base):
        progress(f"loading {base.given}", 0, 1)
        model = base.load(part).to(device)
        matched = match(file, ModelWeights(model), component or None, called="model")
        inputs = read_inputs(args, base, base, part)
        load(model, args.adapter, strict=False, component=component or None)
        need = args.need or ("change" if part.startswith("text_encoder") else None)
        options = {"call": inputs.call, "need": need, "size": args.batch, "seed": args.seed, "progress": progress}
        outcome = resize(model, moved(inputs.source, device), rank=args.rank, share=args.share, **options)
        result.append(Moved(component, part, matched, outcome))
    progress("writing", 0, 1)
    entries[KEPT] = " ".join(f"{one.part}:{one.outcome.kept:z.2f}".lstrip(":") for one in result)
    write(args, file, result, base, entries)
    others = file.left_out(*(one.component for one in result))
    return result, rest(file, result) + ([f"{told(others)}: the model does not have this part."] if others else [])
