"""Adapters of one side as others have them: PEFT's PEANUT for outputs, LyCORIS's GLoRA for inputs, for any base."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.checkpoints.names.kohya import flat
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.storing import writing
from ioadapt_theory.formats.write import peft_config, peft_folder

Layers = Iterable[tuple[str, Adapter]]


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
    with peft_folder(Path(folder), {}) as (out, configure):
        for name, (a, b) in factors.items():
            fill = rank - a.shape[1]
            key = f"base_model.model.{name}"
            out.add(f"{key}.peanut_A.weight", torch.nn.functional.pad(a, (0, fill)).mT)
            out.add(f"{key}.peanut_B.weight", torch.nn.functional.pad(b, (0, 0, 0, fill)).mT)
        config = {"r": rank, "depth": 0, "act_fn": "linear", "scaling": 1.0}
        configure(peft_config("PEANUT", config, [*factors], base))
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
            key = flat(component, name)
            point = [1] * len(kernel)
            out.add(f"{key}.a1.weight", b.mT.reshape(c, r, *point))
            out.add(f"{key}.a2.weight", a.mT.reshape(r, c, *point))
            out.add(f"{key}.b1.weight", a.new_zeros(d, r, *point))
            out.add(f"{key}.b2.weight", a.new_zeros(r, c, *kernel))
            out.add(f"{key}.alpha", torch.tensor(float(r), dtype=torch.float32))
    return Path(path)


def _only(name: str, adapter: Adapter, placement: Placement, what: str) -> tuple[Tensor, Tensor]:
    """A and sB of an adapter that is one LoRA in this placement."""
    if adapter.family != "lora" or list(adapter) != [placement] or adapter.shift is not None:
        found = (
            f"{adapter.family} in {'+'.join(adapter)} placement{' with a bias' if adapter.shift is not None else ''}"
        )
        msg = f"{name}: {what} holds a LoRA in {placement} placement, this is a {found}."
        raise UnsupportedError(msg)
    phi: Any = adapter[placement]
    return phi.A.detach(), phi.scaling * phi.B.detach()
