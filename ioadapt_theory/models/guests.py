"""Other libraries' readers, which run no code from files, ask nothing, print nothing, and build no more than is stored.

An exception of such a reader becomes a FileFormatError of one sentence.
"""

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from torch import nn

from ioadapt_theory.checkpoints.files.config import fitting, read_config
from ioadapt_theory.checkpoints.files.folder import open_path
from ioadapt_theory.errors import FileFormatError, InvalidValueError, IoAdaptError, MissingExtraError, UnsupportedError

LONGEST_REASON: Final = 300
"""Maximum number of characters of another library's message."""


def load_pretrained(kind: Any, folder: Path) -> nn.Module:
    """Load a model of a class of transformers or diffusers; its weights must be complete and fit its configuration."""
    library = kind.__module__.partition(".")[0]
    count, values = _stored(folder)
    options = {"trust_remote_code": False} if library == "transformers" else {}
    model: nn.Module
    config = folder / "config.json"
    fits = fitting(config, read_config(config), count, values)
    with guest(f"{folder} cannot be loaded as {kind.__name__}", library), fits:
        try:
            model, told = kind.from_pretrained(str(folder), local_files_only=True, output_loading_info=True, **options)
        except Exception as error:
            if "ignore_mismatched_sizes" not in str(error):
                raise
            msg = f"the weights do not have the sizes in {config}"
            raise ValueError(msg) from error
    if missing := sorted(told["missing_keys"]):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        msg = f"{folder} lacks weights of its {kind.__name__} ({missing[0]}{more}); save the whole model."
        raise FileFormatError(msg)
    if unread := sorted(told["unexpected_keys"]):
        some = f"{unread[0]}{', ...' if len(unread) > 1 else ''}"
        msg = f"{config} describes a model without {len(unread)} of {count} stored tensors ({some})."
        if len(unread) > count / 2:
            raise FileFormatError(msg)
        warnings.warn(msg, stacklevel=2)
    return model


def model_class(config: Path) -> Any:
    """Return the class that a configuration names; an Auto class, which would run code from a folder, is refused."""
    entries = read_config(config)
    library = "diffusers" if "_class_name" in entries else "transformers"
    named = entries.get("_class_name", entries.get("architectures"))
    named = named[0] if isinstance(named, list) and named else named
    try:
        kind = getattr(import_module(library), str(named), None)
    except ImportError as error:
        msg = f"{config} is of a model of {library}, which cannot be imported ({error}); run pip install {library}."
        raise InvalidValueError(msg) from error
    if not (isinstance(kind, type) and issubclass(kind, nn.Module) and hasattr(kind, "from_pretrained")):
        way = f"upgrade {library} (a model with its own code cannot be loaded)"
        msg = f"{config} names {named!r:.80}, which is not a model class of the installed {library}; {way}."
        raise FileFormatError(msg)
    return kind


def load_tokenizer(folder: Path | str, way: str) -> Any:
    """Load a tokenizer of transformers; the FileFormatError for an unusable one tells ``way``, the way out."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("transformers", "examples") from error
    with guest(f"{folder} has no usable tokenizer, so {way}", "transformers"):
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        if len(tokenizer) <= len(tokenizer.all_special_ids):  # as transformers 5.0 makes for a folder without one
            msg = "it has only special tokens"
            raise ValueError(msg)
    return tokenizer


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
        with open_path(folder, variant=None) as opened:
            return len(opened.tensors), sum(info.numel for info in opened.tensors.values())
    except UnsupportedError:  # quantised: several values in a byte
        files = [p.stat().st_size for p in folder.iterdir() if p.is_file()]
        return 10_000, 4 * sum(files)
