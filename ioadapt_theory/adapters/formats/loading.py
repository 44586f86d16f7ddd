"""Adapter files of any format put on a model, everything checked first."""

from collections.abc import Collection
from pathlib import Path

from torch import nn

from ioadapt_theory.adapters.formats import own
from ioadapt_theory.adapters.formats.layouts import refit
from ioadapt_theory.adapters.formats.names import Name, resolve
from ioadapt_theory.adapters.formats.plugin import PluginEntry
from ioadapt_theory.adapters.formats.reading import PEFT_CONFIG, Entry, read
from ioadapt_theory.adapters.formats.tensors import read_json
from ioadapt_theory.adapters.layers import Adapter
from ioadapt_theory.adapters.model import function_of
from ioadapt_theory.adapters.select import walk
from ioadapt_theory.adapters.transfer import TransferError, TransferReport, put
from ioadapt_theory.errors import FileFormatError, UnsupportedError


def load(
    model: nn.Module,
    path: Path | str,
    name: str = "default",
    *,
    strict: bool = True,
    component: str | None = None,
) -> TransferReport:
    """Put a saved adapter on a model: our folder, PEFT's, or a diffusers, kohya or LyCORIS file.

    Args:
        model: changed in place, once everything is known to fit.
        path: the folder or file.
        name: of the adapter on the model.
        strict: raise unless every layer and every key is used; otherwise take the layers that fit.
        component: of a file for a pipeline, the one that the model is ("unet", "text_encoder", "text_encoder_2",
            "transformer"); by default the one whose layers the model has.

    Raises:
        FileFormatError: the file is not what it has to be; file, key, expected and found are named.
        TransferError: a layer of the model does not fit, or the file has keys that are not read.
    """
    if is_own(path):
        return own.load(model, path, name, strict=strict)
    file = read(path)
    named = dict(walk(model))
    found = resolve([entry.name for entry in file.entries], named)
    component = choose_component(file.path, [entry.name for entry in file.entries], found, component)
    if strict and file.unread:
        some = "; ".join(f"{key} ({why})" for key, why in list(file.unread.items())[:3])
        msg = f"{file.path}: {len(file.unread)} keys are not read: {some}. Pass strict=False to load without them."
        raise FileFormatError(msg)
    adapters: dict[str, Adapter] = {}
    lost: dict[str, str] = {}
    for entry in file.entries:
        if entry.name.component != component:
            continue
        layer = found.get(entry.name)
        if layer is None:
            lost[str(entry.name)] = "the model has no such layer"
        elif why := _unfit(entry, named[layer]):
            lost[layer] = why
        else:
            adapters[layer] = fitted(entry, named[layer])
    if lost and (strict or not adapters):
        raise TransferError(TransferReport(tuple(adapters), lost))
    report = put(model, adapters, name, strict=strict)
    return TransferReport(report.matched, {**report.unmatched, **lost})


def is_own(path: Path | str) -> bool:
    """Whether a folder's config is ours, or too broken to tell: the sentence about that is the same for both."""
    config = Path(path) / PEFT_CONFIG
    try:
        content = read_json(config)
    except FileFormatError:
        return Path(path).is_dir() and config.exists()
    return not (isinstance(content, dict) and "peft_type" in content)


def choose_component(path: Path, names: list[Name], found: Collection[Name], component: str | None) -> str:
    """The component of a file's layers that a model is: as told, the only one, or the one of which most are found.

    A file that names no components is taken as it is.

    Raises:
        FileFormatError: the file has no such component, or none or several of them fit the model alike.
    """
    components = {name.component for name in names}
    if components == {""}:
        return ""
    if component is None:
        counts = {c: sum(name.component == c for name in found) for c in components}
        best = [c for c, n in counts.items() if n == max(counts.values())]
        if len(best) > 1:
            listed = ", ".join(sorted(components))
            msg = f"{path}: holds {listed}, and it is not clear which of them the model is; name the component."
            raise FileFormatError(msg)
        return best[0]
    if component not in components:
        msg = f"{path}: holds no component {component!r}, but {', '.join(sorted(components))}."
        raise FileFormatError(msg)
    return component


def fitted(entry: Entry | PluginEntry, module: nn.Module) -> Adapter:
    """The entry's adapter for this layer."""
    adapter = entry.adapter()
    f = function_of(module)
    refit(adapter, (f.rows, f.columns, f.channels))
    return adapter


def _unfit(entry: Entry | PluginEntry, module: nn.Module) -> str | None:
    """Why the entry cannot act on the module, from shapes alone."""
    try:
        f = function_of(module)
    except UnsupportedError as error:
        return str(error)
    if entry.kind == "peanut" and f.bias is not None:
        return "it has a bias, which PEANUT leaves alone and an output adapter acts on"
    sketch = entry.sketch()
    refit(sketch, (f.rows, f.columns, f.channels))
    return sketch.misfit(f)
