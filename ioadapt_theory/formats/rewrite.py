"""Writing of a plain LoRA like the file that it comes from: the same keys, dtypes, alphas and metadata."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Ranges
from ioadapt_theory.checkpoints.names import unet
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.formats.adapter_file import DIFFUSERS_CONFIG, AdapterFile, StoredLayer
from ioadapt_theory.formats.keys import stem_of
from ioadapt_theory.formats.kinds.peft import write_folder
from ioadapt_theory.formats.tensors import is_finite, write
from ioadapt_theory.formats.vocabulary import TOKENS

SUFFIXES = {
    True: {"down": ".lora_down.weight", "up": ".lora_up.weight", "up_bias": ".lora_up.bias"},
    False: {"down": ".lora_A.weight", "up": ".lora_B.weight", "up_bias": ".lora_B.bias"},
}
"""Ends of keys if the file has no plain LoRA from which to take them; for flattened names (True) and dotted names."""


@dataclass(frozen=True, slots=True)
class Factors:
    """A layer of a plain LoRA in torch's layout; ``up`` includes the scaling; for ``lost``, see ``truncate``."""

    down: Tensor
    up: Tensor
    bias: Tensor | None = None
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class Component:
    """The adapter of one component.

    Attributes:
        stored: layer of the source -> the stored adapter that was loaded on it.
        layers: layer of the target -> its new LoRA, or its tensors by role as the file's layer has them, or None to
            write the stored adapter unchanged.
        origins: layer of the target -> the layer of the source that it corresponds to, by default of the same name.
        renamed: whether stored adapters may be matched with layers of other names, by the weights.
    """

    stored: Mapping[str, StoredLayer]
    layers: Mapping[str, Factors | Mapping[str, Tensor] | None]
    origins: Mapping[str, str] = field(default_factory=dict)
    renamed: bool = False


@dataclass(slots=True)
class Ranks:
    """The rank and scaling of each written layer, by component and name, and whether they differ from the file's."""

    of: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    changed: bool = False
    resized: bool = False

    def into(self, config: dict[str, Any], component: str) -> dict[str, Any]:
        """Return a configuration, whose keys may start with a component, with these ranks and their alphas."""
        if not self.changed:
            return config
        start = f"{component}." if component else ""
        root = config.get(f"{start}use_rslora") is True
        here = {name: (r, s * (r**0.5 if root else r)) for (part, name), (r, s) in self.of.items() if part == component}
        (r, alpha), _ = Counter(here.values()).most_common(1)[0]
        odd = {f"^{re.escape(name)}": pair for name, pair in here.items() if pair != (r, alpha)}
        patterns = {f"{key}_pattern": {n: p[i] for n, p in odd.items()} for i, key in enumerate(("rank", "alpha"))}
        return config | {f"{start}{key}": value for key, value in {"r": r, "lora_alpha": alpha, **patterns}.items()}


def rewrite(
    path: Path,
    file: AdapterFile,
    parts: list[Component],
    *,
    base: str,
    notes: Mapping[str, str],
    dtype: torch.dtype | None,
    more: Mapping[str, Tensor] = MappingProxyType({}),
) -> None:
    """Write ``parts`` and the tensors ``more`` in the format of ``file``; ``base`` is the model's name."""
    tensors, ranks = {key: t if dtype is None else t.to(dtype) for key, t in more.items()}, Ranks()
    for part in parts:
        names = _Names(file, part.stored)
        for layers in _groups(part):
            stored = part.stored.get(part.origins.get(layers[0], layers[0]))
            made = [part.layers[layer] for layer in layers]
            if not isinstance(made[0], Factors):
                assert stored is not None
                tensors |= {key: file.source.stored(key) for key in stored.keys.values()}
                for role, t in (made[0] or {}).items():
                    former = tensors[stored.keys[role]]
                    tensors[stored.keys[role]] = t.reshape(former.shape).to(dtype or former.dtype)
                continue
            same = stored is not None and all(part.origins.get(layer, layer) == layer for layer in layers)
            if stored is not None and part.renamed:
                same &= names.path(layers[0]) == stored.name.path
            edges = [part.stored[layer].rows for layer in layers] if same else [None]
            one = _joined([(f, rows) for f, rows in zip(made, edges, strict=True) if isinstance(f, Factors)])
            keys, title = names.of(stored if same else None, layers[0])
            tensors |= _layer(file, stored or next(iter(part.stored.values())), one, keys, title, dtype, ranks)
    if not all(is_finite(t) for t in tensors.values()):
        msg = f"The adapter has values beyond the range of {dtype or 'its dtype'}; write it with --dtype float32."
        raise InvalidValueError(msg)
    kept = file.kept()
    if file.config is not None:
        whole = {layer for part in parts for layer in part.layers} == {layer for part in parts for layer in part.stored}
        embedded = [key for key in file.unread if ".lora_embedding_" in key]
        explicit = None if whole and more.keys() >= {*embedded} else [n for part in parts for n in part.layers]
        if explicit is not None:
            explicit += sorted({stem_of(f"{k}.weight").removeprefix(PEFT_PREFIX) for k in embedded if k in more})
        biased = any(isinstance(f, Factors) and f.bias is not None for part in parts for f in part.layers.values())
        plain = any(isinstance(f, Factors) for part in parts for f in part.layers.values())
        config = _config(file.config, base, ranks, explicit, biased=biased, plain=plain)
        if not {change.key for change in file.changes} <= more.keys():
            config["modules_to_save"] = None
        if config.get("trainable_token_indices") and not any(key.endswith(TOKENS) for key in more):
            config["trainable_token_indices"] = None
        write_folder(path, config, tensors, {**kept, **notes})
        return
    if packed := file.source.metadata.get(DIFFUSERS_CONFIG):
        config = json.loads(packed)
        for component in {part for part, _ in ranks.of}:
            config = ranks.into(config, component)
        kept[DIFFUSERS_CONFIG] = json.dumps(config) if ranks.changed else packed
    if ranks.resized:  # as kohya's scripts describe other ranks
        dims = {str(rank) for rank, _ in ranks.of.values()}
        alphas = {str(float(t)) for key, t in tensors.items() if key.endswith(".alpha")}
        new = {"ss_network_dim": dims, "ss_network_alpha": alphas}
        kept |= {key: (*values,)[0] if len(values) == 1 else "Dynamic" for key, values in new.items() if key in kept}
    write(path, tensors, {**_hashed(kept, tensors), **notes})


def _groups(part: Component) -> list[list[str]]:
    """Return groups of the target's layers: those that come from one stored layer, such as q, k and v, together."""
    groups: dict[object, list[str]] = {}
    for layer in part.layers:
        stored = part.stored.get(layer) if part.origins.get(layer, layer) == layer else None
        groups.setdefault(stored.name if stored and stored.rows else layer, []).append(layer)
    return [*groups.values()]


def _joined(parts: list[tuple[Factors, Ranges | None]]) -> Factors:
    """Return one LoRA for a fused layer, whose outputs ``rows`` are those of each part; equal A are stored once."""
    if len(parts) == 1 and parts[0][1] is None:
        return parts[0][0]
    rows = [[n for start, stop in edges or () for n in range(start, stop)] for _, edges in parts]
    size, first = max(max(inside) for inside in rows) + 1, parts[0][0]
    shared = all(f.down.shape == first.down.shape and torch.equal(f.down, first.down) for f, _ in parts)
    ups = []
    for (f, _), inside in zip(parts, rows, strict=True):
        up = f.up.new_zeros(size, *f.up.shape[1:])
        up[inside] = f.up
        ups.append(up)
    bias = None
    if any(f.bias is not None for f, _ in parts):
        bias = first.up.new_zeros(size)
        for (f, _), inside in zip(parts, rows, strict=True):
            bias[inside] = 0 if f.bias is None else f.bias
    down = first.down if shared else torch.cat([f.down for f, _ in parts])
    return Factors(down, sum(ups[1:], ups[0]) if shared else torch.cat(ups, 1), bias)


def _layer(
    file: AdapterFile,
    like: StoredLayer,
    one: Factors,
    keys: Mapping[str, str],
    title: str,
    dtype: torch.dtype | None,
    ranks: Ranks,
) -> dict[str, Tensor]:
    """Return the tensors of a layer, with the dtype and scaling of ``like``, and add its rank to ``ranks``."""
    *_, (_, old) = like.sketch.parts()
    wanted = dtype or file.source.dtype(next(key for role, key in like.keys.items() if role != "alpha"))
    scaling, rank = old.scaling or 1.0, len(one.down)
    flat, configured = like.name.flat, file.config is not None or DIFFUSERS_CONFIG in file.source.metadata
    ranks.of[like.name.component, title] = rank, scaling
    ranks.resized |= rank != old.rank
    changed = title != like.name.path or rank != old.rank or not {"down", "up"} <= like.keys.keys()
    tensors = {keys["down"]: one.down.to(wanted), keys["up"]: (one.up / scaling).to(wanted)}
    if "alpha" in like.keys:
        tensors[keys["alpha"]] = torch.full_like(file.source.stored(like.keys["alpha"]), scaling * rank)
    elif configured:
        ranks.changed |= changed
    elif flat and changed and scaling != 1:  # an alpha in kohya's header would be divided by the new rank
        tensors[keys["alpha"]] = torch.tensor(scaling * rank)
    if one.bias is not None:
        role, shift = ("up_bias", one.bias / scaling) if not flat else ("diff_b", one.bias)
        tensors[keys[role]] = shift.to(wanted)
    return {key: t.contiguous() for key, t in tensors.items()}


class _Names:
    """The keys of a component's layers in a file."""

    def __init__(self, file: AdapterFile, stored: Mapping[str, StoredLayer]) -> None:
        self.file, self.stored = file, stored
        self.flat = any(one.name.flat for one in stored.values())
        plain = next((one for one in stored.values() if {"down", "up"} <= one.keys.keys()), None)
        stem = plain and stem_of(plain.keys["down"])
        ends = {role: key.removeprefix(stem) for role, key in plain.keys.items()} if plain and stem else {}
        self.ends = SUFFIXES[self.flat] | {"alpha": ".alpha", "diff_b": ".diff_b"} | ends
        alike = (item for item in stored.items() if item[1].name.path.endswith(self._dotless(item[0])))
        layer, example = next(alike, next(iter(stored.items())))
        text = stem_of(next(iter(example.keys.values()))) or str(example.name)
        self.start = text.removesuffix(example.name.path)
        blocks = unet.blocks_in_diffusers(stored)
        numbered = any(unet.is_numbered(one.name.path, one.name.flat) for one in stored.values())
        table = unet.names(blocks, self.flat) if numbered else {}
        self.theirs = {new: old for old, new in table.items()}
        more = example.name.path.removesuffix(self._dotless(layer))  # such as text_model_, which transformers 5 drops
        self.inside = more if more != example.name.path else ""

    def _dotless(self, layer: str) -> str:
        return layer.replace(".", "_") if self.flat else layer

    def path(self, layer: str) -> str:
        """Return the file's name for a layer of the target."""
        path, dot = f"{self.inside}{self._dotless(layer)}", "_" if self.flat else "."
        words = path.split(dot)
        heads = (i for i in range(len(words), 0, -1) if dot.join(words[:i]) in self.theirs)
        i = next(heads, 0)
        return dot.join([self.theirs[dot.join(words[:i])], *words[i:]]) if i else path

    def of(self, stored: StoredLayer | None, layer: str) -> tuple[dict[str, str], str]:
        """Return role -> key for a layer of the target, with the keys of ``stored`` if given, and the layer's name."""
        if stored is None:
            path = self.path(layer)
            return {role: f"{self.start}{path}{end}" for role, end in self.ends.items()}, path
        some = stored.keys.get("down") or next(iter(stored.keys.values()))
        keys = {role: f"{stem_of(some) or stored.name}{end}" for role, end in self.ends.items()}
        return keys | (dict(stored.keys) if {"down", "up"} <= stored.keys.keys() else {}), stored.name.path


def _config(
    old: Mapping[str, Any], base: str, ranks: Ranks, explicit: list[str] | None, *, biased: bool, plain: bool
) -> dict[str, Any]:
    """Return PEFT's configuration for another base, for the layers ``explicit`` (None: as before)."""
    config = {key: v for key, v in old.items() if key != "base_fingerprints"} | {"base_model_name_or_path": base}
    if config["peft_type"] != "LORA" and plain:
        kept = {key: config.get(key) for key in ("task_type", "inference_mode", "modules_to_save")}
        kept |= {"base_model_name_or_path": base}
        config, explicit = {"peft_type": "LORA", **kept}, [name for _, name in ranks.of]
    if config.get("revision"):
        config["revision"] = None  # of the former base
    if explicit is not None:
        config |= {"target_modules": explicit, "layers_to_transform": None, "layers_pattern": None}
    if config.get("use_dora") and plain:
        config["use_dora"] = False
    return ranks.into(config, "") | ({"lora_bias": True} if biased else {})


def _hashed(metadata: dict[str, str], tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return metadata whose hashes of the file's own tensors, if it has any, are those of ``tensors``."""
    names = {"sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256"} & metadata.keys()
    if names:
        raw = save(dict(tensors), {k: v for k, v in metadata.items() if k.startswith("ss_")})
        body = hashlib.sha256(raw[8 + int.from_bytes(raw[:8], "little") :]).hexdigest()
        short = hashlib.sha256(raw[0x100000:0x110000]).hexdigest()[:8]
        new = {"sshs_model_hash": body, "sshs_legacy_hash": short, "modelspec.hash_sha256": f"0x{body}"}
        metadata |= {name: new[name] for name in names}
    return metadata
