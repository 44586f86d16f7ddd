"""The same adapted layer from this package, from PEFT, from LyCORIS and in the naive form, with equal parameters."""

import contextlib
import io
import warnings
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
    """A layer to be measured and its trainable parameters."""

    run: Callable[[Tensor], Tensor]
    parameters: list[nn.Parameter]


class Eye(nn.Linear):
    """I_n as a layer: on it, PEFT's layers are what input and output placement become by a one-line change to PEFT."""

    def __init__(self, n: int, dtype: torch.dtype | None = None) -> None:
        super().__init__(n, n, bias=False, dtype=dtype)
        self.weight = nn.Parameter(torch.eye(n, dtype=dtype), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """X."""
        return x


def ours(base: nn.Module, family: str, placement: str, rank: int) -> tuple[Contender, nn.Module]:
    """The layer of this package, every parameter filled, and its family."""
    model = nn.Sequential(base)
    layer = layers(adapt(model, target_modules=["0"], family=family, placement=placement, rank=rank))["0"]
    phi: nn.Module = layer.adapters["default"][placement]  # type: ignore[index]
    for p in phi.parameters():
        p.data.add_(torch.randn_like(p), alpha=0.02)
    return Contender(layer, list(phi.parameters())), phi


def peft(base: nn.Module, family: str, rank: int, phi: nn.Module) -> Contender:
    """PEFT's layer on ``base`` with the parameters of phi."""
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
            config = LoraConfig(lora_alpha=rank, use_dora=family == "dora", **common)
    model: Any = get_peft_model(nn.Sequential(OrderedDict(f=base)), config)
    layer = model.base_model.model.f
    for name, p in layer.named_parameters():
        if p.requires_grad:
            p.data.copy_(_equal(phi, name).reshape(p.shape))
    return Contender(layer, [p for p in layer.parameters() if p.requires_grad])


def naive(base: nn.Module, family: str, placement: str, rank: int, phi: nn.Module) -> Contender:
    """Eqs. 4b and 4c with PEFT's layer on an identity that is built as a matrix."""
    n = base.in_features if placement == "input" else base.out_features
    side = peft(Eye(n, dtype=base.weight.dtype), family, rank, phi)  # type: ignore[arg-type]
    if placement == "input":
        return Contender(lambda x: base(side.run(x)), side.parameters)
    return Contender(lambda x: side.run(base(x)), side.parameters)


def lycoris(base: nn.Linear, family: str, rank: int, phi: nn.Module) -> Contender:
    """LyCORIS's layer with the parameters of phi; it patches the forward of the layer that it is given."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from lycoris.modules.locon import LoConModule
            from lycoris.modules.loha import LohaModule
            from lycoris.modules.lokr import LokrModule
        except ImportError:
            package, extra = "lycoris_lora", "test"
            raise MissingExtraError(package, extra) from None
        kinds = {"lora": LoConModule, "dora": LoConModule, "loha": LohaModule, "lokr": LokrModule}
        module = kinds[family]("f", base, lora_dim=rank, alpha=rank, weight_decompose=family == "dora")
        module.apply_to()
    for name, p in module.named_parameters():
        if not name.startswith("org_module"):
            p.data.copy_(_equal(phi, name).reshape(p.shape))
    return Contender(base, [p for n, p in module.named_parameters() if not n.startswith("org_module")])


def _equal(phi: nn.Module, name: str) -> Tensor:
    """Our parameter under PEFT's or LyCORIS's name, in their transposed layout."""
    names = {
        "magnitude_vector": "m", "dora_scale": "m", "lora_A": "A", "lora_down": "A", "lora_B": "B", "lora_up": "B",
        "hada_w1_a": "B1", "hada_w1_b": "A1", "hada_w2_a": "B2", "hada_w2_b": "A2", "lokr_w1": "C", "lokr_w2": "D",
    }  # fmt: skip
    found = next(ours for theirs, ours in names.items() if theirs in name)
    p: Tensor = getattr(phi, found).detach()
    return p.mT if p.ndim == 2 else p
