"""Other libraries' readers, which run no code from files, ask nothing, print nothing, and build no more than is stored.

An exception of such a reader becomes a FileFormatError of one sentence.
"""

import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from torch import nn
from torch.nn.modules import module as registry

from ioadapt_theory.checkpoints.files.folder import LARGEST_CONFIG, open_path
from ioadapt_theory.checkpoints.files.plain import parse_json, read_whole
from ioadapt_theory.errors import FileFormatError, IoAdaptError, UnsupportedError

LOOPS: Final = re.compile(r"(?:^|_)n(?:um)?_\w*(?:layers?|blocks)|\w*layers(?:_per_block)?|depths?")
"""Settings that are numbers of layers, each of which has at least one tensor."""
LABELS: Final = re.compile(r"\w*(?:labels|classes)")
"""Settings that are numbers of labels, each of which has a name in the configuration."""
MOST_LABELS: Final = 1_000_000
SPARE_TENSORS, SPARE_VALUES = 100, 40_000_000
"""Numbers of tensors and of values that a model may have in addition to those in its files, such as masks."""
LONGEST_REASON: Final = 300
"""Maximum number of characters of another library's message."""


def load_pretrained(kind: Any, folder: Path) -> nn.Module:
    """Load a model of a class of transformers or diffusers; its weights must be complete and fit its configuration."""
    library = kind.__module__.partition(".")[0]
    count, values = _stored(folder)
    _require_fitting(folder / "config.json", count)
    options = {"trust_remote_code": False} if library == "transformers" else {}
    model: nn.Module
    with guest(f"{folder} cannot be loaded as {kind.__name__}", library), _bounded(folder, 4 * count, 2 * values):
        try:
            model, told = kind.from_pretrained(str(folder), local_files_only=True, output_loading_info=True, **options)
        except Exception as error:
            if "ignore_mismatched_sizes" not in str(error):
                raise
            msg = f"the weights do not have the sizes in {folder / 'config.json'}"
            raise ValueError(msg) from error
    if missing := sorted(told["missing_keys"]):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        msg = f"{folder} lacks weights of its {kind.__name__} ({missing[0]}{more}); save the whole model."
        raise FileFormatError(msg)
    if unread := sorted(told["unexpected_keys"]):
        some = f"{unread[0]}{', ...' if len(unread) > 1 else ''}"
        msg = f"{folder / 'config.json'} describes a model without {len(unread)} of {count} stored tensors ({some})."
        if len(unread) > count / 2:
            raise FileFormatError(msg)
        warnings.warn(msg, stacklevel=2)
    return model


@contextmanager
def guest(what: str, library: str) -> Iterator[None]:
    """Run a reader of transformers or diffusers; its exceptions become a FileFormatError, "WHAT: REASON."."""
    try:
        with _silent(library):
            yield
    except (IoAdaptError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a tokenizer written in Rust may panic, which is no Exception
        reason = re.split(r"[.?!] ", " ".join(str(error).split()))[0].rstrip(".")
        msg = f"{what}: {reason[:LONGEST_REASON] or type(error).__name__}."
        raise FileFormatError(msg) from error


@contextmanager
def _silent(library: str) -> Iterator[None]:
    """Close the standard streams, and turn off a library's warnings, reports and progress bars."""
    logging = import_module(f"{library}.utils.logging")
    with ExitStack() as before, open(os.devnull, "r+", encoding="utf-8") as nothing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before.callback(setattr, sys, "stdin", sys.stdin)
        before.callback(logging.set_verbosity, logging.get_verbosity())
        if logging.is_progress_bar_enabled():
            before.callback(logging.enable_progress_bar)
        sys.stdin = nothing
        for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):  # libraries in Rust write to the descriptors
            with suppress(OSError, AttributeError):  # it is closed already
                stream.flush()
                before.callback(os.close, kept := os.dup(descriptor))
                before.callback(os.dup2, kept, descriptor)
                os.dup2(nothing.fileno(), descriptor)
        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()
        yield


def _stored(folder: Path) -> tuple[int, int]:
    """Return the numbers of tensors and of values in a model's files, of which only the headers are read."""
    try:
        with open_path(folder, variant=None, ema=None) as opened:
            return len(opened.tensors), sum(info.numel for info in opened.tensors.values())
    except UnsupportedError:  # quantised: several values in a byte
        files = [p.stat().st_size for p in folder.iterdir() if p.is_file()]
        return 10_000, 4 * sum(files)


def _require_fitting(config: Path, count: int) -> None:
    """Raise FileFormatError if a configuration has more layers than the file has tensors, or names code to run."""
    try:
        content = parse_json(read_whole(config, LARGEST_CONFIG))
    except ValueError as error:
        msg = f"{config} is not valid JSON ({error}); download it again."
        raise FileFormatError(msg) from None
    for key, value in _entries(content):
        most = count + SPARE_TENSORS if LOOPS.fullmatch(key) else MOST_LABELS if LABELS.fullmatch(key) else None
        if most is not None and isinstance(value, int | float) and value > most:
            msg = f"{config}: {key} must be at most {most:,} for weights of {count:,} tensors, not {value:,}."
            raise FileFormatError(msg)
        if key.endswith("attn_implementation") and isinstance(value, str) and "/" in value:
            msg = f"{config}: {key} names a kernel to download ({value!r:.80}), which is not run; remove it."
            raise FileFormatError(msg)


def _entries(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all values in JSON that are not containers, each with the innermost key above it."""
    if isinstance(content, dict):
        for inner, value in content.items():
            yield from _entries(value, inner)
    elif isinstance(content, list):
        for value in content:
            yield from _entries(value, key)
    else:
        yield key, content


@contextmanager
def _bounded(folder: Path, count: int, values: int) -> Iterator[None]:
    """Raise FileFormatError in the block as soon as this thread has built more than so many tensors or values."""
    sizes: dict[tuple[int, str], int] = {}
    thread, total = threading.get_ident(), 0

    def register(owner: nn.Module, name: str, tensor: Any) -> None:
        nonlocal total
        if tensor is None or threading.get_ident() != thread:
            return
        former, size = sizes.get((id(owner), name), 0), tensor.numel()
        sizes[id(owner), name] = size
        total += size - former
        if len(sizes) > count + SPARE_TENSORS or total > values + SPARE_VALUES:
            msg = f"{folder / 'config.json'} describes a larger model than its weights; download both again."
            raise FileFormatError(msg)

    hooks = registry.register_module_parameter_registration_hook, registry.register_module_buffer_registration_hook
    with ExitStack() as added:
        for hook in hooks:
            added.callback(hook(register).remove)
        yield
