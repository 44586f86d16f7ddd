"""Whole files converted or baked, one layer in memory at a time: what `ioadapt adapters` does."""

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
from ioadapt_theory.formats.kinds.lycoris import write_glora
from ioadapt_theory.formats.kinds.peanut import write_peanut
from ioadapt_theory.formats.match import Match, fitted
from ioadapt_theory.formats.open import Opened
from ioadapt_theory.formats.write import Baked, Style, write_lora

Layers = Iterator[tuple[str, Adapter, BaseLayer]]


def adapters(matched: Match, weights: Weights) -> Layers:
    """Layer by layer: its name in the base, the adapter, the base's weights."""
    for layer, item in matched.found.items():
        yield layer, fitted(item, weights.outline(layer)), weights.layer(layer)


def bake_to(
    path: Path | str,
    opened: Opened,
    matched: Match,
    weights: Weights,
    *,
    style: Style | str,
    base: str,
    component: str = "",
    rank: int | None = None,
    share: float | None = None,
) -> dict[str, Baked]:
    """A plain LoRA for this base; see ``write_lora``. Where the file has two text encoders, kohya counts the first.

    Returns what each layer became, without its numbers.

    Args:
        path: file or folder to write.
        opened: the adapter.
        matched: where its layers are in the base.
        weights: the base.
        style: spelling.
        base: its name, recorded in the file.
        component: of a pipeline.
        rank: for adapters that have no exact form, and any others: the rank to truncate to, see ``truncate``.
        share: or the part of the change's norm that is kept.
    """
    several = any(item.name.component == "text_encoder_2" for item in opened.items)
    if component == "text_encoder" and several and Style(style) is Style.KOHYA:
        component = "text_encoder_1"
    prints: dict[str, Any] = {}
    outline: dict[str, Baked] = {}

    def baked() -> Iterator[tuple[str, Baked]]:
        for layer, adapter, weight in adapters(matched, weights):
            with naming(layer):
                made = Baked.of(adapter, weight, rank=rank, share=share)
                yield layer, made
            outline[layer] = replace(made, a=made.a.to("meta"), b=made.b.to("meta"))
            prints[layer] = fingerprint(weight)

    write_lora(path, baked(), style, base=base, component=component, prints=prints)
    return outline


def convert_to(
    folder: Path | str,
    opened: Opened,
    matched: Match,
    weights: Weights,
    placement: Placement | str,
    *,
    partial: bool = False,
    **tamed: float,
) -> dict[str, Fidelity | str]:
    """LoRAs trained on this base as input or output adapters (Eq. 5), in our own folder; what became of each layer.

    Args:
        folder: to write.
        opened: the LoRA.
        matched: where its layers are in the base.
        weights: the base that it was trained on.
        placement: "input" or "output".
        partial: leave out layers that have no such form, saying why, instead of refusing.
        **tamed: ridge and cutoff, see ``Inverse.of``.

    Raises:
        UnsupportedError: a layer, or with ``partial`` every layer, has no such form.
    """
    converted: dict[str, Adapter] = {}
    fidelity: dict[str, Fidelity | str] = {}
    prints = {}
    for layer, adapter, base in adapters(matched, weights):
        try:
            with naming(layer):
                converted[layer], fidelity[layer] = convert(adapter, base.matrix, placement, base.bias, **tamed)
        except UnsupportedError as error:
            if not partial:
                raise
            fidelity[layer] = f"left out: {str(error).removeprefix(f'{layer}: ')}"
            continue
        prints[layer] = fingerprint(base)
    if not converted:
        msg = f"{opened.path}: {next(iter(fidelity.values()))}"
        raise UnsupportedError(msg)
    own.write(folder, converted, pack(prints, opened.base))
    return fidelity


def rewrite_to(
    path: Path | str, opened: Opened, matched: Match, weights: Weights, format_: str, component: str
) -> None:
    """The same adapter in another format: "ioadapt_theory", "peanut" (outputs) or "glora" (inputs)."""
    layers = adapters(matched, weights)
    match format_:
        case "peanut":
            kept = [(name, adapter, base.bias is not None) for name, adapter, base in layers]
            biased = [name for name, _, bias in kept if bias]
            write_peanut(path, ((n, a) for n, a, _ in kept), base=opened.base, biased=biased)
        case "glora":
            outputs: dict[str, tuple[int, ...]] = {}

            def noted() -> Iterator[tuple[str, Adapter]]:
                for name, adapter, base in layers:
                    outputs[name] = (base.matrix.shape[1], *base.kernel)
                    yield name, adapter

            write_glora(path, noted(), outputs, component=component)
        case _:
            kept_all, prints = {}, {}
            for name, adapter, base in layers:
                kept_all[name], prints[name] = adapter, fingerprint(base)
            own.write(path, kept_all, pack(prints, opened.base))
