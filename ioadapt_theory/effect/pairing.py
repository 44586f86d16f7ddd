"""Pairs of positions and of tokens for two text models whose tokenizers differ.

Both models predict how a text goes on. Positions of the same text are paired if both tokenizers have read the same
characters there, and tokens are paired if they stand for the same bytes. The models are compared at paired positions,
on the probabilities of the paired tokens and on that of all other tokens together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.errors import InvalidValueError, UnsupportedError

LEAST = 0.1
"""Least share of positions, and least share of the smaller vocabulary, that must be paired."""
BROKEN = "\N{REPLACEMENT CHARACTER}"
CHUNK = 32
"""Number of positions whose whole vocabulary is in float32 at once."""
LITTLE = 1e-6
"""Least probability of all tokens without a partner together."""
SIDE, PLACES = "paired_side", "paired_places"
"""Entries of a batch: 0 for the source and 1 for the target, and the paired positions, -1 for none."""


def at_pairs(x: Tensor, batch: Any) -> Tensor:
    """Return the rows of x, samples x positions x features, at the paired positions of a batch; 0 where there is none.

    Without paired positions in the batch, or if x has no position for each token, x is returned as it is.
    """
    places = batch.get(PLACES) if isinstance(batch, Mapping) else None
    if places is None or x.ndim != 3 or x.shape[:2] != batch["input_ids"].shape:
        return x
    places = places.to(x.device)[..., None]
    return x.gather(1, places.clamp_min(0).expand(-1, -1, x.shape[-1])).masked_fill(places < 0, 0.0)


def ends(tokenizer: Any, text: str) -> tuple[list[int], list[int]]:
    """Return the ids of a text's tokens, and the number of characters decoded after each; -1 inside of a character."""
    ids: list[int] = tokenizer(text, verbose=False)["input_ids"]
    decode = _backend(tokenizer).decode
    read = []
    for k in range(1, len(ids) + 1):
        said = decode(ids[:k])  # without special tokens
        said = said if text.startswith(said) else said.removeprefix(" ")  # some tokenizers put a space first
        read.append(len(said) if text.startswith(said) and not said.endswith(BROKEN) else -1)
    return ids, read


def common(one: Sequence[int], two: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs of positions at which two tokenizers have read the same characters; see ``ends``."""
    here, there = ({end: k for k, end in enumerate(read) if end >= 0} for read in (one, two))  # the last of equal ends
    return [(k, there[end]) for end, k in here.items() if end in there]


def strings(tokenizer: Any) -> dict[bytes, int]:
    """Return the tokens of a vocabulary by the bytes that they stand for, without special and ambiguous ones."""
    backend = _backend(tokenizer)
    described = json.dumps(json.loads(backend.to_str())["decoder"])
    special = {*tokenizer.all_special_ids, *(k for k, t in tokenizer.added_tokens_decoder.items() if t.special)}
    found: dict[bytes, list[str]] = {}
    vocabulary = tokenizer.get_vocab()
    for token in (token for token, k in vocabulary.items() if k not in special):
        found.setdefault(_bytes(token, backend.decoder, described), []).append(token)
    plain = {raw: [t for t in some if not _is_byte(t)] or some for raw, some in found.items() if raw}
    return {raw: vocabulary[some[0]] for raw, some in plain.items() if len(some) == 1}


def _backend(tokenizer: Any) -> Any:
    if (backend := getattr(tokenizer, "backend_tokenizer", None)) is None:
        msg = f"A {type(tokenizer).__name__} does not tell which characters its tokens stand for; use a fast tokenizer."
        raise UnsupportedError(msg)
    return backend


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")


def _bytes(token: str, decoder: Any, described: str) -> bytes:
    if "ByteLevel" in described:
        table = _alphabet()
        return bytes(table[c] for c in token) if all(c in table for c in token) else token.encode()
    if "ByteFallback" in described and _is_byte(token):
        return bytes([int(token[3:5], 16)])
    if decoder is None:
        return token.encode()
    before = decoder.decode(["a"])
    return str(decoder.decode(["a", token])).removeprefix(before).encode()  # the first token may lose its space


@cache
def _alphabet() -> Mapping[str, int]:
    """Return the bytes of the characters with which byte-level tokenizers write them."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {chr(b): b for b in shown} | {chr(256 + n): b for n, b in enumerate(hidden)}


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Texts as batches for two models, the paired tokens (shared x 2), and the shares that are paired on each side."""

    source: dict[str, Tensor]
    target: dict[str, Tensor]
    tokens: Tensor
    positions: tuple[float, float]
    vocabulary: tuple[float, float]

    def call(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return log-probabilities at paired positions, rows x pairs x (shared tokens + 1); 0 where there is none."""
        places, side = batch[PLACES], int(batch[SIDE])
        logits = model(**{key: value for key, value in batch.items() if key not in {PLACES, SIDE}}).logits
        there = (places >= 0).to(logits.device)
        rows = torch.arange(len(places), device=logits.device)[:, None].expand_as(places)
        chosen = logits[rows[there], places.to(logits.device)[there]]
        made = _Common.apply(chosen, self.tokens[:, side].to(chosen.device))  # type: ignore[no-untyped-call]
        out = made.new_zeros(*places.shape, made.shape[1])
        out[there] = made
        return out

    def __str__(self) -> str:
        (a, b), (c, d) = self.positions, self.vocabulary
        return f"Paired: {a:.0%} and {b:.0%} of the positions, {c:.0%} and {d:.0%} of the vocabularies."


class _Common(torch.autograd.Function):
    """Log-probabilities of the tokens ``ids``, and of all others as one class, from the logits of a vocabulary.

    A large vocabulary is processed in chunks of positions: nothing of its size is kept in float32 for the gradient.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor) -> Tensor:
        made = logits.new_empty(len(logits), len(ids) + 1, dtype=torch.promote_types(logits.dtype, torch.float32))
        for z, out in zip(torch.split(logits, CHUNK), torch.split(made, CHUNK), strict=True):
            wide = z.to(made.dtype)
            torch.sub(wide.index_select(1, ids), wide.logsumexp(-1, keepdim=True), out=out[:, :-1])
            out[:, -1] = (-torch.expm1(out[:, :-1].logsumexp(-1).clamp_max(-LITTLE))).log()
        ctx.save_for_backward(logits, ids, made)
        return made

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor, None]:
        logits, ids, made = ctx.saved_tensors
        gradient = logits.softmax(-1)
        for out, g, p in zip(*(torch.split(x, CHUNK) for x in (made, along[0], gradient)), strict=True):
            rest = out[:, -1:].exp()
            last = g[:, -1:] * (rest > 2 * LITTLE)  # where the last class is cut off, its gradient is 0
            total = g[:, :-1].sum(-1, keepdim=True) + last
            p *= (last / rest - total).to(p)
            p[:, ids] = torch.addcmul(g[:, :-1], out[:, :-1].exp(), total, value=-1).to(p)
        return gradient, None


def paired_tokens(source: Any, target: Any) -> Tensor:
    """Return the ids of tokens that stand for the same bytes in both tokenizers, shared x 2."""
    one, two = strings(source), strings(target)
    shared = sorted(one.keys() & two.keys())
    most = len(shared) / max(min(len(source), len(target)), 1)
    _require(most, f"{len(shared)} of {len(source)} and {len(target)} tokens", "models")
    return torch.tensor([(one[raw], two[raw]) for raw in shared])


def paired(texts: Sequence[str], source: Any, target: Any, tokens: Tensor | None = None) -> Pairing:
    """Return texts as batches for two models with different tokenizers, and what could be paired.

    ``tokens`` are the ``paired_tokens`` of both tokenizers, if they are known. Raises InvalidValueError if too few
    tokens or positions can be paired, and UnsupportedError if a tokenizer does not know the characters of its tokens.
    """
    tokens = paired_tokens(source, target) if tokens is None else tokens
    vocabulary = len(tokens) / max(len(source), 1), len(tokens) / max(len(target), 1)
    read = [(ends(source, text), ends(target, text)) for text in texts]
    pairs = [common(a, b) for (_, a), (_, b) in read]
    counts = [sum(len(ids) for ids, _ in side) for side in zip(*read, strict=True)]
    total = sum(map(len, pairs))
    positions = total / max(counts[0], 1), total / max(counts[1], 1)
    _require(max(positions), f"{total} of {counts[0]} and {counts[1]} positions", "texts")
    batches = [
        _batch([row[side][0] for row in read], [[pair[side] for pair in some] for some in pairs], side)
        for side in (0, 1)
    ]
    return Pairing(batches[0], batches[1], tokens, positions, vocabulary)


def _require(share: float, what: str, where: str) -> None:
    if share < LEAST:
        limit = f"{share:.1%}, at least {LEAST:.0%}"
        msg = f"Only {what} can be paired ({limit}), so that the models cannot be compared; give other {where}."
        raise InvalidValueError(msg)


def _batch(ids: list[list[int]], places: list[list[int]], side: int) -> dict[str, Tensor]:
    def table(rows: list[list[int]], fill: int) -> Tensor:
        longest = max(map(len, rows))
        return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])

    mask = table([[1] * len(row) for row in ids], 0)
    return {"input_ids": table(ids, 0), "attention_mask": mask, PLACES: table(places, -1), SIDE: torch.tensor(side)}
