"""PEFT's PEANUT, linear and of depth 0: output adapters that stock PEFT loads on any base, read and written."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import LoRA, Spec
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.kinds import Built, Kind, Parts, same
from ioadapt_theory.formats.kinds.peft import peft_config, peft_folder


def build(parts: Parts, s: float) -> Built:
    """Return a LoRA on the outputs."""
    a, b = parts["peanut_A"].mT, parts["peanut_B"].mT
    n = same(a.shape[0], b.shape[1])
    spec = Spec(rank=same(a.shape[1], b.shape[0]), scaling=s)
    return "lora", {Placement.OUTPUT: LoRA.stored((n, n, n), spec, {"A": a, "B": b})}


KINDS = {"peanut": Kind(frozenset({"peanut_A", "peanut_B"}), frozenset(), lambda _: None, build)}


def require_linear(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse a PEANUT with layers or activations between its factors.

    Raises:
        UnsupportedError: it is not linear in W.
    """
    if config.get("depth", 0) != 0 or config.get("act_fn", "relu") != "linear":
        options = f"depth {config.get('depth')!r:.80}, act_fn {config.get('act_fn')!r:.80}"
        msg = f"{path}: PEANUT with {options} is not linear in W."
        raise UnsupportedError(msg)


def write_peanut(
    folder: Path | str, layers: Iterable[tuple[str, Adapter]], *, base: str | None, biased: Iterable[str] = ()
) -> Path:
    """Write output LoRAs as PEFT's PEANUT; return the folder.

    PEANUT has one rank for all layers: smaller ones are filled up with zeros. Scalings are within B.

    Args:
        folder: to write.
        layers: module names and output adapters of family "lora"; all are held in memory at once.
        base: name of the model it was trained on.
        biased: layers that have a bias: PEANUT leaves it alone and an output adapter does not, so they are refused.

    Raises:
        UnsupportedError: another family or placement, or a layer with a bias.
    """
    factors = {name: factors_of(name, adapter, Placement.OUTPUT, "PEANUT") for name, adapter in layers}
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


def factors_of(name: str, adapter: Adapter, placement: Placement, what: str) -> tuple[Tensor, Tensor]:
    """Return A and sB of an adapter that is one LoRA in this placement.

    Raises:
        UnsupportedError: it is anything else.
    """
    if adapter.family != "lora" or list(adapter) != [placement] or adapter.shift is not None:
        biased = " with a bias" if adapter.shift is not None else ""
        kind = f"{adapter.family} in {'+'.join(adapter)} placement{biased}"
        msg = f"{name}: {what} holds a LoRA in {placement} placement, this is a {kind}."
        raise UnsupportedError(msg)
    phi: Any = adapter[placement]
    return phi.A.detach(), phi.scaling * phi.B.detach()
