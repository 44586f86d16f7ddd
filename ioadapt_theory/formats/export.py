"""Adapters written in another form: for the other side (Eq. 5), as a plain LoRA for a named base, as PEANUT or GLoRA.

Tensors go to disk layer by layer; the file, and for folders the config with it, appear only when all is written.
"""

import collections
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import naming
from ioadapt_theory.adapters.moving.bake import rounded, truncate
from ioadapt_theory.adapters.moving.convert import Fidelity, convert
from ioadapt_theory.adapters.rules.fingerprint import HEADER, fingerprint, pack
from ioadapt_theory.checkpoints.names.layer_name import flat
from ioadapt_theory.errors import UnknownNameError, UnsupportedError
from ioadapt_theory.formats import own
from ioadapt_theory.formats.kinds.peft import config_of, writing_folder
from ioadapt_theory.formats.kinds.scaling import DIFFUSERS_CONFIG
from ioadapt_theory.formats.match import Match
from ioadapt_theory.formats.tensors import BAKED_FOR, Add, writing

Layers = Iterable[tuple[str, Adapter, BaseLayer]]
"""Module names of the base, the adapters for them, and the base's weights; one after the other."""

FOLDERS = re.compile(r"unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior")
COMPONENTS = {
    "unet": re.compile(r"(?:down|up)_blocks\.\d"),
    "transformer": re.compile(r"(?:single_)?transformer_blocks\.\d"),
}
"""Component of a pipeline -> how names of its layers begin. Text encoders have the same names in one pipeline."""
STYLES = ("peft", "diffusers", "kohya")


def component_of(source: str, config: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return a checkpoint's component of a pipeline, told by its folder, config or layers; "" where nothing does."""
    for part in reversed(re.split(r"[/\\: ]", source)):
        if FOLDERS.fullmatch(part):
            return part
    kind = str(config.get("_class_name", ""))
    for component, pattern in COMPONENTS.items():
        if component in kind.lower() or any(pattern.match(name) for name in names):
            return component
    return ""


class Baked(NamedTuple):
    """A layer of a plain LoRA, its scaling within up.

    Attributes:
        down: Aᵀ as torch stores it: r x c, or r x c x taps.
        up: Bᵀ as torch stores it: d x r, or d x r x 1 x 1.
        bias: the change of the layer's bias, d, or None.
        lost: what is not in it of the adapter's change, see ``truncate``.
    """

    down: Tensor
    up: Tensor
    bias: Tensor | None
    lost: float


def convert_to(
    folder: Path | str, matched: Match, placement: Placement | str, *, partial: bool = False, ridge: float = 0.0
) -> dict[str, Fidelity | str]:
    """Write LoRAs trained on the base as input or output adapters (Eq. 5), in our own folder.

    Args:
        folder: to write.
        matched: the LoRA and the base that it was trained on.
        placement: "input" or "output".
        partial: leave out layers that have no such form, saying why, instead of refusing.
        ridge: see ``convert``.

    Returns:
        What each layer lost, or why it was left out.

    Raises:
        UnsupportedError: a layer, or with ``partial`` every layer, has no such form.
    """
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
            outcome[layer] = f"left out: {str(error).removeprefix(f'{layer}: ')}"
            continue
        prints[layer] = fingerprint(base)
    if not converted:
        msg = f"{matched.file.path}: {next(iter(outcome.values()))}"
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
) -> dict[str, Baked]:
    """Write adapters as a plain LoRA of scaling 1 on every layer (kohya: one alpha for all).

    A change of a bias, as of an output adapter on a layer that has one, is ``lora_B.bias`` with ``lora_bias`` in the
    config (PEFT cannot merge layers without a bias then), for kohya ``diff_b`` (which diffusers refuses). kohya's names
    of FLUX and SD3, ``lora_transformer_``, are known to ComfyUI only: take diffusers' style for diffusers.

    Args:
        path: folder for PEFT, file for the others.
        layers: adapters, and the base's layers.
        style: "peft", "diffusers" or "kohya".
        base: name of the base model, recorded in the file together with fingerprints of its layers.
        component: of a pipeline, "unet" for example; diffusers and kohya put it before the names.
        rank: for adapters that have no exact form, and any others: the rank to truncate to, see ``truncate``.
        share: or the part of the change's norm that is kept.

    Returns:
        The layers that were written; their factors have sizes only.

    Raises:
        UnknownNameError: no such style.
        InvalidValueError, UnsupportedError, ShapeError: a layer that cannot be baked; nothing is written.
    """
    if style not in STYLES:
        raise UnknownNameError("style", style, STYLES)
    path = Path(path)
    metadata, config, prints = {BAKED_FOR: base}, dict[str, Any](), dict[str, Any]()
    written: dict[str, Baked] = {}
    prefix = f"{component}." if component else ""

    def baked() -> Iterator[tuple[str, Baked]]:
        for name, adapter, weight in layers:
            with naming(name):
                layer = _bake(adapter, weight, rank, share)
            yield name, layer
            written[name] = layer._replace(down=layer.down.to("meta"), up=layer.up.to("meta"))
            prints[name] = fingerprint(weight)

    if style == "peft":
        with writing_folder(path, config, metadata) as add:
            _write(add, baked(), written, "base_model.model.")
            config |= _config(written, base)
            metadata[HEADER] = json.dumps(prints)
        return written
    with writing(path, metadata) as add:
        if style == "kohya":
            _write_kohya(add, baked(), component)
        else:
            _write(add, baked(), written, prefix)
            options = _config(written, base).items()
            metadata[DIFFUSERS_CONFIG] = json.dumps({f"{prefix}{key}": value for key, value in options})
        metadata[HEADER] = json.dumps(prints)
    return written


def _bake(adapter: Adapter, base: BaseLayer, rank: int | None, share: float | None) -> Baked:
    """Return the exact LoRA, or the truncated one where a rank or a share is given, in the adapter's dtype."""
    dtype = next(adapter.parameters()).dtype
    if rank is None and share is None:
        a, b, bias, lost = rounded(adapter, base.matrix, base.bias, dtype)
    else:
        a, b, bias, lost = truncate(adapter, base.matrix, base.bias, rank=rank, share=share, dtype=dtype)
    r, d = b.shape
    return Baked(a.mT.reshape(r, -1, *base.kernel), b.mT.reshape(d, r, *[1] * len(base.kernel)), bias, lost)


def _write(add: Add, layers: Iterable[tuple[str, Baked]], written: Mapping[str, Baked], prefix: str) -> None:
    """Write the tensors of all layers in PEFT's names; ``written`` has the layers once they are."""
    for name, layer in layers:
        add(f"{prefix}{name}.lora_A.weight", layer.down)
        add(f"{prefix}{name}.lora_B.weight", layer.up)
        if layer.bias is not None:
            add(f"{prefix}{name}.lora_B.bias", layer.bias)
    if any(layer.bias is not None for layer in written.values()):  # lora_bias holds for all layers or none
        for name in sorted(name for name, layer in written.items() if layer.bias is None):
            add(f"{prefix}{name}.lora_B.bias", torch.zeros(len(written[name].up)))


def _write_kohya(add: Add, layers: Iterable[tuple[str, Baked]], component: str) -> None:
    alpha = 0  # one for the whole file: diffusers 0.42 loses those of attention layers where they differ
    for name, layer in layers:
        key, rank = flat(component, name), len(layer.down)
        alpha = alpha or rank
        add(f"{key}.lora_down.weight", layer.down)
        add(f"{key}.lora_up.weight", layer.up * (rank / alpha))  # readers apply alpha / rank
        add(f"{key}.alpha", torch.tensor(float(alpha), dtype=torch.float32))
        if layer.bias is not None:
            add(f"{key}.diff_b", layer.bias)


def _config(written: Mapping[str, Baked], base: str) -> dict[str, Any]:
    ranks = {name: len(layer.down) for name, layer in written.items()}
    usual = collections.Counter(ranks.values()).most_common(1)[0][0]
    others = {f"^{re.escape(name)}": r for name, r in ranks.items() if r != usual}
    biased = any(layer.bias is not None for layer in written.values())
    patterns = {"rank_pattern": others, "alpha_pattern": others}
    return config_of("LORA", [*ranks], base, r=usual, lora_alpha=usual, **patterns, lora_bias=biased)


def write_peanut(folder: Path | str, layers: Layers, *, base: str | None) -> Path:
    """Write output LoRAs of layers without a bias as PEFT's PEANUT, which stock PEFT loads on any base."""
    factors = {}
    for name, adapter, weight in layers:
        factors[name] = _factors(name, adapter, Placement.OUTPUT, "PEANUT")
        if weight.bias is not None:
            msg = f"{name} has a bias, which PEANUT leaves alone and an output adapter acts on; bake it for its base."
            raise UnsupportedError(msg)
    rank = max(a.shape[1] for a, _ in factors.values())  # one for all layers: smaller ones get zeros
    config = config_of("PEANUT", [*factors], base, r=rank, depth=0, act_fn="linear", scaling=1.0)
    with writing_folder(Path(folder), config, {}) as add:
        for name, (a, b) in factors.items():
            zeros, key = rank - a.shape[1], f"base_model.model.{name}"
            add(f"{key}.peanut_A.weight", torch.nn.functional.pad(a, (0, zeros)).mT)
            add(f"{key}.peanut_B.weight", torch.nn.functional.pad(b, (0, 0, 0, zeros)).mT)
    return Path(folder)


def write_glora(path: Path | str, layers: Layers, *, component: str = "") -> Path:
    """Write input LoRAs as LyCORIS's GLoRA with B = 0, which LyCORIS and ComfyUI apply to any base."""
    with writing(Path(path), {}) as add:
        for name, adapter, base in layers:
            a, b = _factors(name, adapter, Placement.INPUT, "GLoRA")
            (c, r), d, kernel = a.shape, base.matrix.shape[1], base.kernel
            if r == c == d:  # two layouts are told apart by their shapes
                msg = f"{name}: rank, inputs and outputs are all {r}, where ComfyUI takes GLoRA for its older layout."
                raise UnsupportedError(msg)
            key, point = flat(component, name), [1] * len(kernel)
            add(f"{key}.a1.weight", b.mT.reshape(c, r, *point))
            add(f"{key}.a2.weight", a.mT.reshape(r, c, *point))
            add(f"{key}.b1.weight", a.new_zeros(d, r, *point))
            add(f"{key}.b2.weight", a.new_zeros(r, c, *kernel))
            add(f"{key}.alpha", torch.tensor(float(r), dtype=torch.float32))
    return Path(path)


def _factors(name: str, adapter: Adapter, placement: Placement, format_: str) -> tuple[Tensor, Tensor]:
    """Return A and sB of an adapter that is one LoRA in this placement, which is all that the format holds."""
    if adapter.family != "lora" or list(adapter) != [placement] or adapter.shift is not None:
        biased = " with a bias" if adapter.shift is not None else ""
        kind = f"{adapter.family} in {'+'.join(adapter)} placement{biased}"
        msg = f"{name}: {format_} holds a LoRA in {placement} placement, this is a {kind}; bake it instead."
        raise UnsupportedError(msg)
    phi: Any = adapter[placement]
    return phi.A.detach(), phi.scaling * phi.B.detach()
