"""Small models with the names of SD-1.5, LCM and the BK-SDM students; all widths are divided by 32."""

import csv
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, InMemory

SHAPES = Path(__file__).parents[2] / "benchmarks" / "unet_shapes.tsv"


@cache
def rows() -> tuple[dict[str, str], ...]:
    with SHAPES.open(encoding="utf-8") as file:
        return tuple(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"))


def shapes(model: str, *, ldm: bool = False) -> dict[str, tuple[int, ...]]:
    """Return the divided shapes by name: diffusers' name or, if ``ldm``, the original one."""
    found = {}
    for row in rows():
        text = row["sd15"] if row[model] == "=" else row[model]
        if text != "-":
            name = f"model.diffusion_model.{row['ldm']}" if ldm else row["name"]
            found[name] = tuple(int(n) // 32 if int(n) >= 32 else int(n) for n in text.split("x"))
    return found


def weights(model: str, seed: int, *, dtype: torch.dtype = torch.float32, ldm: bool = False) -> dict[str, torch.Tensor]:
    """Return random weights; a seed gives the same weights in all dtypes and naming schemes, up to rounding."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float32).to(dtype)
        for name, shape in shapes(model, ldm=ldm).items()
    }


def sharded(values: dict[str, torch.Tensor], stem: str = "diffusion_pytorch_model", parts: int = 2) -> dict[str, bytes]:
    names = list(values)
    files, index = {}, {}
    for n in range(parts):
        file = f"{stem}-{n + 1:05}-of-{parts:05}.safetensors"
        some = names[n::parts]
        files[file] = save({k: values[k] for k in some})
        index |= dict.fromkeys(some, file)
    files[f"{stem}.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": index}).encode()
    return files


def value(checkpoint: Checkpoint, name: str) -> torch.Tensor:
    tensor, info = checkpoint.tensor(name), checkpoint.tensors[name]
    assert (tensor.shape, tensor.dtype) == (info.shape, checkpoint.dtype_of(name))
    return tensor


def held(name: str, values: Mapping[str, torch.Tensor], source: str | None = None) -> InMemory:
    return InMemory(name, source or f"/somewhere/{name}", values)


def noisy(values: Mapping[str, torch.Tensor], scale: float, seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {k: v + scale * torch.randn(v.shape, generator=g, dtype=v.dtype) for k, v in values.items()}
