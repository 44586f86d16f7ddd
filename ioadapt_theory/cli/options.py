"""What commands share before torch is imported: options, the progress bar, and the run of those that move adapters."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ioadapt_theory.cli import FINDING, OK
from ioadapt_theory.cli.files import check_counts
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home, together, write_text
from ioadapt_theory.results import as_json

if TYPE_CHECKING:
    import torch

    from ioadapt_theory.formats.match import Match
    from ioadapt_theory.moving.carrying import CarryReport

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the number of its steps that are done, and their total."""

EVERY = 5.0
"""Seconds between two lines about the progress of one stage, if stderr is not a terminal."""
WRITTEN = ("ioadapt.safetensors", "adapter_model.safetensors", "adapter_config.json")
"""Files that a command may write into the folder of an adapter."""
PROMPTS = (
    "Prompts should contain the adapter's trigger word; the captions of its training images are best, 256 or more."
)
NO_INPUTS = f"Give unlabelled inputs: --prompts FILE for diffusion models, --inputs BATCH for others. {PROMPTS}"


@dataclass(slots=True)
class Moved:
    """One moved part of the adapter: its component in the file, its name in the models, and what came of it."""

    component: str
    part: str
    matched: "Match | None"
    outcome: "CarryReport"


Work = tuple[list[Moved], list[str]]
"""What a command moved, and lines about the rest."""


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add the options for the adapter that a command writes."""
    add = parser.add_argument
    add("--out", type=at_home, metavar="FILE", help="file or folder to write (required)")
    add("instead", nargs="*", default=[], metavar="", help=argparse.SUPPRESS)
    add("--force", action="store_true", help="replace an adapter that another command wrote, and trust SOURCE")
    dtypes = ("float32", "float16", "bfloat16")
    add("--dtype", choices=dtypes, help="dtype of the written tensors (default: as in the adapter's file)")


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that run models."""
    add = parser.add_argument
    config = "for a single file: folder or hub id of this kind of pipeline, with its configurations and tokenizers"
    add("--config", metavar="MODEL", help=config)
    add("--component", metavar="NAME", help="use only this part of ADAPTER: unet, text_encoder, ...")
    add("--batch", type=int, default=64, metavar="N", help="most rows in one forward pass (default 64)")
    add("--rows", type=int, default=512, metavar="N", help="use at most N rows of the inputs (default 512)")
    length = "tokens in a row of a text, best as in the adapter's task (default: at most 128)"
    add("--length", type=int, metavar="N", help=length)
    need = "what to preserve: predicted labels (default for logits), the change of the outputs, or the source's outputs"
    add("--need", choices=("labels", "change", "outputs"), help=need)
    devices = ("auto", "cpu", "cuda", "mps")
    add("--device", choices=devices, default="auto", help="where the models run (default: a GPU if there is one)")
    add("--quiet", action="store_true", help="show no progress")


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the options for inputs, models, the output and the text about it."""
    add = parser.add_argument
    add("--prompts", type=at_home, metavar="FILE", help="text file with one prompt per line, for diffusion models")
    add("--inputs", type=at_home, metavar="BATCH", help="unlabelled inputs")
    steps = "gradient steps of the best start (default: 20 to 100; two tokenizers: 60 or more)"
    add("--steps", type=int, metavar="N", help=steps)
    add_output(parser)
    add("--seed", type=int, default=0, metavar="N", help="random seed (default 0)")
    add_models(parser)
    add("--all", action="store_true", help="list all layers, not only those that keep least")
    add("--html", type=at_home, metavar="PAGE", help="also write a self-contained HTML page")
    add("--format", choices=("text", "json"), default="text", help="output format (default text)")


def written(args: argparse.Namespace) -> tuple[Path, ...]:
    """Return the paths at which a command may write; raise InvalidValueError if --out is missing or cannot be one."""
    if args.instead:
        given = f"--out {args.instead[0]}" if args.out is None else "one output, as --out FILE"
        msg = f"{args.instead[0]!r} is one argument too many; give {given}."
        raise InvalidValueError(msg)
    if args.out is None:
        msg = "--out is missing; give the file or folder to write, as --out FILE."
        raise InvalidValueError(msg)
    require_folder(args.out)
    return (args.out, *(args.out / name for name in WRITTEN))


def require_folder(out: Path) -> None:
    """Raise InvalidValueError unless there is a folder for --out that can be written."""
    folder = out if out.is_dir() else out.absolute().parent
    if not folder.is_dir():
        msg = f"--out {out} is in a folder that does not exist; create it first."
        raise InvalidValueError(msg)
    if not os.access(folder, os.W_OK):
        msg = f"--out {out} cannot be written, since {folder} is read-only; choose another path."
        raise InvalidValueError(msg)


def dtype_of(args: argparse.Namespace) -> "torch.dtype | None":
    import torch

    dtype: torch.dtype | None = getattr(torch, args.dtype) if args.dtype else None
    return dtype


def device_of(name: str) -> "torch.device":
    """Return the device of this name; raise InvalidValueError if it is not available."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    if not there[name]:
        msg = f"--device {name} is not available on this machine; use --device cpu."
        raise InvalidValueError(msg)
    return torch.device(name)


@contextmanager
def shown(*, quiet: bool) -> Iterator[Progress]:
    """Show a progress bar if stderr is a terminal, else lines; silence those of other libraries."""
    from tqdm import tqdm

    lines = not quiet and not sys.stderr.isatty()
    with tqdm(disable=quiet or lines, leave=False, desc="starting", total=1) as bar:
        now, last = ("starting", 1), time.monotonic()

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal now, last
            changed = now != (stage, total)
            if changed:
                now = stage, total
                bar.reset(total)
                bar.set_description(stage, refresh=False)
            if lines and time.monotonic() > last + EVERY:  # a command that fails at once prints only why
                last = time.monotonic()
                sys.stderr.write(f"{stage} ({done} of {total})\n" if total > 1 else f"{stage}\n")
                sys.stderr.flush()
            bar.update(done - bar.n)
            bar.refresh()

        yield progress


def told_written(path: Path, layers: int) -> str:
    """Return the sentence about what was written: the file, its number of layers, and its size."""
    size = sum(p.stat().st_size for p in ([path] if path.is_file() else [path / n for n in WRITTEN]) if p.is_file())
    amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size} bytes"
    return f"wrote {path} ({layers} layer{'s' * (layers != 1)}, {amount})\n"


def carry_out(args: argparse.Namespace, work: Callable[[argparse.Namespace, Progress], Work], title: str) -> int:
    """Run ``work`` behind a progress bar, write its files together, and print the outcomes; return the exit status."""
    with shown(quiet=args.quiet) as progress:
        progress("starting", 0, 1)
        from ioadapt_theory.moving.carrying import tables as told
        from ioadapt_theory.moving.carrying.trial import Options

        check_counts(rows=(args.rows, 3))
        limits = {n: getattr(args, n, None) for n in ("batch", "steps", "rank", "share", "seconds", "memory", "seed")}
        Options(**{n: limit for n, limit in limits.items() if limit is not None})
        with together():
            result, lines = work(args, progress)
            outcomes = {one.part or one.component: one.outcome for one in result}
            if args.html is not None:
                write_text(args.html, told.to_html(outcomes, title))
    for line in lines:
        sys.stderr.write(f"{line}\n")
    count = sum(len(one.outcome.matched) for one in result)
    end = told_written(args.out, count) if count else ""
    if args.format == "json":
        sys.stdout.write(as_json(told.to_json(outcomes)))
        sys.stderr.write(end)
    else:
        sys.stdout.write(told.to_text(outcomes, None if args.all else told.SHOWN) + end)
    return OK if count else FINDING
