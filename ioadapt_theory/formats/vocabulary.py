"""What PEFT's files have on embeddings and heads besides layers, for a model with more tokens: the common rows."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ioadapt_theory.adapters.base_weights import TensorWeights
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX
from ioadapt_theory.formats.adapter_file import AdapterFile
from ioadapt_theory.maps.lineage import ALIKE

Read = Callable[[str], Tensor | None]
"""Returns a parameter of a model by its name, or None if there is none."""
DOWN, UP, TOKENS = ".lora_embedding_A", ".lora_embedding_B", ".token_adapter.trainable_tokens_delta"


def reader(model: nn.Module | TensorWeights) -> Read:
    """Return the function that reads the parameters of a model or a checkpoint, in which a tied head is not stored."""
    if isinstance(model, nn.Module):
        parameters = dict(model.named_parameters(remove_duplicate=False))
        return lambda name: parameters[name].detach() if name in parameters else None
    ties = [n for n in model.shapes if n.endswith("embed_tokens.weight")]
    tied = {"lm_head.weight": ties[0]} if len(ties) == 1 and "lm_head.weight" not in model.shapes else {}
    return lambda name: model.read(tied.get(name, name)) if tied.get(name, name) in model.shapes else None


def common_rows(file: AdapterFile, target: Read, source: Read | None = None) -> dict[str, Tensor]:
    """Return, by key, new values, trained tokens and LoRAs of embeddings in the file, for the target's tokens."""
    # new values add their change of the source to the target, or, without the source, replace the target's rows; they
    # are left out if the models' own values are not alike
    new: dict[str, Tensor] = {}
    for change in file.changes:
        stored, name = file.source.stored(change.key), f"{change.name}.{change.leaf}"
        there, here = target(name), source(name) if source else None
        if there is not None and there.shape[1:] == stored.shape[1:] and not _apart(here, there):
            n, new[change.key] = min(len(stored), len(there)), there.to(stored, copy=True)
            new[change.key][:n] = _moved(stored[:n], there[:n], None if here is None else here[:n])
    for key in file.unread:
        layer, end = next(((key.removesuffix(e), e) for e in (DOWN, UP, TOKENS) if key.endswith(e)), ("", ""))
        there = target(f"{layer.removeprefix(PEFT_PREFIX)}.weight") if end else None
        here = source(f"{layer.removeprefix(PEFT_PREFIX)}.weight") if end and source else None
        if there is None or _apart(here, there):
            continue
        stored = file.source.stored(key)
        if end == DOWN:
            new[key] = pad(stored, (0, len(there) - stored.shape[1]))
        elif end == UP and len(stored) == there.shape[1]:
            new[key] = stored
        elif end == TOKENS and len(ids := _tokens(file, layer)) == len(stored) and max(ids) < len(there):
            new[key] = _moved(stored, there[ids], None if here is None else here[ids])
    halves = {key for key in new if key.endswith((DOWN, UP))}
    return {k: t for k, t in new.items() if k not in halves or {f"{k[: -len(UP)]}{e}" for e in (DOWN, UP)} <= halves}


def told(file: AdapterFile, new: Mapping[str, Tensor]) -> list[str]:
    """Return a line for each of these tensors."""
    tokens, more = " for the tokens that both models have", ", and is not part of the predicted share"
    lines = [f"{c}: its new value is kept{tokens * (new[c.key].ndim > 1)}{more}." for c in file.changes if c.key in new]
    ends = {UP: "its LoRA", TOKENS: "the value of its trained tokens"}
    names = [(key.removeprefix(PEFT_PREFIX), end) for key in new for end in ends if key.endswith(end)]
    return lines + [f"{name.removesuffix(end)}: {ends[end]} is kept{tokens}{more}." for name, end in names]


def _apart(here: Tensor | None, there: Tensor) -> bool:
    """Return whether common rows of source and target are so unlike that a change of one says nothing on the other."""
    if here is None or here.shape[1:] != there.shape[1:]:
        return here is not None
    n = min(len(here), len(there))
    one, two = (rows[:n].flatten().double().cpu() for rows in (here, there))
    return not torch.equal(one, two) and bool(torch.cosine_similarity(one, two, 0) <= ALIKE)


def _moved(stored: Tensor, there: Tensor, here: Tensor | None) -> Tensor:
    if here is None:
        return stored
    return (there.float() + stored.float() - here.float().to(there.device)).to(stored)


def _tokens(file: AdapterFile, layer: str) -> list[int]:
    """Return the ids of the trained tokens of a layer, by PEFT's configuration."""
    given = (file.config or {}).get("trainable_token_indices")
    if isinstance(given, dict):
        given = next((ids for name, ids in given.items() if f".{layer}".endswith(f".{name}")), None)
    return [i for i in given if isinstance(i, int) and i >= 0] if isinstance(given, list) else []
