"""`ioadapt resize`: reduce the rank of an adapter so that its effect on its model changes least."""

import argparse

from ioadapt_theory.cli.files import Files
from ioadapt_theory.cli.options import Moved, Progress, Work, add_inputs, carry_out, written
from ioadapt_theory.errors import InvalidValueError

EXAMPLES = """The low rank keeps the effect of the adapter on MODEL for the given inputs, ‖C^½ D K^½‖, where D is the
change of a layer's weight, C the Gram matrix of what the layer reads, and K that of the gradients of what it writes. A
few gradient steps without labels follow. The result is compared with a plain SVD of the same rank (column 'if copied')
on inputs that were not used before. For MODEL, inputs and FILE, see `ioadapt transfer --help`.

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
    if (args.rank is None) == (args.share is None):
        msg = "Give --rank R or --share F, and not both."
        raise InvalidValueError(msg)
    return carry_out(args, _resized, f"{args.adapter} on {args.base}")


def _resized(args: argparse.Namespace, progress: Progress) -> Work:
    from ioadapt_theory.cli import moves
    from ioadapt_theory.formats import open_adapter
    from ioadapt_theory.formats.load import load
    from ioadapt_theory.models.sources import open_source
    from ioadapt_theory.moving import resize

    progress("opening", 0, 1)
    file = open_adapter(args.adapter)
    entries = moves.entries(args, file, args.base)
    base, result = open_source(args.base, args.config), list[Moved]()
    file.check()
    moves.find_inputs(args, file)
    for component, part in moves.pairs_of(args, file, base, base):
        progress(f"loading {base.given}", 0, 1)
        model = moves.loaded(args, base, part)
        matched = moves.matched(file, model, component, "MODEL")
        inputs = moves.read_inputs(args, base, base, part)
        load(model, args.adapter, strict=False, component=matched.component or None)
        options = moves.options_of(args, inputs, progress) | {"rank": args.rank, "share": args.share}
        result.append(Moved(matched.component, part, matched, resize(model, inputs.source, **options)))
    more = moves.write(args, file, result, base, entries, progress, base)
    return result, moves.rest(args, file, result, more, "the model does not have this part")
