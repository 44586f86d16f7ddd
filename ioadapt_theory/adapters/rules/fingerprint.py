"""Fingerprints of base models: a hash and a few values of every adapted layer."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import BaseLayer, ModelWeights, Weights
from ioadapt_theory.errors import FileFormatError, UnsupportedError

SAMPLE = 32
HEADER, BASE_NAME = "ioadapt.base", "ioadapt.base_name"


def fingerprint(layer: BaseLayer) -> dict[str, Any]:
    w = layer.matrix.detach().contiguous().cpu()
    raw = w.reshape(-1).view(torch.uint8).numpy().tobytes()
    return {
        "sha256": hashlib.sha256(f"{w.dtype}".encode() + raw).hexdigest(),
        "size": list(w.shape),
        "bias": layer.bias is not None,
        "sample": base64.b64encode(evenly_spaced(w, SAMPLE).float().numpy().tobytes()).decode(),
    }


def evenly_spaced(w: Tensor, count: int) -> Tensor:
    at = torch.linspace(0, w.numel() - 1, count, dtype=torch.float64).long().to(w.device)
    return w.detach()[at // w.shape[1], at % w.shape[1]].cpu()


def header(model: nn.Module, layers: Mapping[str, str]) -> dict[str, str]:
    """Return header entries: the base's name, and fingerprints of ``layers`` (name in the model -> in the file)."""
    weights = ModelWeights(model)
    prints = fingerprints({recorded_by: partial(weights.layer, name) for name, recorded_by in layers.items()})
    named = getattr(model, "name_or_path", None) or getattr(getattr(model, "config", None), "_name_or_path", None)
    return pack(prints, named)


def fingerprints(layers: Mapping[str, Callable[[], BaseLayer]]) -> dict[str, Any]:
    prints = {}
    for name, read in layers.items():
        with suppress(UnsupportedError):
            prints[name] = fingerprint(read())
    return prints


def pack(prints: Mapping[str, Any], base: object) -> dict[str, str]:
    return {HEADER: json.dumps(prints)} | ({BASE_NAME: base} if isinstance(base, str) and base else {})


def recorded(metadata: Mapping[str, str], path: object) -> dict[str, Any]:
    """Return the fingerprints in a file's header, or {} if it has none; raise FileFormatError for invalid JSON."""
    try:
        prints = json.loads(metadata.get(HEADER) or "{}")
    except (ValueError, RecursionError) as error:
        msg = f"{path}: the header entry {HEADER} is not valid JSON ({error}); save the adapter again."
        raise FileFormatError(msg) from None
    return prints if isinstance(prints, dict) else {}


def identical(prints: Mapping[str, Any], weights: Weights) -> tuple[int, int]:
    """Return the number of layers whose hash equals the recorded one, and the number of layers with a record."""
    names = prints.keys() & set(weights.names)
    hashes = {name: prints[name].get("sha256") for name in names if isinstance(prints[name], dict)}
    return sum(fingerprint(weights.layer(name))["sha256"] == there for name, there in hashes.items()), len(names)


def sample(text: Any) -> Tensor:
    """Return the values in the "sample" of a fingerprint, or an empty tensor if it is malformed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raw = b""
    return torch.frombuffer(bytearray(raw), dtype=torch.float32) if len(raw) == 4 * SAMPLE else torch.empty(0)
