"""transformers models: translation of stored names to module names, and tied weights, which are stored only once.

Since version 5, transformers renames the layers of some models (ViT, DeiT, DINOv2, ...) when it reads or writes a file.
The mapping is taken from the model, or from a model that is built on the meta device from config.json.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ioadapt_theory.checkpoints.files.config import fitting

Rename = Callable[[str], str]
"""Maps the stored name of a tensor or layer to its name in the model."""

HEADS: Final = ("lm_head.weight", "embed_out.weight", "output.weight", "cls.predictions.decoder.weight")
MOST_VALUES: Final = 1 << 62
"""Number of values that a model on the meta device may have; they take no memory."""


class Stored(NamedTuple):
    """A model's storage in files: ``rename`` maps stored to module names; ``ties``: tied tensor -> stored tensor."""

    rename: Rename
    ties: Mapping[str, str]


def of_model(model: Any) -> Rename | None:
    """Return a transformers model's mapping from stored to module names; None for other models, or before version 5."""
    library = sys.modules.get("transformers")
    for wrapper in ("_orig_mod", "module", "_fsdp_wrapped_module"):
        model = getattr(model, wrapper, model)
    if library is None or not isinstance(model, library.PreTrainedModel):
        return None
    try:
        from transformers import conversion_mapping
        from transformers.core_model_loading import WeightConverter
    except ImportError:  # before version 5
        return None
    steps = [s for s in conversion_mapping.get_model_conversion_mapping(model) if not isinstance(s, WeightConverter)]

    def rename(name: str) -> str:
        layer = name if name.endswith((".weight", ".bias")) else f"{name}.weight"
        new = layer
        for step in steps:
            new = step.rename_source_key(new)[0]
        return new if layer == name else new.removesuffix(".weight")

    return rename


def of_config(config: Mapping[str, Any], tensors: int) -> Stored | None:
    """Return how a model with this config.json stores its tensors; None if transformers cannot build the model.

    No code of the model's repository is run, and no weights are allocated. The configuration is not trusted: it is
    ignored if it describes more layers than the checkpoint has tensors.
    """
    names = config.get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        return None
    try:
        import torch
        import transformers
    except ImportError:
        return None
    built = getattr(transformers, names[0], None) if names[0].isidentifier() else None
    if not isinstance(built, type) or not issubclass(built, transformers.PreTrainedModel):
        return None
    try:
        plain: Any = built.config_class  # built without quantization_config, which would replace layers
        with torch.device("meta"), fitting(names[0], config, tensors, MOST_VALUES):
            model = built(plain.from_dict({k: v for k, v in config.items() if k != "quantization_config"}))
        ties = {str(k): str(v) for k, v in model.get_expanded_tied_weights_keys(all_submodels=True).items()}
        rename = of_model(model)
    except Exception:  # an untrusted configuration can make a constructor raise any error
        return None
    return Stored(rename or str, ties)
