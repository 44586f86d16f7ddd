"""Export of adapters, as input or output adapters (Eq. 5) or as a plain LoRA for one base, with notes on it."""

import collections
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import BaseLayer
from ioadapt_theory.adapters.model import naming
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX, flat
from ioadapt_theory.errors import FileFormatError, InvalidValueError, IoAdaptError, UnknownNameError, UnsupportedError
from ioadapt_theory.formats import own
from ioadapt_theory.formats.adapter_file import DIFFUSERS_CONFIG
from ioadapt_theory.formats.kinds import peft
from ioadapt_theory.formats.match import Match
from ioadapt_theory.formats.rewrite import Factors
from ioadapt_theory.formats.tensors import OURS, TARGET, TensorFile, write
from ioadapt_theory.moving.bake import truncate
from ioadapt_theory.moving.convert import Fidelity, convert

Layers = Iterable[tuple[str, Adapter, BaseLayer]]
"""Tuples of a layer's name in the base, its adapter and its weights in the base, which are read one at a time."""

FOLDERS = re.compile(r"unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior")
COMPONENTS = {
    "unet": re.compile(r"(?:down|up)_blocks\.\d"),
    "transformer": re.compile(r"(?:single_)?transformer_blocks\.\d"),
}
"""Component of a pipeline -> pattern that its layer names match; text encoders cannot be distinguished by names."""
STYLES = ("peft", "diffusers", "kohya")
STYLE_OF = {"PEFT": "peft", "diffusers": "diffusers", "kohya/LyCORIS": "kohya"}
"""Format of a file -> its style."""
KEPT = f"{OURS}kept"
"""Key of the predicted share of the gain, which may differ between two runs of the same command."""


def notes(command: str, adapter: object, target: object, source: object = None) -> dict[str, str]:
    """Return the entries for an adapter that a command writes."""
    entries = {f"{OURS}command": command, f"{OURS}adapter": adapter, f"{OURS}source": source, TARGET: target}
    return {key: str(value) for key, value in entries.items() if value is not None}


def require_replaceable(path: Path, entries: Mapping[str, str], *, force: bool) -> None:
    """Raise InvalidValueError if an adapter exists at ``path`` that was not written with these entries."""
    inside = (path / name for name in (own.FILE, *peft.WEIGHTS, peft.CONFIG))
    there = next((p for p in inside if p.exists()), None) if path.is_dir() else path if path.exists() else None
    if force or there is None:
        return
    try:
        found = TensorFile(there).metadata
    except IoAdaptError:
        found = {}
    if any(found.get(key) != value for key, value in entries.items()):
        msg = f"{there} exists and was not written by this command; pass --force to replace it, or another --out."
        raise InvalidValueError(msg)


def component_of(source: str, config: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the pipeline component of a checkpoint, from its folder, config or layers; "" if unknown."""
    for part in reversed(re.split(r"[/\\: ]", source)):
        if FOLDERS.fullmatch(part):
            return part
    kind = str(config.get("_class_name", ""))
    for component, pattern in COMPONENTS.items():
        if component in kind.lower() or any(pattern.match(name) for name in names):
            return component
    return ""


def convert_to(
    folder: Path, matched: Match, placement: str, *, partial: bool, ridge: float, notes: Mapping[str, str]
) -> dict[str, Fidelity | str]:
    """Write LoRAs as input or output adapters (Eq. 5); return each layer's fidelity, or why it was left out."""
    # with ``partial``, a layer that cannot be converted is left out
    converted: dict[str, Adapter] = {}
    outcome: dict[str, Fidelity | str] = {}
    for layer, adapter, base in matched.adapters():
        try:
            with naming(layer):
                converted[layer], outcome[layer] = convert(adapter, base.matrix, placement, base.bias, ridge=ridge)
        except UnsupportedError as error:
            if not partial:
                raise
            outcome[layer] = f"left out: {error.reason.removeprefix(f'{layer}: ')}"
    if not converted:
        layer, why = next(iter(outcome.items()))
        msg = f"{matched.file.path}: no layer can be converted ({layer}: {str(why).removeprefix('left out: ')})."
        raise UnsupportedError(msg)
    named = {own.BASE_NAME: matched.file.base} if matched.file.base else {}
    own.write(folder, converted, {**matched.file.kept(), **notes, **named})
    return outcome


def factors(layers: Layers, *, rank: int | None = None, share: float | None = None) -> dict[str, Factors]:
    """Return each layer's adapter as a plain LoRA on its base weight; for rank and share see ``truncate``."""
    baked = {}
    for name, adapter, base in layers:
        dtype = next(adapter.parameters()).dtype
        with naming(name):
            a, b, bias, lost = truncate(adapter, base.matrix, base.bias, rank=rank, share=share, dtype=dtype)
        r, d = b.shape
        down, up = a.mT.reshape(r, -1, *base.kernel), b.mT.reshape(d, r, *[1] * len(base.kernel))
        baked[name] = Factors(down, up, bias, lost)
    return baked


def write_lora(
    path: Path | str,
    parts: Mapping[str, Mapping[str, Factors]],
    style: str,
    *,
    base: str,
    metadata: Mapping[str, str] = MappingProxyType({}),
    task_type: str | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write plain LoRAs, by component and layer, in the ``style`` of peft, diffusers or kohya."""
    # An output adapter on a layer with a bias also changes the bias. This is stored as lora_B.bias, with lora_bias in
    # the config (PEFT then cannot merge layers without a bias), or for kohya as diff_b (which diffusers rejects).
    # Kohya's names of FLUX and SD3, lora_transformer_*, are read only by ComfyUI.
    if style not in STYLES:
        raise UnknownNameError("style", style, STYLES)
    tensors, told = dict[str, Tensor](), {TARGET: base, **metadata}
    for component, layers in parts.items():
        if style == "kohya":
            tensors |= _kohya_tensors(layers, component)
        else:
            tensors |= _tensors(layers, PEFT_PREFIX if style == "peft" else f"{component}." if component else "")
    tensors = {key: t if dtype is None or t.ndim == 0 else t.to(dtype) for key, t in tensors.items()}
    if style == "peft":
        if len(parts) > 1:
            msg = (
                f"a PEFT folder has one model's adapter, not those of {' and '.join(parts)}; choose one by --component."
            )
            raise InvalidValueError(msg)
        (layers,) = parts.values()
        peft.write_folder(Path(path), _config(layers, base) | {"task_type": task_type}, tensors, told)
        return
    if style == "diffusers":
        configs = {part: _config(layers, base) for part, layers in parts.items()}
        told[DIFFUSERS_CONFIG] = json.dumps(
            {f"{part}.{key}" if part else key: v for part, config in configs.items() for key, v in config.items()}
        )
    write(Path(path), tensors, told)


def _tensors(layers: Mapping[str, Factors], prefix: str) -> dict[str, Tensor]:
    """Return all tensors under PEFT's names; if one layer has a bias, the others get biases of 0, as PEFT requires."""
    biased, tensors = any(layer.bias is not None for layer in layers.values()), dict[str, Tensor]()
    for name, layer in layers.items():
        tensors |= {f"{prefix}{name}.lora_A.weight": layer.down, f"{prefix}{name}.lora_B.weight": layer.up}
        if biased:
            tensors[f"{prefix}{name}.lora_B.bias"] = torch.zeros(len(layer.up)) if layer.bias is None else layer.bias
    return tensors


def _kohya_tensors(layers: Mapping[str, Factors], component: str) -> dict[str, Tensor]:
    alpha = len(next(iter(layers.values())).down)  # one for all layers, since diffusers 0.42 ignores different alphas
    tensors: dict[str, Tensor] = {}
    for name, layer in layers.items():
        key, rank = flat(component, name), len(layer.down)
        if f"{key}.alpha" in tensors:
            msg = f"{name}: two layers have the key {key} in kohya's format; use `ioadapt adapters bake --style peft`."
            raise FileFormatError(msg)
        tensors[f"{key}.lora_down.weight"] = layer.down
        tensors[f"{key}.lora_up.weight"] = layer.up * (rank / alpha)  # cancels alpha / rank, which readers apply
        tensors[f"{key}.alpha"] = torch.tensor(float(alpha), dtype=torch.float32)
        if layer.bias is not None:
            tensors[f"{key}.diff_b"] = layer.bias
    return tensors


def _config(layers: Mapping[str, Factors], base: str) -> dict[str, Any]:
    ranks = {name: len(layer.down) for name, layer in layers.items()}
    usual = collections.Counter(ranks.values()).most_common(1)[0][0]
    # transformers 5 leaves out the first part of the names of a CLIPTextModel's layers
    others = {
        f"^{re.escape(name)}".replace(r"^text_model\.", r"^(text_model\.)?"): r
        for name, r in ranks.items()
        if r != usual
    }
    biased = any(layer.bias is not None for layer in layers.values())
    patterns = {"rank_pattern": others, "alpha_pattern": others}
    targets = [name.removeprefix("text_model.") for name in ranks]
    return peft.config_of("LORA", targets, base, r=usual, lora_alpha=usual, **patterns, lora_bias=biased)
