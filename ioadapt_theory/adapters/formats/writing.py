"""What others can load: a plain LoRA for a named base (PEFT, diffusers, kohya), PEANUT for outputs, GLoRA for inputs.

Tensors go to disk layer by layer; the file, and for folders the config after it, appear only when all is written.
"""

import collections
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.bake import bake
from ioadapt_theory.adapters.formats.tensors import TensorWriter, writing
from ioadapt_theory.adapters.layers import Adapter
from ioadapt_theory.adapters.placement import Placement
from ioadapt_theory.adapters.weights import BaseLayer
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.results import write_json

PEFT_CONFIG = "adapter_config.json"
Layers = Iterable[tuple[str, Adapter]]
KOHYA = {
    "": "lycoris",
    "unet": "lora_unet",
    "transformer": "lora_transformer",
    "text_encoder": "lora_te",  # of SD-1.x and 2.x
    "text_encoder_1": "lora_te1",  # of SD-XL
    "text_encoder_2": "lora_te2",
    "text_encoder_3": "lora_te3",
}


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
    """

    a: Tensor
    b: Tensor
    bias: Tensor | None
    kernel: tuple[int, ...]

    @property
    def down(self) -> Tensor:
        """Aᵀ as torch stores it: r x c, or r x c x taps."""
        return self.a.mT.reshape(self.a.shape[1], -1, *self.kernel)

    @property
    def up(self) -> Tensor:
        """Bᵀ as torch stores it: d x r, or d x r x 1 x 1."""
        return self.b.mT.reshape(self.b.shape[1], -1, *[1] * len(self.kernel))

    @classmethod
    def of(cls, adapter: Adapter, base: BaseLayer) -> "Baked":
        """``bake`` for a base layer, in the adapter's dtype.

        Raises:
            UnsupportedError, ShapeError: see ``bake``.
        """
        a, b, bias = bake(adapter, base.matrix, base.bias)
        dtype = next(adapter.parameters()).dtype
        return cls(a.to(dtype), b.to(dtype), None if bias is None else bias.to(dtype), base.kernel)


def write_lora(
    path: Path | str, layers: Iterable[tuple[str, Baked]], style: Style | str, *, base: str, component: str = ""
) -> Path:
    """A plain LoRA with scaling 1 on every layer (kohya: one alpha for all, see below). Returns the file or folder.

    A change of a bias, which an output adapter makes on layers that have one, is written as ``lora_B.bias`` with
    ``lora_bias`` in the config (PEFT applies it, but cannot merge layers without a bias then) or as ``diff_b`` (kohya's
    spelling; ComfyUI applies it, others may not). diffusers' file takes ``lora_B.bias`` too.

    Args:
        path: folder for PEFT, file for the others.
        layers: module names of the base, and what is baked for them.
        style: "peft", "diffusers" or "kohya".
        base: name of the base model, recorded in the file.
        component: of a pipeline, "unet" for example; diffusers and kohya put it before the names.
    """
    path, style = Path(path), Style(style)
    ranks: dict[str, int] = {}
    columns: dict[str, int] = {}
    biases: set[str] = set()
    metadata = {"ioadapt.baked_for": base}
    with writing(path / "adapter_model.safetensors" if style is Style.PEFT else path, metadata) as out:
        for name, layer in layers:
            ranks[name], columns[name] = layer.a.shape[1], layer.b.shape[1]
            match style:
                case Style.KOHYA:
                    # one alpha for the whole file: diffusers 0.42 loses those of attention layers where they differ
                    _write_kohya(out, _flat(component, name), layer, alpha=next(iter(ranks.values())))
                case _:
                    key = _dotted(style, component, name)
                    out.add(f"{key}.lora_A.weight", layer.down)
                    out.add(f"{key}.lora_B.weight", layer.up)
                    if layer.bias is not None:
                        biases.add(name)
                        out.add(f"{key}.lora_B.bias", layer.bias)
        if style is Style.PEFT:
            (path / PEFT_CONFIG).unlink(missing_ok=True)  # a former adapter's: never new weights under an old config
        for name in sorted(ranks.keys() - biases) if biases else ():  # lora_bias holds for all layers or none
            out.add(f"{_dotted(style, component, name)}.lora_B.bias", torch.zeros(columns[name]))
        config = _lora_config(ranks, base, lora_bias=bool(biases))
        if style is Style.DIFFUSERS:
            prefix = f"{component}." if component else ""
            metadata["lora_adapter_metadata"] = json.dumps({f"{prefix}{k}": v for k, v in config.items()})
    if style is Style.PEFT:
        write_json(path / PEFT_CONFIG, config)
    return path


def write_peanut(folder: Path | str, layers: Layers, *, base: str | None, biased: Iterable[str] = ()) -> Path:
    """Output LoRAs as PEFT's PEANUT, linear and of depth 0, which stock PEFT loads on any base. Returns the folder.

    PEANUT has one rank for all layers: smaller ones are filled up with zeros. Scalings are within B.

    Args:
        folder: to write.
        layers: module names and output adapters of family "lora"; all are held in memory at once.
        base: name of the model it was trained on.
        biased: layers that have a bias: PEANUT leaves it alone and an output adapter does not, so they are refused.

    Raises:
        UnsupportedError: another family or placement, or a layer with a bias.
    """
    factors = {name: _only(name, adapter, Placement.OUTPUT, "PEANUT") for name, adapter in layers}
    if clash := sorted(factors.keys() & set(biased)):
        msg = (
            f"{clash[0]} has a bias, which PEANUT leaves alone and an output adapter acts on; bake it for its base"
            " instead."
        )
        raise UnsupportedError(msg)
    rank = max(a.shape[1] for a, _ in factors.values())
    with writing(Path(folder) / "adapter_model.safetensors", {}) as out:
        for name, (a, b) in factors.items():
            fill = rank - a.shape[1]
            key = f"base_model.model.{name}"
            out.add(f"{key}.peanut_A.weight", torch.nn.functional.pad(a, (0, fill)).mT)
            out.add(f"{key}.peanut_B.weight", torch.nn.functional.pad(b, (0, 0, 0, fill)).mT)
        (Path(folder) / PEFT_CONFIG).unlink(missing_ok=True)
    config = {"r": rank, "depth": 0, "act_fn": "linear", "scaling": 1.0}
    write_json(Path(folder) / PEFT_CONFIG, _peft("PEANUT", config, [*factors], base))
    return Path(folder)


def write_glora(
    path: Path | str, layers: Layers, outputs: Mapping[str, tuple[int, ...]], *, component: str = ""
) -> Path:
    """Input LoRAs as LyCORIS's GLoRA with B = 0, which LyCORIS and ComfyUI apply to any base. Returns the file.

    ComfyUI guesses between two layouts by shape, wrongly where rank, inputs and outputs are all equal: refused.

    Args:
        path: of the file.
        layers: module names and input adapters of family "lora".
        outputs: d and the kernel of each layer, (d,) for a linear one, since the zeros for B have these sizes.
        component: see ``write_lora``.

    Raises:
        UnsupportedError: another family or placement, or a rank equal to inputs and outputs.
    """
    with writing(Path(path), {}) as out:
        for name, adapter in layers:
            a, b = _only(name, adapter, Placement.INPUT, "GLoRA")
            (c, r), (d, *kernel) = a.shape, outputs[name]
            if r == c == d:
                msg = f"{name}: rank, inputs and outputs are all {r}, where ComfyUI takes GLoRA for its older layout."
                raise UnsupportedError(msg)
            key = _flat(component, name)
            point = [1] * len(kernel)
            out.add(f"{key}.a1.weight", b.mT.reshape(c, r, *point))
            out.add(f"{key}.a2.weight", a.mT.reshape(r, c, *point))
            out.add(f"{key}.b1.weight", a.new_zeros(d, r, *point))
            out.add(f"{key}.b2.weight", a.new_zeros(r, c, *kernel))
            out.add(f"{key}.alpha", torch.tensor(float(r), dtype=torch.float32))
    return Path(path)


def _only(name: str, adapter: Adapter, placement: Placement, what: str) -> tuple[Tensor, Tensor]:
    """A and sB of an adapter that is one LoRA in this placement."""
    if adapter.family != "lora" or list(adapter) != [placement]:
        found = f"{adapter.family} in {'+'.join(adapter)}"
        msg = f"{name}: {what} holds a LoRA in {placement} placement, this is a {found} placement."
        raise UnsupportedError(msg)
    phi: Any = adapter[placement]
    return phi.A.detach(), phi.scaling * phi.B.detach()


def _write_kohya(out: TensorWriter, key: str, layer: Baked, *, alpha: int) -> None:
    out.add(f"{key}.lora_down.weight", layer.down)
    out.add(f"{key}.lora_up.weight", layer.up * (layer.a.shape[1] / alpha))
    out.add(f"{key}.alpha", torch.tensor(float(alpha), dtype=torch.float32))
    if layer.bias is not None:
        out.add(f"{key}.diff_b", layer.bias)


def _flat(component: str, name: str) -> str:
    if component.startswith("text_encoder") and not name.startswith("text_model."):
        name = f"text_model.{name}"  # which transformers 5 has dropped from its own names
    return f"{KOHYA[component]}_{name}".replace(".", "_")


def _dotted(style: Style, component: str, name: str) -> str:
    if style is Style.PEFT:
        return f"base_model.model.{name}"
    return f"{component}.{name}" if component else name


def _lora_config(ranks: Mapping[str, int], base: str, *, lora_bias: bool) -> dict[str, Any]:
    usual = collections.Counter(ranks.values()).most_common(1)[0][0]
    others = {f"^{re.escape(name)}": r for name, r in ranks.items() if r != usual}
    config = {"r": usual, "lora_alpha": usual, "rank_pattern": others, "alpha_pattern": others, "lora_bias": lora_bias}
    return _peft("LORA", config, [*ranks], base)


def _peft(kind: str, config: Mapping[str, Any], targets: list[str], base: str | None) -> dict[str, Any]:
    return {
        "peft_type": kind,
        "base_model_name_or_path": base,
        "task_type": None,
        "inference_mode": True,
        "target_modules": targets,
        **config,
    }
