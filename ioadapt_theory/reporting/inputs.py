"""Inputs without labels for two models, from a file: tensors, text, or prompts for a UNet or a DiT."""

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.errors import FileFormatError, InvalidValueError, MissingExtraError
from ioadapt_theory.reporting.runnable import read_inputs

TENSORS = (".safetensors", ".npz")
LENGTH, SHORTEST, ROWS = 128, 8, 256
"""Tokens in a row of a text: as few as give so many rows, within limits."""
LEAST, LARGEST = 24, 32
"""Samples that are drawn at least, prompts coming again, and the side of a UNet's latents at most."""
STEPS = 1000
"""Timesteps of the noise schedule that diffusion models are trained on."""


def read_both(
    path: Path, source: tuple[str, nn.Module], target: tuple[str, nn.Module], *, rows: int, seed: int
) -> tuple[list[Any], list[Any] | None]:
    """Return batches for the source, and for the target where it is fed differently.

    Args:
        path: a .safetensors or .npz file with a tensor for each argument of the model; else a text file: a text for
            models with a tokenizer, prompts, one a line, for models beside a text encoder.
        source: where the model is from, and the model.
        target: likewise.
        rows: of the result, at most.
        seed: of latents, noise and timesteps.

    Raises:
        FileFormatError: the file cannot be read or is empty.
        InvalidValueError: nothing turns its text into inputs, or into the same tokens for both.
    """
    if path.suffix in TENSORS:
        return [*read_inputs(path, rows)][:1], None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} is neither .safetensors or .npz nor a text file in UTF-8: {error}."
        raise FileFormatError(msg) from None
    if not text.strip():
        msg = f"{path} is empty; it has to hold text, or prompts, one a line."
        raise FileFormatError(msg)
    if "timestep" in inspect.signature(source[1].forward).parameters:
        prompts = [line.strip() for line in text.splitlines() if line.strip()]
        one, two = (_prompted(*model, prompts, rows, seed) for model in (source, target))
        return [one], [two]
    ids, other = (_tokens(model[0], text, rows) for model in (source, target))
    if not torch.equal(ids, other):
        msg = (
            f"{source[0]} and {target[0]} split the text into different tokens, so their outputs do not compare; give"
            " models with the same vocabulary."
        )
        raise InvalidValueError(msg)
    return [{"input_ids": ids}], None


def _tokens(folder: str, text: str, rows: int) -> Tensor:
    """Return the text as rows of equal length, without padding."""
    tokenizer = _pretrained("AutoTokenizer", folder, "tokenizer")
    ids = torch.tensor(tokenizer(text, truncation=False, verbose=False)["input_ids"])
    length = min(LENGTH, max(SHORTEST, len(ids) // ROWS))
    count = min(rows, len(ids) // length)
    return ids[: count * length].reshape(count, length)


def _prompted(folder: str, model: nn.Module, prompts: list[str], rows: int, seed: int) -> dict[str, Any]:
    """Return latents and timesteps from a seed, and the prompts through the text encoder beside the model."""
    config: Any = model.config
    asked = inspect.signature(model.forward).parameters
    named = "sample" if "sample" in asked else "hidden_states"
    needed = {n for n, p in asked.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    unknown = needed - {named, "timestep", "encoder_hidden_states"}
    if unknown or getattr(config, "addition_embed_type", None) or "pooled_projections" in asked:
        more = ", ".join(sorted(unknown or {"pooled embeddings"}))
        msg = f"A {type(model).__name__} takes more than a prompt ({more}); give its inputs as tensors in .safetensors."
        raise InvalidValueError(msg)
    root = Path(folder).parent
    tokenizer = _pretrained("AutoTokenizer", str(root / "tokenizer"), "tokenizer")
    encoder = _pretrained("AutoModel", str(root / "text_encoder"), "text encoder")
    encoder = getattr(encoder, "text_model", encoder)
    generator = torch.Generator().manual_seed(seed)
    chosen = [prompts[k % len(prompts)] for k in range(min(rows, max(len(prompts), LEAST)))]
    size = config.sample_size
    if named == "sample":  # a UNet takes any size, and many small samples tell more than few large ones
        size = min(size, LARGEST) if isinstance(size, int) else LARGEST
    height, width = (size, size) if isinstance(size, int) else size
    with torch.no_grad():
        ids = tokenizer(chosen, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
        states = torch.cat([encoder(part)[0] for part in ids.split(32)])
    latents = torch.randn(len(chosen), config.in_channels, height, width, generator=generator)
    timesteps = torch.randint(STEPS, (len(chosen),), generator=generator)
    extra = {"added_cond_kwargs": {"resolution": None, "aspect_ratio": None}} if named == "hidden_states" else {}
    return {named: latents, "timestep": timesteps, "encoder_hidden_states": states} | {
        key: value for key, value in extra.items() if key in asked
    }


def _pretrained(kind: str, folder: str, what: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", "examples") from error
    try:
        return getattr(transformers, kind).from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        msg = f"{folder} has no {what} that reads a text file; give the inputs as tensors in .safetensors."
        raise InvalidValueError(msg) from error
