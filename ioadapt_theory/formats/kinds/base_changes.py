"""Changes of the base's own tensors by an adapter's file: trained biases and norms, modules_to_save, tokens.

They belong to no layer's adapter, so ``load`` applies them only when told to, and removing the adapter does not undo
them. Most cannot move to another base either: they replace its tensors by those of the source.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.layer import AdaptedLayer, base_of
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX, Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.tensors import TensorFile

ADDED = {"diff_b": "bias", "w_norm": "weight", "b_norm": "bias"}
"""Part -> the parameter that it is added to."""

EMBEDDING = ("lora_embedding_A", "lora_embedding_B")
TOKENS = ".token_adapter.trainable_tokens_delta"


How = Literal["replaced", "added to", "rows replaced"]
HOWS = get_args(How)


@dataclass(frozen=True, slots=True)
class Change:
    """A new value for one parameter of the base.

    Attributes:
        name: its module as the file names it.
        leaf: "weight", "bias", ...
        how: "replaced", "added to" or "rows replaced".
        keys: the tensors it is made of.
        source: the file.
        size: of the parameter, None where any will do.
        of: the new value from the present one; reads the file.
        rows: those that are replaced, where not all are; modules that share the parameter go on sharing it.
    """

    name: Name
    leaf: str
    how: How
    keys: tuple[str, ...]
    source: TensorFile
    size: tuple[int, ...] | None
    of: Callable[[Tensor], Tensor]
    rows: tuple[int, ...] = ()

    @property
    def what(self) -> str:
        """The change in two or three words."""
        return f"{len(self.rows)} rows replaced" if self.rows else self.how

    def check(self) -> None:
        """Read the tensors; see ``TensorFile``."""
        for key in self.keys:
            self.source[key]

    def __str__(self) -> str:
        return f"{self.name}.{self.leaf} ({self.what})"


def added(name: Name, leaf: str, source: TensorFile, key: str) -> Change:
    """Return the change by a difference, as of a bias or norm that was trained."""
    size = source.shapes[key]
    return Change(name, leaf, "added to", (key,), source, size, lambda old: old + source[key].reshape(old.shape))


def whole(name: Name, leaf: str, source: TensorFile, key: str) -> Change:
    """Return the change to a new value for all of it."""
    return Change(name, leaf, "replaced", (key,), source, source.shapes[key], lambda _: source[key])


def chosen_rows(name: Name, leaf: str, source: TensorFile, key: str, rows: Any, called: str = "rows") -> Change:
    """Return the change to new values for some rows, such as those of new tokens.

    Args:
        name: of the module.
        leaf: of its parameter.
        source: the file.
        key: of the tensor with one row for each.
        rows: their numbers, as the file has them.
        called: how the file calls them.

    Raises:
        FileFormatError: the rows are not as many different whole numbers as the tensor has rows.
    """
    count = source.shapes[key][0] if source.shapes[key] else 0
    numbers = isinstance(rows, list) and all(type(i) is int and i >= 0 for i in rows)
    if not numbers or len(rows) != count or len(set(rows)) != count:
        msg = f"{source.path}: {called} of {name} have to be {count} different whole numbers, found {rows!r:.80}."
        raise FileFormatError(msg)

    def of(old: Tensor) -> Tensor:
        values = source[key].to(old)
        if max(rows) >= len(old) or values.shape[1:] != old.shape[1:]:
            msg = f"tokens up to {max(rows)} of size {list(values.shape[1:])} are not in {list(old.shape)}"
            raise FileFormatError(msg)
        return old.index_copy(0, torch.tensor(rows, device=old.device), values)

    return Change(name, leaf, "rows replaced", (key,), source, None, of, tuple(rows))


def embedding(name: Name, roles: Mapping[str, str], source: TensorFile, scaling: float) -> Change:
    """Return the change by a LoRA on an embedding, E + s (BA)ᵀ; it can be merged, not kept apart.

    Raises:
        FileFormatError: factors that are no matrices, or do not fit together.
    """
    a, b = (roles[part] for part in EMBEDDING)
    shapes = source.shapes[a], source.shapes[b]
    if any(len(shape) != 2 for shape in shapes) or shapes[0][0] != shapes[1][1]:
        msg = f"the shapes {[*shapes[0]]} and {[*shapes[1]]} of a LoRA on an embedding do not fit together"
        raise FileFormatError(msg)
    size = shapes[0][1], shapes[1][0]
    return Change(
        name, "weight", "added to", (a, b), source, size, lambda old: old + scaling * (source[b] @ source[a]).mT
    )


def of_peft(config: Mapping[str, Any], source: TensorFile, keys: Iterable[str]) -> list[Change]:
    """Return what PEFT saves whole beside its adapters: modules_to_save, biases, resized embeddings, chosen tokens."""
    changes = []
    for key in keys:
        path, _, leaf = key.removeprefix(PEFT_PREFIX).removesuffix(TOKENS).rpartition(".")
        if key.endswith(TOKENS):
            name = Name("", f"{path}.{leaf}" if path else leaf)
            rows: Any = config.get("trainable_token_indices")
            if isinstance(rows, dict):
                rows = next((v for k, v in rows.items() if name.path == k or name.path.endswith(f".{k}")), None)
            changes.append(chosen_rows(name, "weight", source, key, rows, "trainable_token_indices"))
        elif key.startswith(PEFT_PREFIX) and leaf in {"weight", "bias"}:
            changes.append(whole(Name("", path.removesuffix(".base_layer")), leaf, source, key))
    return changes


@dataclass(frozen=True, slots=True)
class ReadyChange:
    """A change with its numbers read, for one module of a model.

    Attributes:
        change: see ``Change``.
        module: the base layer.
        new: the new parameter.
    """

    change: Change
    module: nn.Module
    new: nn.Parameter

    @property
    def changes_nothing(self) -> bool:
        """Whether the model has these values already, as where PEFT saves an embedding that was not trained."""
        old = getattr(self.module, self.change.leaf)
        return old is not None and torch.equal(old, self.new)

    def apply(self, model: nn.Module, adapter: str) -> None:
        """Put the parameter in its place, and record it for this adapter: ``save`` writes it with the adapter."""
        leaf = self.change.leaf
        old = getattr(self.module, leaf)
        holders = [m for m in model.modules() if getattr(m, leaf, None) is old] if self.change.rows else [self.module]
        for module in holders:
            setattr(module, leaf, self.new)
        before = torch.zeros_like(self.new) if old is None else old.detach()
        record = self.module.__dict__.setdefault("_base_changes", {})
        record[leaf] = AppliedChange(adapter, self.change.how, self.change.rows, self.new, before)


@dataclass(frozen=True, slots=True)
class AppliedChange:
    """A change that was made to a parameter of a model, recorded on its module.

    Attributes:
        adapter: name of the adapter whose file made it.
        how: see ``Change``.
        rows: likewise.
        new: the parameter that was put in; it may have been trained since.
        old: the values before.
    """

    adapter: str
    how: How
    rows: tuple[int, ...]
    new: nn.Parameter
    old: Tensor

    @property
    def values(self) -> Tensor:
        """The tensor with which a file makes it again; a difference in float64, for it to be exact to the last bit."""
        match self.how:
            case "added to":
                return self.new.detach().double() - self.old.double()
            case "rows replaced":
                return self.new.detach()[list(self.rows)]
            case _:
                return self.new.detach()


def applied_by(model: nn.Module, adapter: str) -> dict[tuple[str, str], AppliedChange]:
    """Return (module, parameter) -> the change that loading this adapter made."""
    bases = {n: base_of(m) for n, m in [("", model), *walk(model)]}
    first = {id(module): name for name, module in reversed(bases.items())}
    return {
        (name, leaf): change
        for name, module in bases.items()
        for leaf, change in module.__dict__.get("_base_changes", {}).items()
        if change.adapter == adapter and first[id(module)] == name
    }


def forget(model: nn.Module, adapter: str) -> None:
    """Drop the record where another adapter takes the name; the changes stay, and are not the new one's."""
    for module in model.modules():
        record = module.__dict__.get("_base_changes", {})
        for leaf in [leaf for leaf, change in record.items() if change.adapter == adapter]:
            del record[leaf]


def prepare(change: Change, module: nn.Module) -> ReadyChange | str:
    """Return the change with its numbers read, or why the module does not take it; nothing is altered yet."""
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
    return ReadyChange(change, module, nn.Parameter(change.of(old.detach()).to(old), requires_grad=False))
