"""`ioadapt map`: make the map of two models, which moves any adapter from one to the other."""

import argparse
import sys
from typing import Any

from ioadapt_theory.cli import OK
from ioadapt_theory.cli.files import Files, check_counts
from ioadapt_theory.cli.options import add_models, device_of, require_folder, shown
from ioadapt_theory.errors import MOST_SEED, InvalidValueError, require_positive, require_whole
from ioadapt_theory.outputs import at_home, together

EXAMPLES = """SOURCE and TARGET are as for `ioadapt transfer`. Give unlabelled inputs of the models' own domain, 256
rows or more; the domain of the adapters is not needed. The map contains the weights' hashes, and is refused for other
models.

examples:
  ioadapt map ./llama-a ./llama-b --inputs texts.txt --out a_to_b.safetensors
  ioadapt transfer *.safetensors --map a_to_b.safetensors --out moved_folder
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("source", metavar="SOURCE", help="model that the adapters were trained on")
    add("target", metavar="TARGET", help="model to move the adapters to")
    add("--inputs", type=at_home, metavar="BATCH", help="unlabelled inputs of both models")
    add("--target-inputs", type=at_home, metavar="BATCH", help="the same samples as inputs of TARGET, row by row")
    add("--prompts", type=at_home, metavar="FILE", help="text file with one prompt per line, for diffusion models")
    add("--out", type=at_home, metavar="MAP", required=True, help="file to write (.safetensors)")
    which = "placements of the adapters to move (default: all); fewer need a smaller file"
    add("--placements", choices=("weight", "input", "output"), nargs="+", metavar="SIDE", help=which)
    add("--layers", nargs="+", metavar="END", help="only layers whose names end in one of these, such as q_proj v_proj")
    how = "match layers by name (default), provenance (their weights) or auto (either)"
    add("--match", choices=("name", "provenance", "auto", "depth"), default="name", help=how)
    memory = "memory for the fit; a larger fit takes several passes over the inputs (default 4)"
    add("--memory", type=float, default=4.0, metavar="GB", help=memory)
    add("--seed", type=int, default=0, metavar="N", help="random seed (default 0)")
    add_models(parser)


def files(args: argparse.Namespace) -> Files:
    reads = (args.source, args.target, args.inputs, args.target_inputs, args.prompts, args.config)
    require_folder(args.out)
    return Files(reads, adapter=(args.out,), what="a map of two models")


def run(args: argparse.Namespace) -> int:
    from ioadapt_theory.adapters.layer import walk
    from ioadapt_theory.cli import moves
    from ioadapt_theory.maps import map_models, map_size
    from ioadapt_theory.models.sources import open_source

    check_counts(batch=(args.batch, 1), rows=(args.rows, 3))
    require_whole("seed", args.seed, 0, MOST_SEED)
    require_positive("memory", args.memory, "number of gigabytes")
    if (args.inputs is None) == (args.prompts is None):
        msg = "Give unlabelled inputs: --prompts FILE for diffusion models, --inputs BATCH for others."
        raise InvalidValueError(msg)
    if args.out.suffix != ".safetensors":
        msg = f"--out {args.out} must end in .safetensors."
        raise InvalidValueError(msg)
    with shown(quiet=args.quiet) as progress, together():
        source, target = open_source(args.source, args.config), open_source(args.target, args.config)
        part, device = args.component or source.main, device_of(args.device)
        progress(f"loading {args.source}", 0, 2)
        one = source.load(part).to(device)
        progress(f"loading {args.target}", 1, 2)
        two = moves.loaded(args, target, part)
        options: dict[str, Any] = {"match": args.match}
        if args.placements:
            options["placements"] = args.placements
        if args.layers:
            ends = tuple(f".{end}" for end in args.layers)
            options["layers"] = [n for n, _ in walk(one) if n in args.layers or n.endswith(ends)]
        sys.stderr.write(f"The map has at most {map_size(one, two, **options) / 1e6:.0f} MB.\n")
        made = moves.read_inputs(args, source, target, part)
        progress("mapping", 0, 1)
        options |= {
            "target_inputs": made.target,
            "call": made.call,
            "need": args.need or made.need,
            "batch": args.batch,
            "memory": args.memory,
            "seed": args.seed,
        }
        model_map = map_models(one, two, made.source, names=(args.source, args.target), **options)
        model_map.save(args.out)
    sys.stdout.write(f"{model_map}\n")
    return OK
