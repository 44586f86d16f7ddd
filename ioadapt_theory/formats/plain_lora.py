"""A plain LoRA for a named base, as PEFT, diffusers and kohya spell it.

Tensors go to disk layer by layer; the file, and for folders the config with it, appear only when all is written.
"""

import collections
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.moving.bake import rounded, truncate
from ioadapt_theory.adapters.rules.fingerprint import HEADER
from ioadapt_theory.checkpoints.names.kohya import flat
from ioadapt_theory.formats.kinds import diffusers, kohya
from ioadapt_theory.formats.kinds.peft import peft_config, peft_folder
from ioadapt_theory.formats.tensor_writer import BAKED_FOR, TensorWriter, writing


class Style(StrEnum):
    """Spelling of a plain LoRA."""

    PEFT = "peft"
    DIFFUSERS = "diffusers"
    KOHYA = "kohya"


@dataclass(frozen=True, slots=True)
class Baked:
    """A plain LoRA on one layer of a named base, its scaling within B.

    Attributes:
        a: A, c x r, or (c · taps) x r.
        b: B, r x d.
        bias: what is added to the layer's bias, d, or None.
        kernel: see ``BaseLayer``.
        lost: what is not in it of the adapter's change, see ``truncate``.
    """

    a: Tensor
    b: Tensor
    bias: Tensor | None
    kernel: tuple[int, ...]
    lost: float = 0.0

    @property
    def down(self) -> Tensor:
        """Aᵀ as torch stores it: r x c, or r x c x taps."""
        return self.a.mT.reshape(self.a.shape[1], -1, *self.kernel)

    @property
    def up(self) -> Tensor:
        """Bᵀ as torch stores it: d x r, or d x r x 1 x 1."""
        return self.b.mT.reshape(self.b.shape[1], -1, *[1] * len(self.kernel))

    @classmethod
    def of(cls, adapter: Adapter, base: BaseLayer, *, rank: int | None = None, share: float | None = None) -> "Baked":
        """Return ``bake`` for a base layer, or ``truncate`` where a rank or a share is given, in the adapter's dtype.

        Raises:
            InvalidValueError, UnsupportedError, ShapeError: see there.
        """
        dtype = next(adapter.parameters()).dtype
        if rank is None and share is None:
            a, b, bias, lost = rounded(adapter, base.matrix, base.bias, dtype)
        else:
            a, b, bias, lost = truncate(adapter, base.matrix, base.bias, rank=rank, share=share, dtype=dtype)
        return cls(a, b, bias, base.kernel, lost)


def write_lora(
    path: Path | str,
    layers: Iterable[tuple[str, Baked]],
    style: Style | str,
    *,
    base: str,
    component: str = "",
    prints: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """Write a plain LoRA with scaling 1 on every layer (kohya: one alpha for all); return the file or folder.

    A change of a bias, which an output adapter makes on layers that have one, is written as ``lora_B.bias`` with
    ``lora_bias`` in the config (PEFT applies it, but cannot merge layers without a bias then) or as ``diff_b`` (kohya's
    spelling; ComfyUI applies it, diffusers refuses the file). diffusers' own file takes ``lora_B.bias`` too.
    FLUX and SD3 have diffusers' names under ``lora_transformer_`` in kohya's style, which ComfyUI knows and diffusers
    does not: take its own style there.

    Args:
        path: folder for PEFT, file for the others.
        layers: module names of the base, and what is baked for them.
        style: "peft", "diffusers" or "kohya".
        base: name of the base model, recorded in the file.
        component: of a pipeline, "unet" for example; diffusers and kohya put it before the names.
        prints: fingerprints of the base's layers, known when all layers have come.
    """
    path, style = Path(path), Style(style)
    metadata = {BAKED_FOR: base}
    if style is Style.PEFT:
        with peft_folder(path, metadata) as (out, configure):
            configure(_write(out, layers, style, base, component))
            metadata[HEADER] = json.dumps(dict(prints))
        return path
    with writing(path, metadata) as out:
        config = _write(out, layers, style, base, component)
        metadata[HEADER] = json.dumps(dict(prints))
        if style is Style.DIFFUSERS:
            metadata |= diffusers.pack(config, component)
    return path


def _write(
    out: TensorWriter, layers: Iterable[tuple[str, Baked]], style: Style, base: str, component: str
) -> dict[str, Any]:
    """The tensors of all layers; returns PEFT's configuration."""
    ranks: dict[str, int] = {}
    columns: dict[str, int] = {}
    biases: set[str] = set()
    for name, layer in layers:
        ranks[name], columns[name] = layer.a.shape[1], layer.b.shape[1]
        if style is Style.KOHYA:
            # one alpha for the whole file: diffusers 0.42 loses those of attention layers where they differ
            alpha = next(iter(ranks.values()))
            kohya.write_layer(out, flat(component, name), layer.down, layer.up, alpha=alpha, bias=layer.bias)
            continue
        key = _dotted(style, component, name)
        out.add(f"{key}.lora_A.weight", layer.down)
        out.add(f"{key}.lora_B.weight", layer.up)
        if layer.bias is not None:
            biases.add(name)
            out.add(f"{key}.lora_B.bias", layer.bias)
    for name in sorted(ranks.keys() - biases) if biases else ():  # lora_bias holds for all layers or none
        out.add(f"{_dotted(style, component, name)}.lora_B.bias", torch.zeros(columns[name]))
    return _lora_config(ranks, base, lora_bias=bool(biases))


def _dotted(style: Style, component: str, name: str) -> str:
    if style is Style.PEFT:
        return f"base_model.model.{name}"
    return f"{component}.{name}" if component else name


def _lora_config(ranks: Mapping[str, int], base: str, *, lora_bias: bool) -> dict[str, Any]:
    usual = collections.Counter(ranks.values()).most_common(1)[0][0]
    others = {f"^{re.escape(name)}": r for name, r in ranks.items() if r != usual}
    config = {"r": usual, "lora_alpha": usual, "rank_pattern": others, "alpha_pattern": others, "lora_bias": lora_bias}
    return peft_config("LORA", config, [*ranks], base)
