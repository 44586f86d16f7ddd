"""What an adapter's file does to tensors of the base itself: trained biases and norms, modules_to_save, tokens.

They belong to no layer's adapter, so ``load`` applies them only when told to, and removing the adapter does not undo
them. Most cannot move to another base either: they replace its tensors by those of the source.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.checkpoints.names.layer import PEFT_PREFIX, Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.tensors import TensorFile

ADDED = {"diff_b": "bias", "w_norm": "weight", "b_norm": "bias"}
"""Part -> the parameter that it is added to."""

EMBEDDING = ("lora_embedding_A", "lora_embedding_B")
TOKENS = ".token_adapter.trainable_tokens_delta"


@dataclass(frozen=True, slots=True)
class Change:
    """A new value for one parameter of the base.

    Attributes:
        name: its module as the file names it.
        leaf: "weight", "bias", ...
        what: "replaced" or "added to", and of how many rows.
        keys: the tensors it is made of.
        source: the file.
        size: of the parameter, None where any will do.
        of: the new value from the present one; reads the file.
        tied: whether modules that share the parameter go on sharing it.
    """

    name: Name
    leaf: str
    what: str
    keys: tuple[str, ...]
    source: TensorFile
    size: tuple[int, ...] | None
    of: Callable[[Tensor], Tensor]
    tied: bool = False

    def check(self) -> None:
        """Read the tensors; see ``TensorFile``."""
        for key in self.keys:
            self.source[key]

    def __str__(self) -> str:
        return f"{self.name}.{self.leaf} ({self.what})"


def added(name: Name, role: str, source: TensorFile, key: str) -> Change:
    """A bias or norm that was trained, as a difference."""
    leaf = ADDED.get(role, "weight")
    return Change(
        name,
        leaf,
        "added to",
        (key,),
        source,
        source.shapes[key],
        lambda old: old + source[key].reshape(old.shape),
    )


def embedding(name: Name, roles: Mapping[str, str], source: TensorFile, scaling: float) -> Change:
    """A LoRA on an embedding, E + s (BA)ᵀ; it can be merged, not kept apart."""
    a, b = (roles[part] for part in EMBEDDING)
    (r, n), (d, r2) = source.shapes[a], source.shapes[b]
    if r != r2:
        msg = f"the shapes {[r, n]} and {[d, r2]} of a LoRA on an embedding do not fit together"
        raise FileFormatError(msg)
    return Change(
        name, "weight", "added to", (a, b), source, (n, d), lambda old: old + scaling * (source[b] @ source[a]).mT
    )


def replaced(config: Mapping[str, Any], source: TensorFile, keys: Iterable[str]) -> list[Change]:
    """What PEFT saves whole beside its adapters: modules_to_save, biases, resized or tied embeddings, chosen tokens."""
    found = []
    for key in keys:
        path, _, leaf = key.removeprefix(PEFT_PREFIX).removesuffix(TOKENS).rpartition(".")
        if key.endswith(TOKENS):
            name = Name("", f"{path}.{leaf}" if path else leaf)
            found.append(_tokens(config, name, source, key))
        elif key.startswith(PEFT_PREFIX) and leaf in {"weight", "bias"}:
            name = Name("", path.removesuffix(".base_layer"))
            found.append(Change(name, leaf, "replaced", (key,), source, source.shapes[key], lambda _, k=key: source[k]))  # type: ignore[misc]
    return found


def _tokens(config: Mapping[str, Any], name: Name, source: TensorFile, key: str) -> Change:
    chosen: Any = config.get("trainable_token_indices")
    if isinstance(chosen, dict):
        chosen = next((v for k, v in chosen.items() if name.path == k or name.path.endswith(f".{k}")), None)
    rows = source.shapes[key][0] if source.shapes[key] else 0
    whole = isinstance(chosen, list) and all(type(i) is int and i >= 0 for i in chosen)
    if not whole or len(chosen) != rows or len(set(chosen)) != rows:
        msg = (
            f"{source.path}: trainable_token_indices of {name} have to be {rows} different whole numbers, found"
            f" {chosen!r:.80}."
        )
        raise FileFormatError(msg)

    def of(old: Tensor) -> Tensor:
        values = source[key].to(old)
        if max(chosen) >= len(old) or values.shape[1:] != old.shape[1:]:
            msg = f"tokens up to {max(chosen)} of size {list(values.shape[1:])} are not in {list(old.shape)}"
            raise FileFormatError(msg)
        return old.index_copy(0, torch.tensor(chosen, device=old.device), values)

    return Change(name, "weight", f"{rows} rows replaced", (key,), source, None, of, tied=True)


@dataclass(frozen=True, slots=True)
class Altered:
    """A change made ready for a model.

    Attributes:
        change: which.
        module: the base layer.
        new: the new parameter.
    """

    change: Change
    module: nn.Module
    new: nn.Parameter

    @property
    def idle(self) -> bool:
        """Whether the model has these values already, as where PEFT saves an embedding that was not trained."""
        old = getattr(self.module, self.change.leaf)
        return old is not None and torch.equal(old, self.new)

    def apply(self, model: nn.Module) -> None:
        """Put the parameter in its place."""
        leaf = self.change.leaf
        old = getattr(self.module, leaf)
        holders = [m for m in model.modules() if getattr(m, leaf, None) is old] if self.change.tied else [self.module]
        for module in holders:
            setattr(module, leaf, self.new)


def prepare(change: Change, module: nn.Module) -> Altered | str:
    """The change with its numbers read, or why the module does not take it; nothing is altered yet."""
    if isinstance(module, AdaptedLayer):
        module.refuse_if_merged("altering its base")
        module = module.base_layer
    old = getattr(module, change.leaf, None)
    like, size = getattr(module, "weight", None), change.size  # a norm may have no weight
    if old is None and change.leaf == "bias" and "bias" in module._parameters and like is not None and size:
        old = torch.zeros(size, device=like.device, dtype=like.dtype)
    if not isinstance(old, Tensor) or not old.is_floating_point():
        return f"its {type(module).__name__} has no plain {change.leaf}"
    if change.size is not None and tuple(old.shape) != change.size:
        way = "; resize the model's vocabulary first" if change.leaf == "weight" and len(change.size) > 1 else ""
        return f"its {change.leaf} is {list(old.shape)}, the file's {list(change.size)}{way}"
    new = change.of(old.detach()).to(old)
    return Altered(change, module, nn.Parameter(new, requires_grad=False))
