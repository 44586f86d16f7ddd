"""Options that several commands share, and their progress bar."""

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home

if TYPE_CHECKING:
    import torch

    from ioadapt_theory.formats import AdapterFile
    from ioadapt_theory.models.sources import Source

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the number of its steps that are done, and their total."""

EVERY = 5.0
"""Seconds between two lines about the progress of one stage, if stderr is not a terminal."""
WRITTEN = ("ioadapt.safetensors", "adapter_model.safetensors", "adapter_config.json")
"""Files that a command may write into the folder of an adapter."""
PROMPTS = (
    "Prompts should contain the adapter's trigger word; the captions of its training images are best, 256 or more."
)


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


def require_source(file: "AdapterFile", source: "Source", target: "Source") -> None:
    """Raise InvalidValueError if the adapter's file names TARGET as its base, by name or hash, and not SOURCE."""
    if source.given == target.given:
        return
    here, there = _is_base(file, source), _is_base(file, target)
    if there and not here:
        msg = f"{file.path} names {there} as its base, which is TARGET and not SOURCE; exchange them, or pass --force."
        raise InvalidValueError(msg)


def _is_base(file: "AdapterFile", model: "Source") -> str | None:
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
