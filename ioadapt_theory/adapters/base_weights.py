"""Weights of layers without their adapters, read one layer at a time from a model or a checkpoint."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from torch import Tensor, nn

from ioadapt_theory.adapters.layer import AdaptedLayer, base_of, walk
from ioadapt_theory.adapters.matrices import CONVOLUTIONS, Operator, operator
from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.names.transformers import Rename, of_model
from ioadapt_theory.checkpoints.renaming import as_modules
from ioadapt_theory.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class BaseLayer:
    """The original weights of a layer.

    Attributes:
        matrix: W, inputs x outputs; for a convolution, the kernel as an (in/groups · taps) x out matrix.
        bias: b, or None.
        kernel: the kernel size of a convolution along each axis; () for a linear layer.
    """

    matrix: Tensor
    bias: Tensor | None
    kernel: tuple[int, ...] = ()


class ModelWeights:
    """Reads weights of a model in memory, without this package's adapters; ``TensorWeights`` has the same interface."""

    aliases: Mapping[str, str] = MappingProxyType({})

    def __init__(self, model: nn.Module) -> None:
        self._modules = {"": model, **dict(walk(model))}
        self.names: Collection[str] = self._modules.keys()

    @cached_property
    def rename(self) -> Rename | None:
        """The function by which transformers renames this model's stored tensors on loading, or None; slow to build."""
        return of_model(self._modules[""])

    def outline(self, name: str) -> Operator:
        return operator(base_of(self._modules[name]))

    def layer(self, name: str) -> BaseLayer:
        """Return a layer's original weights, even while adapters are merged."""
        if name not in self._modules:
            raise UnknownNameError("layer", name, self.names)
        module = self._modules[name]
        if not isinstance(module, AdaptedLayer) or not module.merged:
            return read_layer(base_of(module))
        module.exchange()
        try:
            return read_layer(module.base_layer)
        finally:
            module.exchange()


class TensorWeights:
    """Reads the layers of a checkpoint: the tensors with two or more axes whose names end in ".weight".

    Attributes:
        names: the names of the layers.
        rename: a function from stored names to module names if transformers renames layers on loading, else None.
        aliases: name of a layer in the file -> its name in ``names``.
    """

    rename: Rename | None = None
    aliases: Mapping[str, str] = MappingProxyType({})

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], read: Callable[[str], Tensor]) -> None:
        """Find the layers among tensors with these names and shapes; ``read`` returns the tensor of a given name."""
        self.shapes, self.read = shapes, read
        self.names: Collection[str] = {
            n.removesuffix(".weight") for n, shape in shapes.items() if n.endswith(".weight") and len(shape) > 1
        }
        untransposed = [n for n in self.names if self._stores_w(n)]
        self._conv1d = {n.rpartition(".")[2] for n in untransposed} | ({"c_proj"} if untransposed else set())

    def outline(self, name: str) -> Operator:
        out, channels, *kernel = self.shapes[f"{name}.weight"]
        if self._is_conv1d(name):
            out, channels = channels, out
        sizes_alone = nn.Linear(channels, out, bias=f"{name}.bias" in self.shapes, device="meta")
        return Operator(sizes_alone, channels, out, taps=math.prod(kernel))

    def layer(self, name: str) -> BaseLayer:
        if name not in self.names:
            raise UnknownNameError("layer", name, self.names)
        w = self.read(f"{name}.weight")
        bias = self.read(f"{name}.bias") if f"{name}.bias" in self.shapes else None
        if self._is_conv1d(name):
            return BaseLayer(w, bias)  # Conv1D stores W itself
        return BaseLayer(w.flatten(1).mT, bias, tuple(w.shape[2:]))

    def _is_conv1d(self, name: str) -> bool:
        """Return whether a layer is a ``Conv1D`` (it stores W); if W is square, layers with the same ending decide."""
        shape = self.shapes[f"{name}.weight"]
        alike = len(shape) == 2 and shape[0] == shape[1] and name.rpartition(".")[2] in self._conv1d
        return alike or self._stores_w(name)

    def _stores_w(self, name: str) -> bool:
        """Return whether the bias shows that W is stored, not Wᵀ: it fits the second axis and not the first."""
        shape, bias = self.shapes[f"{name}.weight"], self.shapes.get(f"{name}.bias", ())
        return len(shape) == 2 and len(bias) == 1 and shape[0] != bias[0] == shape[1]


Weights = ModelWeights | TensorWeights


def checkpoint_weights(checkpoint: Checkpoint, wanted: Collection[str] = ()) -> TensorWeights:
    """Return a checkpoint's layers under names in ``wanted`` where possible, else under its model's module names."""
    named = as_modules(checkpoint, wanted)
    shapes = {name: info.shape for name, info in named.tensors.items() if info.is_float}
    weights = TensorWeights(shapes, named.tensor)
    weights.rename, weights.aliases = named.rename, named.aliases
    return weights


def read_layer(module: nn.Module) -> BaseLayer:
    f = operator(module)
    kernel = tuple(module.kernel_size) if isinstance(module, CONVOLUTIONS) else ()
    return BaseLayer(f.dense(), f.bias, kernel)
