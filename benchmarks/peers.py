"""Layers adapted by this package, by PEFT, or by PEFT on an identity layer, with the same weights and parameters."""

import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import adapt, layers
from ioadapt_theory.errors import MissingExtraError


@dataclass
class Contender:
    run: Callable[[Tensor], Tensor]
    parameters: list[nn.Parameter]


class Eye(nn.Linear):
    """A frozen identity layer, to which PEFT can add an adapter that then acts on another layer's input or output."""

    def __init__(self, n: int, like: Tensor) -> None:
        super().__init__(n, n, bias=False, dtype=like.dtype, device=like.device)
        self.weight = nn.Parameter(torch.eye(n, dtype=like.dtype, device=like.device), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x


def ours(base: nn.Module, family: str, placement: str, rank: int, dropout: float = 0.0) -> tuple[Contender, nn.Module]:
    """Return ``base`` adapted by this package, and the module with the adapter's (random) parameters."""
    model = nn.Sequential(base)
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=rank, dropout=dropout)
    layer = layers(model)["0"]
    phi: nn.Module = layer.adapters["default"][placement]  # type: ignore[index]
    for p in phi.parameters():
        p.data.add_(torch.randn_like(p), alpha=0.02)
    return Contender(layer, list(phi.parameters())), phi


def peft(base: nn.Module, family: str, rank: int, phi: nn.Module, dropout: float = 0.0) -> Contender:
    """Return ``base`` adapted by PEFT, with parameters copied from our adapter ``phi``."""
    try:
        from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
    except ImportError:
        package, extra = "peft", "peft"
        raise MissingExtraError(package, extra) from None
    common: dict[str, Any] = {"r": rank, "target_modules": ["f"]}
    match family:
        case "loha":
            config: Any = LoHaConfig(alpha=rank, **common)
        case "lokr":
            config = LoKrConfig(alpha=rank, **common)
        case _:
            config = LoraConfig(lora_alpha=rank, use_dora=family == "dora", lora_dropout=dropout, **common)
    model: Any = get_peft_model(nn.Sequential(OrderedDict(f=base)), config)
    layer = model.base_model.model.f
    for name, p in layer.named_parameters():
        if p.requires_grad:
            p.data = _equal(phi, name).reshape(p.shape).contiguous()
    return Contender(layer, [p for p in layer.parameters() if p.requires_grad])


def naive(base: nn.Module, family: str, placement: str, rank: int, phi: nn.Module, dropout: float = 0.0) -> Contender:
    """Return ``base`` with an identity layer, adapted by PEFT, before it (input placement) or after it (output)."""
    n: Any = base.in_features if placement == "input" else base.out_features
    side = peft(Eye(n, base.weight), family, rank, phi, dropout)  # type: ignore[arg-type]
    if placement == "input":
        return Contender(lambda x: base(side.run(x)), side.parameters)
    return Contender(lambda x: side.run(base(x)), side.parameters)


def contenders(
    make: Callable[[], nn.Module], family: str, rank: int, placement: str, dropout: float = 0.0
) -> dict[str, Contender]:
    """Return the frozen layer alone ("base"), with our adapter ("ours") and with PEFT's ("peer").

    There is no "peer" for adapters on the input or output of a convolution.
    """
    frozen = make().requires_grad_(requires_grad=False)
    found = {"base": Contender(frozen, [])}
    found["ours"], phi = ours(copy.deepcopy(frozen), family, placement, rank, dropout)
    if placement == "weight":
        found["peer"] = peft(copy.deepcopy(frozen), family, rank, phi, dropout)
    elif not isinstance(frozen, nn.modules.conv._ConvNd):
        found["peer"] = naive(copy.deepcopy(frozen), family, placement, rank, phi, dropout)
    return found


def _equal(phi: nn.Module, name: str) -> Tensor:
    """Return our parameter that corresponds to PEFT's ``name``, in PEFT's layout: matrices are transposed."""
    names = {
        "magnitude_vector": "m", "lora_A": "A", "lora_B": "B",
        "hada_w1_a": "B1", "hada_w1_b": "A1", "hada_w2_a": "B2", "hada_w2_b": "A2", "lokr_w1": "C", "lokr_w2": "D",
    }  # fmt: skip
    found = next(ours for theirs, ours in names.items() if theirs in name)
    p: Tensor = getattr(phi, found).detach()
    return p.mT if p.ndim == 2 else p
