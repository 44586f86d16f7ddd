"""`ioadapt similarity`: compare the weights of two or more checkpoints, layer by layer."""

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from ioadapt_theory.cli import OK, say
from ioadapt_theory.cli.files import Files, open_model
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home

if TYPE_CHECKING:
    from ioadapt_theory.similarity import Comparison

EXAMPLES = """A model is NAME[@REVISION][:PART]. NAME is an alias (see --list), a path or a hub id. REVISION is a
branch, tag or commit on the hub. PART is a folder, file, component or ensemble member of the model.

The paper leaves details of Fig. 2 open. Our defaults: a layer is a tensor; all layers count in the mean, and weights,
norms and biases are listed separately (--only); the mean is uniform over layers; the lowest 20 % are ceil(0.2 n)
layers, chosen for each pair (--lowest); a layer counts for two models even if a third lacks it; layers are paired by
name and shape. In JSON, relative_distance is |a - b| / |a| and norm_ratio is |b| / |a|, where a is the model that is
named first. Layers that are zero, or contain NaN or infinity, have no cosine; they are left out and listed.

With --space input or output, tensors must be stored as in torch's linear layers and convolutions, outputs first; for
other layers (transposed convolutions, the Conv1D of GPT-2), input and output are swapped. Whole matrices are
multiplied, which takes minutes of CPU time instead of seconds, and each thread keeps a layer of all models in float64.

examples:
  ioadapt similarity sd15 lcm
  ioadapt similarity sd15 bk-sdm-base bk-sdm-tiny --by kind block
  ioadapt similarity sd15 lcm --figure maps.svg
  ioadapt similarity ani-1x:0 ani-1ccx:0 ani-1x:1 --space input
  ioadapt similarity a.safetensors b/unet owner/name@main:unet --format json --out out.json --html out.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="models to compare, two or more")
    add("--list", action="store_true", help="list the aliases and exit")
    what = parser.add_argument_group("what to compare")
    add = what.add_argument
    space = "compare weights (default), or the Gram matrices of the side on which an input or output adapter acts"
    add("--space", choices=("weight", "input", "output"), default="weight", help=space)
    lowest = "fraction of layers in the mean of the lowest cosines (default 0.2)"
    add("--lowest", type=float, default=0.2, metavar="F", help=lowest)
    kinds = ("weight", "norm", "bias")
    add("--only", choices=kinds, nargs="+", default=kinds, help="compare only these kinds of tensors (default: all)")
    add("--threads", type=int, metavar="N", help="number of threads (default: one per processor, up to 4)")
    out = parser.add_argument_group("what to show")
    add = out.add_argument
    add("--by", choices=("kind", "block"), nargs="+", default=[], help="also list means by kind or block of layers")
    add("--format", choices=("text", "json"), default="text", help="output format (default text)")
    add("--out", type=at_home, metavar="FILE", help="write the table or JSON to this file instead of the terminal")
    add("--figure", type=at_home, metavar="FILE", help="also draw heat maps and a profile, as .svg, .png or .pdf")
    add("--html", type=at_home, metavar="FILE", help="also write a self-contained HTML page")
    add("--quiet", action="store_true", help="print no notes and no progress bars")
    source = parser.add_argument_group("where to find the weights")
    add = source.add_argument
    add("--variant", metavar="V", help="variant of the files on the hub, such as fp16")
    add("--offline", action="store_true", help="use only files in the hub's cache")
    add("--cache", type=at_home, metavar="DIR", help="folder of the hub's cache")


def files(args: argparse.Namespace) -> Files:
    writes = {"--out": args.out, "--figure": args.figure, "--html": args.html}
    return Files((*args.models,), writes)


def run(args: argparse.Namespace) -> int:
    if args.list:
        return _list()
    if len(args.models) < 2:
        msg = f"A comparison needs at least two models, not {len(args.models)}."
        raise InvalidValueError(msg)
    if args.figure is not None or args.html is not None:
        from ioadapt_theory.similarity.report import plots

        plots.check(args.figure)
    from tqdm import tqdm

    from ioadapt_theory.similarity import compare

    options = {name: getattr(args, name) for name in ("space", "lowest", "only", "threads")}
    with ExitStack() as stack:
        hint = "use `ioadapt report ADAPTER SOURCE TARGET`"
        where = {"variant": args.variant, "offline": args.offline, "cache": args.cache}
        where["progress"] = not args.quiet
        models = [stack.enter_context(open_model(source, hint, **where)) for source in args.models]
        with tqdm(disable=args.quiet or None, unit="", unit_scale=True, leave=False) as bar:

            def progress(total: int) -> Callable[[int], object]:
                bar.reset(total)
                return bar.update

            comparison = compare(*models, **options, progress=progress)
        _write(comparison, args)
    return OK


def _list() -> int:
    from ioadapt_theory.checkpoints.aliases import load_aliases

    for name, alias in load_aliases().items():
        where = alias.repo or f"package {alias.package} {alias.version or ''}".rstrip()
        sys.stdout.write(f"{name:<24}{where}{f'  ({alias.note})' if alias.note else ''}\n")
    return OK


def _write(comparison: "Comparison", args: argparse.Namespace) -> None:
    from ioadapt_theory.outputs import replacing, together, write_text
    from ioadapt_theory.results import as_json
    from ioadapt_theory.similarity.report import output, plots

    if not args.quiet:
        for line in output.remarks(comparison):
            say(line)
    if args.format == "json":
        text = as_json(comparison.to_json(args.by))
    else:
        text = output.to_table(comparison, args.by, min(110, get_terminal_size((80, 24)).columns))
    with together():
        if args.out is not None:
            write_text(args.out, text)
        if args.figure is not None:
            with replacing(args.figure) as temporary:
                plots.save(comparison, temporary)
        if args.html is not None:
            write_text(args.html, comparison.to_html())
    if args.out is None:
        sys.stdout.write(text)
