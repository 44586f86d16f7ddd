"""The likelihood that a language model gives the texts that it reads: the next tokens of a text are labels.

Texts are of the adapter's domain if the adapter makes them clearly more likely on the source. Then the retained share
of its gain is measured on them, and no labels have to be guessed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from ioadapt_theory.effect.passes import Call, run

CHUNK = 128
"""Number of positions whose whole vocabulary is in float32 at once."""


def read(model: nn.Module, batch: Any, call: Call | None, seed: int) -> tuple[Tensor, Tensor | None]:
    """Return what ``run`` does, and the log-likelihood of each row if the model predicts the next tokens of texts."""
    text = tokens(model, batch)
    if text is None:
        return run(model, batch, call, seed), None
    with heard(model) as logits:
        output = run(model, batch, call, seed)
    whole = bool(logits) and logits[-1].shape[:2] == text[0].shape
    return output, log_likelihood(logits[-1], *text) if whole else None


def tokens(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor] | None:
    """Return the ids and the mask of the texts in a batch, or None unless the model predicts their next tokens."""
    ids = batch.get("input_ids") if isinstance(batch, Mapping) else batch[0] if isinstance(batch, tuple) else batch
    if not isinstance(ids, Tensor) or ids.ndim != 2 or ids.is_floating_point() or not _is_causal(model):
        return None
    mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
    return ids, mask if isinstance(mask, Tensor) and mask.shape == ids.shape else torch.ones_like(ids)


def _is_causal(model: nn.Module) -> bool:
    generates: Any = getattr(model, "can_generate", None)
    decodes = getattr(getattr(model, "config", None), "is_encoder_decoder", True)
    return generates is not None and not decodes and generates()


@contextmanager
def heard(model: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the logits of the model's forward passes inside the block, of results that have some."""
    found: list[Tensor] = []

    def hear(_model: nn.Module, _args: Any, result: Any) -> None:
        if isinstance(logits := getattr(result, "logits", None), Tensor):
            found.append(logits)

    with model.register_forward_hook(hear):
        yield found


def log_likelihood(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Return the sum of the log-probabilities of each row's tokens after the first, which may be differentiated."""
    ids, there = ids[:, 1:].to(logits.device), followed(mask).to(logits.device)
    chosen, labels = logits[:, :-1][there > 0], ids[there > 0]
    pairs = zip(torch.split(chosen, CHUNK), torch.split(labels, CHUNK), strict=True)
    # checkpoints, so that nothing of the vocabulary's size is kept in float32 for the gradient
    each: list[Any] = [checkpoint(_logs, z, y, use_reentrant=False) for z, y in pairs]
    rows = torch.arange(len(ids), device=logits.device)[:, None].expand_as(ids)[there > 0]
    total = torch.cat(each)
    return total.new_zeros(len(ids)).index_add(0, rows, total)


def followed(mask: Tensor) -> Tensor:
    """Return a mask of the tokens that follow another one, and so can be predicted; padding may be on either side."""
    return mask[:, 1:] * mask[:, :-1]


def _logs(logits: Tensor, labels: Tensor) -> Tensor:
    return -cross_entropy(logits.to(torch.promote_types(logits.dtype, torch.float32)), labels, reduction="none")
