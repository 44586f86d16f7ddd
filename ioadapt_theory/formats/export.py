"""Export of adapters: as input or output adapters (Eq. 5), as a plain LoRA for one base, as PEANUT or as GLoRA."""

import collections
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import BaseLayer
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.model import naming
from ioadapt_theory.adapters.rules.fingerprint import HEADER, fingerprint, pack
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX, flat
from ioadapt_theory.errors import FileFormatError, UnknownNameError, UnsupportedError
from ioadapt_theory.formats import own
from ioadapt_theory.formats.kinds.peft import config_of, write_folder
from ioadapt_theory.formats.kinds.scaling import DIFFUSERS_CONFIG
from ioadapt_theory.formats.match import Match
from ioadapt_theory.formats.tensors import BAKED_FOR, write
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


class Baked(NamedTuple):
    """A layer of a plain LoRA in torch's layout; ``up`` includes the scaling; for ``lost``, see ``truncate``."""

    down: Tensor
    up: Tensor
    bias: Tensor | None
    lost: float


def convert_to(
    folder: Path | str, matched: Match, placement: Placement | str, *, partial: bool = False, ridge: float = 0.0
) -> dict[str, Fidelity | str]:
    """Write LoRAs as input or output adapters (Eq. 5); return each layer's fidelity, or why it was left out."""
    # with ``partial``, a layer that cannot be converted is left out
    converted: dict[str, Adapter] = {}
    outcome: dict[str, Fidelity | str] = {}
    prints = {}
    for layer, adapter, base in matched.adapters():
        try:
            with naming(layer):
                converted[layer], outcome[layer] = convert(adapter, base.matrix, placement, base.bias, ridge=ridge)
        except UnsupportedError as error:
            if not partial:
                raise
            outcome[layer] = f"left out: {error.reason.removeprefix(f'{layer}: ')}"
            continue
        prints[layer] = fingerprint(base)
    if not converted:
        layer, why = next(iter(outcome.items()))
        msg = f"{matched.file.path}: no layer can be converted ({layer}: {str(why).removeprefix('left out: ')})."
        raise UnsupportedError(msg)
    own.write(folder, converted, pack(prints, matched.file.base))
    return outcome


def write_lora(
    path: Path | str,
    layers: Layers,
    style: str,
    *,
    base: str,
    component: str = "",
    rank: int | None = None,
    share: float | None = None,
    task_type: str | None = None,
) -> dict[str, Baked]:
    """Write adapters as a plain LoRA in the ``style`` of peft, diffusers or kohya; return the LoRA of each layer."""
    # An output adapter on a layer with a bias also changes the bias. This is stored as lora_B.bias, with lora_bias in
    # the config (PEFT then cannot merge layers without a bias), or for kohya as diff_b (which diffusers rejects).
    # Kohya's names of FLUX and SD3, lora_transformer_*, are read only by ComfyUI. For rank and share see ``truncate``.
    if style not in STYLES:
        raise UnknownNameError("style", style, STYLES)
    baked, prints = dict[str, Baked](), dict[str, Any]()
    for name, adapter, weight in layers:
        with naming(name):
            baked[name] = _bake(adapter, weight, rank, share)
        prints[name] = fingerprint(weight)
    metadata, config = {BAKED_FOR: base, HEADER: json.dumps(prints)}, _config(baked, base) | {"task_type": task_type}
    prefix = f"{component}." if component else ""
    if style == "peft":
        write_folder(Path(path), config, _tensors(baked, PEFT_PREFIX), metadata)
    elif style == "diffusers":
        metadata[DIFFUSERS_CONFIG] = json.dumps({f"{prefix}{key}": value for key, value in config.items()})
        write(Path(path), _tensors(baked, prefix), metadata)
    else:
        write(Path(path), _kohya_tensors(baked, component), metadata)
    return baked


def _bake(adapter: Adapter, base: BaseLayer, rank: int | None, share: float | None) -> Baked:
    dtype = next(adapter.parameters()).dtype
    a, b, bias, lost = truncate(adapter, base.matrix, base.bias, rank=rank, share=share, dtype=dtype)
    r, d = b.shape
    return Baked(a.mT.reshape(r, -1, *base.kernel), b.mT.reshape(d, r, *[1] * len(base.kernel)), bias, lost)


def _tensors(layers: Mapping[str, Baked], prefix: str) -> dict[str, Tensor]:
    """Return all tensors under PEFT's names; if one layer has a bias, the others get biases of 0, as PEFT requires."""
    biased, tensors = any(layer.bias is not None for layer in layers.values()), dict[str, Tensor]()
    for name, layer in layers.items():
        tensors |= {f"{prefix}{name}.lora_A.weight": layer.down, f"{prefix}{name}.lora_B.weight": layer.up}
        if biased:
            tensors[f"{prefix}{name}.lora_B.bias"] = torch.zeros(len(layer.up)) if layer.bias is None else layer.bias
    return tensors


def _kohya_tensors(layers: Mapping[str, Baked], component: str) -> dict[str, Tensor]:
    alpha = len(next(iter(layers.values())).down)  # one for all layers, since diffusers 0.42 ignores different alphas
    tensors: dict[str, Tensor] = {}
    for name, layer in layers.items():
        key, rank = _flat_key(component, name, tensors), len(layer.down)
        tensors[f"{key}.lora_down.weight"] = layer.down
        tensors[f"{key}.lora_up.weight"] = layer.up * (rank / alpha)  # cancels alpha / rank, which readers apply
        tensors[f"{key}.alpha"] = torch.tensor(float(alpha), dtype=torch.float32)
        if layer.bias is not None:
            tensors[f"{key}.diff_b"] = layer.bias
    return tensors


def _flat_key(component: str, name: str, tensors: Mapping[str, Tensor]) -> str:
    key = flat(component, name)
    if f"{key}.alpha" in tensors:
        msg = f"{name}: two layers have the key {key} in kohya's format; use `ioadapt adapters bake --style peft`."
        raise FileFormatError(msg)
    return key


def _config(layers: Mapping[str, Baked], base: str) -> dict[str, Any]:
    ranks = {name: len(layer.down) for name, layer in layers.items()}
    usual = collections.Counter(ranks.values()).most_common(1)[0][0]
    others = {f"^{re.escape(name)}": r for name, r in ranks.items() if r != usual}
    biased = any(layer.bias is not None for layer in layers.values())
    patterns = {"rank_pattern": others, "alpha_pattern": others}
    return config_of("LORA", [*ranks], base, r=usual, lora_alpha=usual, **patterns, lora_bias=biased)


def write_peanut(folder: Path | str, layers: Layers, *, base: str | None) -> Path:
    """Write output LoRAs of layers without a bias as PEANUT, which PEFT can load without this package."""
    factors = {}
    for name, adapter, weight in layers:
        factors[name] = _factors(name, adapter, Placement.OUTPUT, "PEANUT")
        if weight.bias is not None:
            msg = f"{name} has a bias, which PEANUT cannot adapt; bake the adapter into a plain LoRA instead."
            raise UnsupportedError(msg)
    rank = max(a.shape[1] for a, _ in factors.values())  # one rank for all layers; smaller ones are padded with zeros
    config = config_of("PEANUT", [*factors], base, r=rank, depth=0, act_fn="linear", scaling=1.0)
    tensors: dict[str, Tensor] = {}
    for name, (a, b) in factors.items():
        zeros, key = rank - a.shape[1], f"{PEFT_PREFIX}{name}"
        tensors[f"{key}.peanut_A.weight"] = torch.nn.functional.pad(a, (0, zeros)).mT
        tensors[f"{key}.peanut_B.weight"] = torch.nn.functional.pad(b, (0, 0, 0, zeros)).mT
    write_folder(Path(folder), config, tensors, {})
    return Path(folder)


def write_glora(path: Path | str, layers: Layers, *, component: str = "") -> Path:
    """Write input LoRAs as GLoRA, W + WA + B with B = 0, which LyCORIS and ComfyUI apply to any base of equal sizes."""
    tensors: dict[str, Tensor] = {}
    for name, adapter, base in layers:
        a, b = _factors(name, adapter, Placement.INPUT, "GLoRA")
        (c, r), d, kernel = a.shape, base.matrix.shape[1], base.kernel
        if r == c == d:  # readers distinguish two layouts by their shapes
            same = f"rank and numbers of inputs and outputs are all {r}"
            msg = f"{name}: ComfyUI misreads a GLoRA whose {same}; bake the adapter into a plain LoRA instead."
            raise UnsupportedError(msg)
        key, point = _flat_key(component, name, tensors), [1] * len(kernel)
        tensors[f"{key}.a1.weight"] = b.mT.reshape(c, r, *point)
        tensors[f"{key}.a2.weight"] = a.mT.reshape(r, c, *point)
        tensors[f"{key}.b1.weight"] = a.new_zeros(d, r, *point)
        tensors[f"{key}.b2.weight"] = a.new_zeros(r, c, *kernel)
        tensors[f"{key}.alpha"] = torch.tensor(float(r), dtype=torch.float32)
    write(Path(path), tensors, {})
    return Path(path)


def _factors(name: str, adapter: Adapter, placement: Placement, format_: str) -> tuple[Tensor, Tensor]:
    if adapter.family != "lora" or list(adapter) != [placement] or adapter.shift is not None:
        biased = " with a bias" if adapter.shift is not None else ""
        kind = f"{adapter.family} adapter in {'+'.join(adapter)} placement{biased}; bake it into a plain LoRA instead"
        msg = f"{name}: {format_} needs a LoRA in {placement} placement, but this is a {kind}."
        raise UnsupportedError(msg)
    phi: Any = adapter[placement]
    return phi.A.detach(), phi.scaling * phi.B.detach()
