"""``python -m figures [NAME...]`` redraws the named figures, or all of them, as SVG and PNG."""

import sys
from importlib import import_module
from types import ModuleType

from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.errors import UnknownNameError
from toys.common.command_line import folder, whole
from toys.common.style import styled, write

FIGURES: tuple[str, ...] = (
    "fig_2",
    "fig_3",
    "fig_8",
    "crescent_cases",
    "tightness",
    "prop_2_condition",
    "shared_function",
    "speed",
    "carry",
)
"""Names of the figures, which are also those of their modules and files."""


def load(name: str) -> ModuleType:
    if name not in FIGURES:
        raise UnknownNameError("figure", name, FIGURES)
    return import_module(f"figures.{name}")


def describe(name: str) -> str:
    module = load(name)
    return f"{name:<18} {module.PAPER or 'ours':<8} {(module.__doc__ or '').splitlines()[0]}"


def main(argv: list[str] | None = None) -> int:
    return guarded("figures", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    parser = Parser(prog="python -m figures", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"figures to draw (default: all): {', '.join(FIGURES)}"
    )
    parser.add_argument("--list", action="store_true", help="list the figures and stop")
    where, seed = "folder for figures (default: %(default)s)", "random seed (default: %(default)s)"
    parser.add_argument("--out", type=folder, default="out/figures", metavar="FOLDER", help=where)
    parser.add_argument("--quick", action="store_true", help="use smaller samples and searches")
    parser.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="N", help=seed)
    args = parser.parse_args(argv)
    names = args.names or list(FIGURES)
    modules = {name: load(name) for name in names}  # checks all names before drawing
    if args.list:
        sys.stdout.write("".join(f"{describe(name)}\n" for name in modules))
        return OK
    for name, module in modules.items():
        data = module.compute(seed=args.seed, quick=args.quick)
        with styled():
            figure = module.draw(data)
            if args.quick:
                figure.text(1, 0, "preview drawn with --quick ", ha="right", va="bottom", size=6)
            for path in write(figure, args.out, name):
                sys.stdout.write(f"{path}\n")
                sys.stdout.flush()
    return OK


if __name__ == "__main__":
    sys.exit(main())
