"""Whole adapter files converted or baked, one layer in memory at a time, for `ioadapt adapters`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.base_weights import BaseLayer, Weights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import naming
from ioadapt_theory.adapters.moving.convert import Fidelity, convert
from ioadapt_theory.adapters.rules.fingerprint import fingerprint, pack
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats import own
from ioadapt_theory.formats.adapter_file import AdapterFile
from ioadapt_theory.formats.kinds.lycoris import write_glora
from ioadapt_theory.formats.kinds.peanut import write_peanut
from ioadapt_theory.formats.match import Match, fitted
from ioadapt_theory.formats.plain_lora import Baked, Style, write_lora

Layers = Iterator[tuple[str, Adapter, BaseLayer]]


def adapters(matched: Match, weights: Weights) -> Layers:
    """Yield the name of each layer in the base, the adapter, and the base's weights."""
    for layer, stored in matched.layers.items():
        yield layer, fitted(stored, weights.outline(layer)), weights.layer(layer)


def bake_to(
    path: Path | str,
    file: AdapterFile,
    matched: Match,
    weights: Weights,
    *,
    style: Style | str,
    base: str,
    component: str = "",
    rank: int | None = None,
    share: float | None = None,
) -> dict[str, Baked]:
    """Write a plain LoRA for this base, see ``write_lora``; return each layer of it, without its numbers.

    Args:
        path: file or folder to write.
        file: the adapter.
        matched: where its layers are in the base.
        weights: the base.
        style: spelling.
        base: its name, recorded in the file.
        component: of a pipeline; where the file has two text encoders, kohya counts the first.
        rank: for adapters that have no exact form, and any others: the rank to truncate to, see ``truncate``.
        share: or the part of the change's norm that is kept.

    Raises:
        InvalidValueError, UnsupportedError, ShapeError: a layer that cannot be baked; nothing is written.
    """
    several = any(layer.name.component == "text_encoder_2" for layer in file.layers)
    if component == "text_encoder" and several and Style(style) is Style.KOHYA:
        component = "text_encoder_1"
    prints: dict[str, Any] = {}
    outline: dict[str, Baked] = {}

    def layers() -> Iterator[tuple[str, Baked]]:
        for layer, adapter, weight in adapters(matched, weights):
            with naming(layer):
                baked = Baked.of(adapter, weight, rank=rank, share=share)
                yield layer, baked
            outline[layer] = replace(baked, a=baked.a.to("meta"), b=baked.b.to("meta"))
            prints[layer] = fingerprint(weight)

    write_lora(path, layers(), style, base=base, component=component, prints=prints)
    return outline


def convert_to(
    folder: Path | str,
    file: AdapterFile,
    matched: Match,
    weights: Weights,
    placement: Placement | str,
    *,
    partial: bool = False,
    **tamed: float,
) -> dict[str, Fidelity | str]:
    """Write LoRAs trained on this base as input or output adapters (Eq. 5), in our own folder; return what each lost.

    Args:
        folder: to write.
        file: the LoRA.
        matched: where its layers are in the base.
        weights: the base that it was trained on.
        placement: "input" or "output".
        partial: leave out layers that have no such form, saying why, instead of refusing.
        **tamed: ridge and cutoff, see ``Inverse.of``.

    Raises:
        UnsupportedError: a layer, or with ``partial`` every layer, has no such form.
    """
    converted: dict[str, Adapter] = {}
    outcome: dict[str, Fidelity | str] = {}
    prints = {}
    for layer, adapter, base in adapters(matched, weights):
        try:
            with naming(layer):
                converted[layer], outcome[layer] = convert(adapter, base.matrix, placement, base.bias, **tamed)
        except UnsupportedError as error:
            if not partial:
                raise
            outcome[layer] = f"left out: {str(error).removeprefix(f'{layer}: ')}"
            continue
        prints[layer] = fingerprint(base)
    if not converted:
        msg = f"{file.path}: {next(iter(outcome.values()))}"
        raise UnsupportedError(msg)
    own.write(folder, converted, pack(prints, file.base))
    return outcome


def rewrite_to(
    path: Path | str, file: AdapterFile, matched: Match, weights: Weights, format_: str, component: str
) -> None:
    """Write the same adapter in another format.

    Args:
        path: file or folder to write.
        file: the adapter.
        matched: where its layers are in the base.
        weights: the base.
        format_: "ioadapt", "peanut" (outputs) or "glora" (inputs).
        component: of a pipeline, for GLoRA's keys.

    Raises:
        UnsupportedError: a layer that the format does not hold.
    """
    layers = adapters(matched, weights)
    match format_:
        case "peanut":
            biased = [name for name in matched.layers if weights.outline(name).bias is not None]
            write_peanut(path, ((name, adapter) for name, adapter, _ in layers), base=file.base, biased=biased)
        case "glora":
            sized = ((name, adapter, (base.matrix.shape[1], *base.kernel)) for name, adapter, base in layers)
            write_glora(path, sized, component=component)
        case _:
            read, prints = {}, {}
            for name, adapter, base in layers:
                read[name], prints[name] = adapter, fingerprint(base)
            own.write(path, read, pack(prints, file.base))
