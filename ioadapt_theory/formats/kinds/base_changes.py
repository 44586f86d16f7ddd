"""Changes of the base's own tensors by an adapter's file: trained biases and norms, modules_to_save, tokens.

They belong to no layer's adapter: ``load`` applies them only when told to, and removing the adapter leaves them there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

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
    """A new value for one parameter of the base, as a file has it.

    Attributes:
        name: its module as the file names it.
        leaf: "weight", "bias", ...
        how: "replaced", "added to" or "rows replaced".
        source: the file.
        keys: the tensor, or the factors A and B of a LoRA on an embedding, E + s (BA)ᵀ: it is merged, not kept apart.
        scaling: s.
        rows: those that are replaced, where not all are; modules that share the parameter go on sharing it.
    """

    name: Name
    leaf: str
    how: How
    source: TensorFile
    keys: tuple[str, ...]
    scaling: float = 1.0
    rows: tuple[int, ...] = ()

    @property
    def what(self) -> str:
        """The change in two or three words."""
        return f"{len(self.rows)} rows replaced" if self.rows else self.how

    @property
    def size(self) -> tuple[int, ...] | None:
        """The parameter's size, None where any will do."""
        first, *second = (self.source.shapes[key] for key in self.keys)
        return None if self.rows else (first[1], second[0][0]) if second else first

    def new(self, old: Tensor) -> Tensor:
        """Return the new value of a parameter; reads the file."""
        values, *factor = (self.source[key].to(old.device) for key in self.keys)
        if self.how == "added to":
            difference = self.scaling * (factor[0] @ values).mT if factor else values
            return (old + difference.reshape(old.shape)).to(old)
        if not self.rows:
            return values.to(old)
        if max(self.rows) >= len(old) or values.shape[1:] != old.shape[1:]:
            size = list(values.shape[1:])
            msg = f"tokens up to {max(self.rows)} of size {size} do not fit the model's {list(old.shape)}"
            raise FileFormatError(msg)
        return old.index_copy(0, torch.tensor(self.rows, device=old.device), values.to(old))

    def __str__(self) -> str:
        return f"{self.name}.{self.leaf} ({self.what})"


def chosen_rows(name: Name, leaf: str, source: TensorFile, key: str, rows: Any, called: str = "rows") -> Change:
    """Return the change to new values for these rows of a parameter: one different whole number a row of the tensor."""
    count = source.shapes[key][0] if source.shapes[key] else 0
    numbers = isinstance(rows, list) and all(type(i) is int and i >= 0 for i in rows)
    if not numbers or not rows or len(rows) != count or len(set(rows)) != count:
        msg = f"{source.path}: {called} of {name} have to be {count} different whole numbers, found {rows!r:.80}."
        raise FileFormatError(msg)
    return Change(name, leaf, "rows replaced", source, (key,), rows=tuple(rows))


def embedding(name: Name, roles: Mapping[str, str], source: TensorFile, scaling: float) -> Change:
    """Return the change by a LoRA on an embedding, whose factors have to fit together."""
    a, b = (source.shapes[roles[part]] for part in EMBEDDING)
    if len(a) != 2 or len(b) != 2 or a[0] != b[1]:
        msg = f"the shapes {[*a]} and {[*b]} of a LoRA on an embedding do not fit together"
        raise FileFormatError(msg)
    return Change(name, "weight", "added to", source, tuple(roles[part] for part in EMBEDDING), scaling)


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
            changes.append(Change(Name("", path.removesuffix(".base_layer")), leaf, "replaced", source, (key,)))
    return changes


class AppliedChange(NamedTuple):
    """A change by the file of an adapter of this name: the parameter that was put in, and the values before."""

    adapter: str
    how: How
    rows: tuple[int, ...]
    new: nn.Parameter
    old: Tensor

    @property
    def values(self) -> Tensor:
        """Return the tensors from which it is made again; a difference in float64, exact to the last bit."""
        new = self.new.detach()
        if self.how == "added to":
            return new.double() - self.old.double()
        return new[list(self.rows)] if self.rows else new


def prepare(change: Change, module: nn.Module) -> tuple[nn.Module, nn.Parameter] | str:
    """Return the module and its new parameter, or why it does not take the change; nothing is altered yet."""
    if isinstance(module, AdaptedLayer):
        module.refuse_if_merged("altering its base")
        module = module.base_layer
    old = getattr(module, change.leaf, None)
    like, size = getattr(module, "weight", None), change.size  # a norm may have no weight
    if old is None and change.leaf == "bias" and "bias" in module._parameters and like is not None and size:
        old = torch.zeros(size, device=like.device, dtype=like.dtype)
    if not isinstance(old, Tensor) or not old.is_floating_point():
        return f"its {type(module).__name__} has no plain {change.leaf}"
    if size is not None and tuple(old.shape) != size:
        way = "; resize the model's vocabulary first" if change.leaf == "weight" and len(size) > 1 else ""
        return f"its {change.leaf} is {list(old.shape)}, the file's {list(size)}{way}"
    return module, nn.Parameter(change.new(old.detach()), requires_grad=False)


def apply(model: nn.Module, change: Change, module: nn.Module, new: nn.Parameter, adapter: str) -> None:
    """Put a parameter in its place, and record it for this adapter: ``save`` writes it with the adapter."""
    leaf = change.leaf
    old = getattr(module, leaf)
    for holder in [m for m in model.modules() if getattr(m, leaf, None) is old] if change.rows else [module]:
        setattr(holder, leaf, new)
    before = torch.zeros_like(new) if old is None else old.detach()
    record = module.__dict__.setdefault("_base_changes", {})
    record[leaf] = AppliedChange(adapter, change.how, change.rows, new, before)


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
