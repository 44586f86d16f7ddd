"""Whole training steps (forward, backward and AdamW) of a language model's block and of a diffusion model's block."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu

from benchmarks.measure import Call
from ioadapt_theory.adapters import adapt


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int, *, causal: bool) -> Tensor:
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))  # type: ignore[no-untyped-call]
    return scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).flatten(2)


class Llama(nn.Module):
    """Attention and a gated MLP on 512 tokens of 1024 features, as in a small Llama: seven projections without bias."""

    targets = ("q", "k", "v", "o", "gate", "up", "down")
    shape = (1, 512, 1024)

    def __init__(self, h: int = 1024, inner: int = 2816) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(h, h, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(h, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, h, bias=False)
        self.norms = nn.ModuleList(nn.RMSNorm(h) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norms[0](x)
        x = x + self.o(attention(self.q(y), self.k(y), self.v(y), 16, causal=True))
        y = self.norms[1](x)
        return x + self.down(silu(self.gate(y)) * self.up(y))


class UNet(nn.Module):
    """Two 3 x 3 convolutions, self-attention, cross-attention to 77 tokens and an MLP, as in Stable Diffusion."""

    targets = ("conv1", "conv2", "q1", "k1", "v1", "o1", "q2", "k2", "v2", "o2", "up", "down")
    shape = (1, 320, 32, 32)

    def __init__(self, h: int = 320) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(h, h, 3, padding=1) for _ in range(2))
        for name in ("q1", "k1", "v1", "o1", "q2", "o2"):
            setattr(self, name, nn.Linear(h, h, bias=name.startswith("o")))
        self.k2, self.v2 = (nn.Linear(768, h, bias=False) for _ in range(2))
        self.up, self.down = nn.Linear(h, 8 * h), nn.Linear(4 * h, h)
        self.norms = nn.ModuleList(nn.LayerNorm(h) for _ in range(3))
        self.register_buffer("text", torch.randn(1, 77, 768))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.conv2(silu(self.conv1(x)))
        y = x.flatten(2).mT
        z = self.norms[0](y)
        part: Any = self._modules
        y = y + part["o1"](attention(part["q1"](z), part["k1"](z), part["v1"](z), 8, causal=False))
        z = self.norms[1](y)
        y = y + part["o2"](attention(part["q2"](z), self.k2(self.text), self.v2(self.text), 8, causal=False))
        wide, gate = self.up(self.norms[2](y)).chunk(2, -1)
        y = y + self.down(wide * gelu(gate))
        return y.mT.reshape(x.shape)


TINY = 1e-6
"""Scale of products that are added in place, small so that values do not grow over many calls; 0 would skip them."""
BLOCKS: dict[str, Any] = {"llama": Llama, "unet": UNet}


def adapted(
    block: Any, family: str, rank: int, device: str, dtype: torch.dtype = torch.float32
) -> dict[str, nn.Module]:
    """Return the frozen block ("base"), a copy with PEFT's adapters ("peer"), and one with ours for each placement."""
    from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model

    frozen = block().to(device, dtype).requires_grad_(requires_grad=False)
    common: dict[str, Any] = {"r": rank, "target_modules": [*block.targets]}
    config: Any = (LoKrConfig if family == "lokr" else LoHaConfig)(alpha=rank, **common)
    if family in {"lora", "dora"}:
        config = LoraConfig(lora_alpha=rank, use_dora=family == "dora", **common)
    found: dict[str, nn.Module] = {"base": frozen, "peer": get_peft_model(copy.deepcopy(frozen), config)}
    for placement in ("weight", "input", "output"):
        model = adapt(
            copy.deepcopy(frozen), target_modules=[*block.targets], family=family, rank=rank, placement=placement
        )
        found[placement] = model
    return found


def products_alone(base: Call, block: nn.Module, rank: int, dtype: torch.dtype, device: str) -> Call:
    """Return a call that runs ``base`` and then only the matrix products of LoRA: a lower bound on LoRA's cost."""
    shapes = [(p.in_features, p.out_features) for p in block.modules() if isinstance(p, nn.Linear)]
    n = 512
    make: Callable[..., Tensor] = lambda *size: torch.randn(*size, dtype=dtype, device=device)  # noqa: E731
    held = [(make(n, c), make(n, d), make(n, d), make(c, rank), make(rank, d)) for c, d in shapes]

    def call() -> None:
        base()
        for x, y, gy, a, b in held:
            u, gu = x @ a, gy @ b.mT
            y.addmm_(u, b, alpha=TINY)
            torch.mm(x.mT, gu), torch.mm(u.mT, gy)
            x.addmm_(gu, a.mT, alpha=TINY)

    return call


def training_step(model: Callable[[Tensor], Tensor], parameters: list[nn.Parameter], x: Tensor) -> Call:
    """Return a call that runs forward, backward and AdamW once; ``x`` needs a gradient, as inside a network."""
    optimizer = torch.optim.AdamW(parameters, lr=1e-4) if parameters else None

    def call() -> None:
        x.grad = None
        y = model(x)
        torch.autograd.backward(y.float().square().mean())
        if optimizer is not None:
            optimizer.step()
            optimizer.zero_grad()

    return call
