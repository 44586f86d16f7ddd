"""A cache of results (JSON) and trained tensors, keyed by a hash of the configuration; files are written atomically."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ioadapt_theory.outputs import replacing, write_json
from ioadapt_theory.results import fingerprint


def figures(folder: Path, config: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the cached results for the configuration, or, if there are none, those of ``compute``, and store them."""
    path = folder / f"{fingerprint(config)}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["config"] == json.loads(json.dumps(config, default=str)):
            return dict(stored["results"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    computed = compute()
    write_json(path, {"config": json.loads(json.dumps(config, default=str)), "results": computed})
    return computed


def tensors(folder: Path, config: Mapping[str, Any], compute: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the cached tensors for the configuration, or, if there are none, those of ``compute``, and store them."""
    path = folder / f"{fingerprint(config)}.safetensors"
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        found = {key: value.detach().clone().contiguous() for key, value in compute().items()}
    with replacing(path) as temporary:
        save_file(found, temporary)
    return found


def models(
    folder: Path,
    config: Mapping[str, Any],
    blank: Callable[[], nn.Module],
    train: Callable[[], Mapping[str, nn.Module]],
) -> dict[str, nn.Module]:
    """Return frozen models by name, with weights from the cache or ``train``; ``blank`` returns an untrained model."""
    stored = tensors(
        folder,
        config,
        lambda: {
            f"{name}/{key}": value for name, model in train().items() for key, value in model.state_dict().items()
        },
    )
    found: dict[str, nn.Module] = {}
    for name in dict.fromkeys(key.partition("/")[0] for key in stored):
        own = {key.partition("/")[2]: value for key, value in stored.items() if key.partition("/")[0] == name}
        with torch.random.fork_rng(devices=[]):
            found[name] = blank().eval().requires_grad_(requires_grad=False)
        found[name].load_state_dict(own)
    return found
