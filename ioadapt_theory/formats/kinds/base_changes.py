"""Tensors of the base itself in PEFT's files: modules_to_save, trained biases, resized embeddings.

They belong to no layer's adapter: ``load`` puts them in only when told to, and removing the adapter leaves them there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX, Name
from ioadapt_theory.formats.tensors import TensorFile


@dataclass(frozen=True, slots=True)
class Change:
    """A new value for one parameter of the base, as a file has it.

    Attributes:
        name: its module as the file names it.
        leaf: "weight" or "bias".
        source: the file.
        key: the tensor in it.
    """

    name: Name
    leaf: str
    source: TensorFile
    key: str

    @property
    def size(self) -> tuple[int, ...]:
        """The parameter's size."""
        return self.source.shapes[self.key]

    def values(self, like: Tensor) -> Tensor:
        """Read the new value, in the dtype and on the device of a tensor."""
        return self.source[self.key].to(like)

    def __str__(self) -> str:
        return f"{self.name}.{self.leaf}"


def of_peft(source: TensorFile, keys: Iterable[str]) -> list[Change]:
    """Return the changes that tensors of these keys, which are no part of an adapter, stand for."""
    named = {key: key.removeprefix(PEFT_PREFIX).rpartition(".") for key in keys if key.startswith(PEFT_PREFIX)}
    return [
        Change(Name("", module.removesuffix(".base_layer")), leaf, source, key)
        for key, (module, _, leaf) in named.items()
        if leaf in {"weight", "bias"}
    ]


def prepare(change: Change, module: nn.Module) -> tuple[nn.Module, nn.Parameter] | str:
    """Return the module and its new parameter, or why it does not take the change; nothing is altered yet."""
    if isinstance(module, AdaptedLayer):
        module.refuse_if_merged("altering its base")
        module = module.base_layer
    old, size = getattr(module, change.leaf, None), change.size
    if not isinstance(old, Tensor) or not old.is_floating_point():
        return f"its {type(module).__name__} has no plain {change.leaf}"
    if tuple(old.shape) != size:
        way = "; resize the model's vocabulary first" if change.leaf == "weight" and len(size) > 1 else ""
        return f"its {change.leaf} is {list(old.shape)}, the file's {list(size)}{way}"
    return module, nn.Parameter(change.values(old.detach()), requires_grad=False)
