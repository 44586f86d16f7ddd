"""Layers as the authors of a model name them, in the terms of diffusers and transformers.

FLUX and SD3, of which one layer of the authors may be several, the autoencoder of Stable Diffusion, and OpenCLIP.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from ioadapt_theory.checkpoints.checkpoint import Ranges
from ioadapt_theory.checkpoints.names import TABLES
from ioadapt_theory.checkpoints.names.layer_name import unwrapped

Form = tuple[tuple[str, Ranges | None], ...]
"""A stored tensor under other names: one, or several that share its rows; None for all of them."""


def _long(names: str) -> str:
    return re.sub(r"\bT\b", "transformer_blocks.N", re.sub(r"\bS\b", "single_transformer_blocks.N", names))


LAYERS: Final = {
    re.sub(r"\bN\b", "#", name).replace(".", "_"): tuple(_long(form).split() for form in forms.split("|"))
    for name, forms in TABLES["layers"].items()
}
"""Flattened name of a layer, # for its number -> the layers of diffusers that it is, by generation."""
VAE, OPENCLIP, XLABS = (
    [(re.compile(old), new) for old, new in TABLES[table].items()] for table in ("autoencoder", "openclip", "xlabs")
)

SWAPPED: Final = "adaLN_modulation"
"""Two halves, shift and scale, which diffusers has the other way round (not so where there are six or nine parts)."""

_TRANSFORMER: Final = re.compile(r"^(model\.)?diffusion_model\.")
_VAE: Final = re.compile(r"(first_stage_model\.|vae\.|)(?=(encoder|decoder|quant_conv|post_quant_conv)\.)")
_CLIP: Final = re.compile(
    r"(cond_stage_model|conditioner\.embedders\.\d|text_encoders\.clip_[lg])\.(transformer\.text_model|model)\.(.+)"
)


def forms(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, list[Form]]:
    """Return what each stored tensor may be under other names, given the shapes of all."""
    forms_of = {key: _transformer(key, shapes) + _openclip(key, shapes[key]) for key in shapes}
    for key, name in _autoencoder(shapes).items():
        forms_of[key].append(((name, None),))
    return forms_of


def in_diffusers(path: str) -> Iterator[tuple[str, ...]]:
    """Yield what a layer of an original FLUX or SD3 may be called in diffusers; ``path`` may be flattened."""
    numbers = re.findall(r"blocks[._](\d+)[._]", path)
    flat = re.sub(r"(blocks)[._]\d+[._]", r"\1_#_", path).replace(".", "_")
    for names in LAYERS.get(flat, ()):
        yield tuple(_numbered(name, numbers) for name in names)


def ranges(path: str, inputs: int, outputs: int, parts: int) -> list[Ranges]:
    """Return which outputs of the original layer each of its parts in diffusers has, in order."""
    match parts:
        case 1 if SWAPPED in path and outputs == 2 * inputs:
            return [[(inputs, outputs), (0, inputs)]]
        case 1:
            return [[(0, outputs)]]
        case 3:
            ends = [outputs * i // 3 for i in range(4)]
        case _:  # q, k and v of the width of the stream, and the MLP
            ends = [0, inputs, 2 * inputs, 3 * inputs, outputs]
    return [[(start, stop)] for start, stop in itertools.pairwise(ends)]


def without_xlabs(key: str) -> str:
    """Replace XLabs' processors by the names of the layers that they act on."""
    return next((old.sub(new, key) for old, new in XLABS if old.search(key)), key)


def _numbered(name: str, numbers: Collection[str]) -> str:
    return re.sub(r"\bN\b", next(iter(numbers), ""), name)


def _transformer(key: str, shapes: Mapping[str, tuple[int, ...]]) -> list[Form]:
    name = _TRANSFORMER.sub("", unwrapped(key))
    if vector := TABLES["vectors"].get(re.sub(r"(?<=blocks\.)\d+(?=\.)", "N", name)):
        return [((_numbered(_long(vector), re.findall(r"blocks\.(\d+)\.", name)), None),)]
    layer, _, leaf = name.rpartition(".")
    matrix = shapes.get(f"{key.rpartition('.')[0]}.weight", ())
    if leaf not in {"weight", "bias"} or len(matrix) < 2:
        return []
    forms_of: list[Form] = []
    for names in in_diffusers(layer):
        rows = ranges(layer, matrix[1], matrix[0], len(names))
        whole = rows == [[(0, matrix[0])]]
        forms_of.append(tuple((f"{n}.{leaf}", None if whole else r) for n, r in zip(names, rows, strict=True)))
    return forms_of


def _openclip(key: str, shape: tuple[int, ...]) -> list[Form]:
    matched = _CLIP.fullmatch(key)
    if matched is None:
        return []
    if matched[2] != "model":
        return [((f"text_model.{matched[3]}", None),)]
    rule = next(((hit, new) for old, new in OPENCLIP if (hit := old.fullmatch(matched[3]))), None)
    if rule is None:
        return []
    name = f"text_model.{rule[0].expand(rule[1])}"
    if "QKV" not in name:
        return [((name, None),)]
    n = shape[0] // 3 if shape else 0
    return [tuple((name.replace("QKV", part), [(i * n, (i + 1) * n)]) for i, part in enumerate("qkv"))]


def _autoencoder(keys: Collection[str]) -> dict[str, str]:
    """Return stored name -> diffusers' name for the tensors of an autoencoder."""
    inner = {key: key[matched.end() :] for key in keys if (matched := _VAE.match(key))}
    if not any(".mid.attn_1." in name or ".mid.block_1." in name for name in inner.values()):
        return {}
    ups = {key: int(m[1]) for key, name in inner.items() if (m := re.match(r"decoder\.up\.(\d{1,3})\.", name))}
    for key, number in ups.items():
        inner[key] = re.sub(r"\d+", str(max(ups.values()) - number), inner[key], count=1)
    for old, new in VAE:
        inner = {key: old.sub(new, name) for key, name in inner.items()}
    return inner
