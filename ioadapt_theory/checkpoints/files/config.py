"""A model's config.json, which is not trusted: a model that is built from it may be only as large as its weights."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.files.plain import parse_json, read_whole
from ioadapt_theory.errors import FileFormatError

LARGEST: Final = 1024 * 1024
"""Maximum size of a config.json in bytes."""
LOOPS: Final = re.compile(r"(?:^|_)n(?:um)?_\w*(?:layers?|blocks|experts)|\w*layers(?:_per_block)?|depths?")
"""Settings that are numbers of layers, each of which has at least one tensor."""
LABELS: Final = re.compile(r"\w*(?:labels|classes)")
"""Settings that are numbers of labels, each of which has a name in the configuration."""
MOST_LABELS: Final = 1_000_000
SPARE_TENSORS, SPARE_VALUES = 100, 40_000_000
"""Numbers of tensors and of values that a model may have in addition to those in its files, such as masks."""


def read_config(path: Path) -> dict[str, Any]:
    """Return the content of a model's configuration, which must be a JSON object."""
    content = parse_json(read_whole(path, LARGEST), str(path))
    if not isinstance(content, dict):
        msg = f"{path} is not a model's configuration: it must be a JSON object."
        raise FileFormatError(msg)
    return content


@contextmanager
def fitting(where: object, config: Mapping[str, Any], count: int, values: int) -> Iterator[None]:
    """Raise FileFormatError as soon as a model that this thread builds in the block is larger than its weights.

    These have ``count`` tensors and ``values`` values; messages name the configuration as ``where``.
    """
    from torch.nn.modules import module as registry

    _require_fitting(where, config, count)
    sizes: dict[tuple[int, str], int] = {}
    thread, total = threading.get_ident(), 0

    def register(owner: object, name: str, tensor: Any) -> None:
        nonlocal total
        if tensor is None or threading.get_ident() != thread:
            return
        former, size = sizes.get((id(owner), name), 0), tensor.numel()
        sizes[id(owner), name] = size
        total += size - former
        if len(sizes) > 4 * count + SPARE_TENSORS or total > 2 * values + SPARE_VALUES:
            msg = f"{where} describes a larger model than its weights; download both again."
            raise FileFormatError(msg)

    with ExitStack() as added:
        added.callback(registry.register_module_parameter_registration_hook(register).remove)
        added.callback(registry.register_module_buffer_registration_hook(register).remove)
        yield


def _require_fitting(where: object, config: Mapping[str, Any], count: int) -> None:
    """Raise FileFormatError if a configuration has more layers than the file has tensors, or names code to run."""
    for key, value in _entries(config):
        most = count + SPARE_TENSORS if LOOPS.fullmatch(key) else MOST_LABELS if LABELS.fullmatch(key) else None
        if most is not None and isinstance(value, int | float) and value > most:
            msg = f"{where}: {key} must be at most {most:,} for weights of {count:,} tensors, not {value:,}."
            raise FileFormatError(msg)
        if key.endswith("attn_implementation") and isinstance(value, str) and "/" in value:
            msg = f"{where}: {key} names a kernel to download ({value!r:.80}), which is not run; remove it."
            raise FileFormatError(msg)


def _entries(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all values in JSON that are not containers, each with the innermost key above it."""
    if isinstance(content, Mapping):
        for inner, value in content.items():
            yield from _entries(value, inner)
    elif isinstance(content, list):
        for value in content:
            yield from _entries(value, key)
    else:
        yield key, content
