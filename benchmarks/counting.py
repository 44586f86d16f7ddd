"""Count kernels, and the bytes that they read and write, in a layer's forward and backward pass on meta tensors."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks import peers

SILENT = frozenset(
    "view t transpose detach expand slice select unsqueeze squeeze as_strided alias diagonal permute _unsafe_view"
    " unbind split empty empty_like new_empty new_empty_strided promote_types is_same_size lift_fresh".split()
)
"""Operations that start no kernel: they create views, allocate memory or read metadata."""


class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.kernels: Counter[str] = Counter()
        self.bytes = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        if name not in SILENT:
            self.kernels[name] += 1
            # ``out`` is the result, which must not be counted twice
            read = {key: value for key, value in (kwargs or {}).items() if key != "out"}
            tensors = [t for t in tree_leaves((args, read, out)) if isinstance(t, Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return out


def counted(layer: peers.Contender, x: Tensor, gradient: Tensor) -> dict[str, Any]:
    """Count the kernels and bytes of a forward and a backward pass, after a first pass that fills caches."""
    torch.autograd.backward(layer.run(x), gradient)
    for t in (x, *layer.parameters):
        t.grad = None  # otherwise the kernels that accumulate gradients would be counted, too
    with Counting() as counting:
        torch.autograd.backward(layer.run(x), gradient)
    return {"kernels": counting.kernels.total(), "bytes": counting.bytes, "which": dict(counting.kernels)}


def launches(family: str, rank: int, placement: str, *, n: int = 512, c: int = 2048, d: int = 2048) -> dict[str, Any]:
    """Count the kernels of a frozen bfloat16 layer ("base"), with our adapter ("ours") and with PEFT's ("peer").

    Returns:
        Family, rank and placement; under ``launches``, the kernels and bytes of each layer with float32 adapters, and
        under ``cast``, the number of kernels with bfloat16 adapters.
    """
    options: dict[str, Any] = {"dtype": torch.bfloat16, "device": "meta"}
    x, gradient = torch.empty(n, c, requires_grad=True, **options), torch.empty(n, d, **options)
    layers = peers.contenders(lambda: nn.Linear(c, d, bias=False, **options), family, rank, placement)
    made = {name: counted(layer, x, gradient) for name, layer in layers.items()}
    for p in (p for layer in layers.values() for p in layer.parameters):
        p.data = p.data.to(torch.bfloat16)
    cast = {name: counted(layer, x, gradient)["kernels"] for name, layer in layers.items()}
    return {"family": family, "rank": rank, "placement": placement, "launches": made, "cast": cast}
