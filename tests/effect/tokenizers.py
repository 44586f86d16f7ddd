"""Small tokenizers: byte-level BPE, and unigram with byte fallback, made over the same texts; and plain words."""

import json

import pytest
import torch

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

TEXTS = [
    "the cat sat on the mat",
    "a naïve café — with ünïcode, 数学 and 😀 emoji",
    "def f(x):\n    return x + 1\n",
] * 3


def byte_level():
    made = tokenizers.ByteLevelBPETokenizer()
    made.train_from_iterator(TEXTS, vocab_size=400, special_tokens=["<s>", "</s>"], show_progress=False)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made._tokenizer, bos_token="<s>", eos_token="</s>")


def unigram():
    letters = sorted({*"".join(TEXTS).replace(" ", "▁").replace("\n", "")} - {*"😀"})
    words = ["▁the", "▁cat", "▁sat", "▁on", "▁mat", "at", "return"]
    pieces = [("<unk>", 0.0), ("<bos>", 0.0)] + [(f"<0x{b:02X}>", -9.0) for b in range(256)]
    pieces += [(piece, -4.0) for piece in letters] + [(word, -3.0) for word in words]
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=0, byte_fallback=True))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    made.decoder = tokenizers.decoders.Sequence(
        [tokenizers.decoders.Replace("▁", " "), tokenizers.decoders.ByteFallback(), tokenizers.decoders.Fuse()]
    )
    made.post_processor = tokenizers.processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<bos>", unk_token="<unk>")


def words(count: int, **options: object):
    """Return a tokenizer of the words w0, w1 and so on, between spaces."""
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({f"w{k}": k for k in range(count)}, unk_token="w0"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="w0", **options)


def permuted(tokenizer, order: torch.Tensor):
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    vocab = described["model"]["vocab"]
    described["model"]["vocab"] = {token: int(order[k]) for token, k in vocab.items()}
    for token in described["added_tokens"]:
        token["id"] = int(order[token["id"]])
    made = tokenizers.Tokenizer.from_str(json.dumps(described))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")
