"""Inputs of diffusion models and of their text encoders, made from prompts as the pipelines of diffusers make them."""

import inspect
import json
import random
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ioadapt_theory.adapters.model import disable, layers
from ioadapt_theory.effect.passes import Call, called
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.models.guests import load_tokenizer
from ioadapt_theory.models.inputs import TENSORS, Batches, read_both, read_text
from ioadapt_theory.models.load import MAIN
from ioadapt_theory.models.sources import Source

LEAST, LARGEST, LONGEST = 24, 32, 256
"""Minimum number of samples (prompts are repeated), maximum side length of latents, maximum number of tokens."""
STEPS: Final = 1000
"""Number of timesteps of the noise schedule with which diffusion models are trained."""
GUIDANCE: Final = 3.5
ENCODERS: Final = ("text_encoder", "text_encoder_2", "text_encoder_3")
TEXTS: Final = "texts"
"""Key of what a diffusion model reads of prompts, by whether its own adapter is active."""
MADE: Final = 256
"""Number of prompts that are made from the tags in an adapter's metadata."""


def read_prompts(path: Path) -> list[str]:
    """Return the prompts in a text file, one per line; raise FileFormatError if it is not a text file of prompts."""
    kind = "text file with one prompt per line"
    text = read_text(path, kind)
    prompts = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        wrong = "is empty" if not prompts else "is JSON" if isinstance(json.loads(text), dict | list) else ""
    except (ValueError, RecursionError):
        wrong = ""
    if wrong:
        msg = f"{path} {wrong}; give a {kind}."
        raise FileFormatError(msg)
    return prompts


def training_tags(metadata: Mapping[str, str]) -> dict[str, float]:
    """Return the tags of training images that kohya's scripts store, with their counts, or {} if there are none."""
    try:
        folders = json.loads(metadata.get("ss_tag_frequency", "{}")).values()
        return {str(tag).strip(): float(n) for tags in folders for tag, n in tags.items() if str(tag).strip()}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}


def training_captions(counts: Mapping[str, float], seed: int) -> list[str]:
    """Return prompts drawn from tags with their counts."""
    most, drawn = max(counts.values(), default=0.0), random.Random(seed)
    some = ([tag for tag, n in counts.items() if drawn.random() * most <= n] for _ in range(MADE if most > 0 else 0))
    return [", ".join(tags) for tags in some if tags]


def batches(
    inputs: Path | list[str],
    source: Source,
    target: Source,
    part: str,
    *,
    rows: int,
    seed: int,
    length: int | None = None,
) -> Batches:
    """Return inputs of one component of both models: from a file of tensors or text, or from prompts."""
    # ``length``: number of tokens in a row of a text
    encoder, family = part.startswith("text_encoder"), _family(source)
    pair = source.load(part), target.load(part)
    text_model = not encoder and "timestep" not in inspect.signature(pair[0].forward).parameters
    reader = partial(_read, family=family, part=part)
    if isinstance(inputs, Path):
        if inputs.suffix in TENSORS or text_model:
            folders = (str(source.tokenizer(part)), str(target.tokenizer(part)))
            both = read_both(inputs, *zip(folders, pair, strict=True), rows=rows, length=length)
            return replace(both, call=reader, need="change") if encoder else both
        inputs = read_prompts(inputs)
    if text_model:
        msg = f"{source.given} is no diffusion model, so it has no prompts; give a text file as --inputs FILE."
        raise InvalidValueError(msg)
    if family != (other := _family(target)):
        msg = f"{source.given} is of the kind {family}, and {target.given} of {other}; give two models of one kind."
        raise InvalidValueError(msg)
    if encoder:
        ids, others = (_ids(one, part, inputs[:rows]) for one in (source, target))
        batch = None if torch.equal(ids, others) else [{"input_ids": others}]
        return Batches([{"input_ids": ids}], batch, reader, "change")
    (one, call), (two, _) = (_main(one, part, inputs, rows, seed) for one in (source, target))
    return Batches([one], [two], call)


def _family(source: Source) -> str:
    """Return the kind of pipeline, by which its text encoders are read: sd, sdxl, sd3 or flux."""
    main = next((source.config(part) for part in MAIN if source.config(part)), {})
    kinds = {"SD3Transformer2DModel": "sd3", "FluxTransformer2DModel": "flux"}
    kind = kinds.get(str(main.get("_class_name")), "sd")
    return "sdxl" if main.get("addition_embed_type") == "text_time" else kind


def _ids(source: Source, part: str, prompts: list[str]) -> Tensor:
    folder = source.tokenizer(part)
    way = "give a pipeline with its tokenizers (for a single file, as --config)"
    if not folder.is_dir():
        msg = f"{folder} does not exist, so prompts cannot be read; {way}."
        raise InvalidValueError(msg)
    tokenizer = load_tokenizer(folder, way)
    length = min(tokenizer.model_max_length, LONGEST)
    read = tokenizer(prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    ids: Tensor = read["input_ids"]
    return ids


def _encoded(encoder: Any, ids: Tensor, family: str, part: str) -> tuple[Tensor | None, Tensor | None]:
    """Return what the next part of the pipeline reads from a text encoder: token states and a pooled embedding."""
    if family in {"sdxl", "sd3"} and part != "text_encoder_3":
        output = encoder(ids, output_hidden_states=True)
        return output.hidden_states[-2], getattr(output, "text_embeds", None)
    if family == "flux" and part == "text_encoder":
        return None, encoder(ids).pooler_output
    return getattr(encoder, "text_model", encoder)(ids)[0], None


def _read(model: nn.Module, batch: Mapping[str, Tensor], *, family: str, part: str) -> Tensor:
    """Return what is read from a text encoder as one tensor, with the pooled embedding as one more token."""
    states, pooled = _encoded(model, batch["input_ids"], family, part)
    if pooled is None or states is None:
        return pooled if states is None else states  # type: ignore[return-value]
    width = max(states.shape[-1], pooled.shape[-1])
    return torch.cat([pad(t, (0, width - t.shape[-1])) for t in (states, pooled[:, None])], 1)


def _texts(
    source: Source, family: str, prompts: list[str], *, adapted: bool
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the token states and the pooled embeddings of prompts, by text encoder; equal prompts are encoded once."""
    unique, states, pooled = list(dict.fromkeys(prompts)), dict[str, Tensor](), dict[str, Tensor]()
    at = torch.tensor([unique.index(prompt) for prompt in prompts])
    for part in ENCODERS:
        if not source.config(part):
            continue
        encoder = source.load(part)
        device = next(encoder.parameters()).device
        with torch.no_grad(), nullcontext() if adapted else disable(encoder):
            chunks = torch.split(_ids(source, part, unique), 32)
            some = [_encoded(encoder, ids.to(device), family, part) for ids in chunks]
        for kind, found in zip((states, pooled), zip(*some, strict=True), strict=True):
            if found[0] is not None:
                kind[part] = torch.cat([t.float().cpu() for t in found])[at]
    if not states or (family != "sd" and not pooled):
        way = "give a pipeline with its text encoders (for a single file, as --config)"
        msg = f"{source.root} lacks a text encoder for prompts; {way}, or the inputs as tensors in a .safetensors file."
        raise InvalidValueError(msg)
    return states, pooled


def _conditions(source: Source, family: str, config: Any, prompts: list[str], *, adapted: bool) -> dict[str, Any]:
    """Return the inputs of a diffusion model that come from prompts."""
    states, pooled = _texts(source, family, prompts, adapted=adapted)
    text = next(iter(states.values()))
    if family == "flux":
        return {"encoder_hidden_states": text, "pooled_projections": next(iter(pooled.values()))}
    if family == "sdxl":
        size = config.sample_size
        height, width = (8 * side for side in (size if isinstance(size, list | tuple) else (size, size)))
        ids = torch.tensor([height, width, 0, 0, height, width], dtype=torch.float32).repeat(len(prompts), 1)
        more = {"text_embeds": pooled["text_encoder_2"], "time_ids": ids}
        return {"encoder_hidden_states": torch.cat([*states.values()], -1), "added_cond_kwargs": more}
    if family == "sd3":
        width = config.joint_attention_dim
        both = torch.cat([states[p] for p in ENCODERS[:2]], -1)
        t5 = states.get("text_encoder_3", both.new_zeros(len(prompts), both.shape[1], width))
        text = torch.cat([pad(both, (0, width - both.shape[-1])), t5], 1)
        return {"encoder_hidden_states": text, "pooled_projections": torch.cat([*pooled.values()], -1)}
    return {"encoder_hidden_states": text}


def _main(source: Source, part: str, prompts: list[str], rows: int, seed: int) -> tuple[dict[str, Any], Call | None]:
    """Return inputs for a diffusion model: random latents and timesteps, and prompts as its pipeline encodes them."""
    # if text encoders have adapters, it reads their states with them when its own adapter is active
    model, family = source.load(part), _family(source)
    config: Any = model.config
    asked = inspect.signature(model.forward).parameters
    named = "sample" if "sample" in asked else "hidden_states"
    needed = {n for n, p in asked.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    unknown = needed - {named, "timestep", "encoder_hidden_states"}
    if family == "sd" and (unknown or getattr(config, "addition_embed_type", None) or "pooled_projections" in asked):
        more = ", ".join(sorted(unknown or {"additional embeddings"}))
        msg = f"A {type(model).__name__} needs more than a prompt ({more}); give all its inputs in a .safetensors file."
        raise InvalidValueError(msg)
    chosen = [prompts[k % len(prompts)] for k in range(min(rows, max(len(prompts), LEAST)))]
    texts = _conditions(source, family, config, chosen, adapted=False)
    draw, count = torch.Generator().manual_seed(seed), len(chosen)
    size = config.sample_size if family != "flux" else LARGEST
    sides = [size, size] if isinstance(size, int) else list(size or (LARGEST, LARGEST))
    if named == "sample" or family in {"sd3", "flux"}:  # many small samples are more informative than a few large ones
        sides = [min(side, LARGEST) for side in sides]
    timesteps = torch.randint(STEPS, (count,), generator=draw)
    inputs: dict[str, Any]
    call: Call | None = None
    if family == "flux":
        inputs, call = _flux(config, timesteps, draw, texts["encoder_hidden_states"].shape[1])
    else:
        latents = torch.randn(count, config.in_channels, *sides, generator=draw)
        inputs = {named: latents, "timestep": timesteps}
        if family == "sd" and named == "hidden_states" and "added_cond_kwargs" in asked:
            inputs["added_cond_kwargs"] = {"resolution": None, "aspect_ratio": None}
    if not any(layers(source.loaded[p]) for p in ENCODERS if p in source.loaded):
        return inputs | texts, call
    more_texts = {False: texts, True: _conditions(source, family, config, chosen, adapted=True)}
    return inputs | {TEXTS: more_texts}, partial(_with_texts, call=call or called)


def _with_texts(model: nn.Module, batch: Mapping[str, Any], *, call: Call) -> Any:
    if TEXTS not in batch:  # no adapter was put on the target's text encoders
        return call(model, batch)
    adapted = any(layer.active and not layer.disabled for layer in layers(model).values())
    return call(model, {key: value for key, value in batch.items() if key != TEXTS} | batch[TEXTS][adapted])


def _flux(config: Any, timesteps: Tensor, draw: torch.Generator, length: int) -> tuple[dict[str, Any], Call]:
    """Return FLUX's inputs: packed latents, and a call that adds the positions, which are equal for all samples."""
    count, side = len(timesteps), LARGEST // 2
    ids = torch.zeros(side, side, 3)
    ids[..., 1], ids[..., 2] = torch.arange(side)[:, None], torch.arange(side)
    latents = torch.randn(count, side * side, config.in_channels, generator=draw)
    inputs = {"hidden_states": latents, "timestep": timesteps / STEPS}
    if config.guidance_embeds:
        inputs["guidance"] = torch.full((count,), GUIDANCE)
    return inputs, partial(_positioned, image=ids.flatten(0, 1), text=torch.zeros(length, 3))


def _positioned(model: nn.Module, batch: Mapping[str, Any], *, image: Tensor, text: Tensor) -> Any:
    device = batch["hidden_states"].device
    return model(**batch, img_ids=image.to(device), txt_ids=text.to(device))
