"""Loading of models to run: transformers or diffusers models from folders, and members of the ANI ensembles."""

import os
import re
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import checkpoint_weights
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import InvalidValueError, MissingExtraError, UnknownNameError
from ioadapt_theory.models.guests import load_pretrained, model_class
from ioadapt_theory.outputs import at_home

ANI: Final = re.compile(r"ani-1(x|ccx):\d+")
MAIN: Final = ("unet", "transformer", "prior")
PARTS: Final = (*MAIN, "transformer_2", "text_encoder", "text_encoder_2", "text_encoder_3")
"""Components of a pipeline that may have adapters; the main model comes first."""


class Networks(nn.ModuleDict):
    """A member of an ANI ensemble: for each chemical element, a network from an atom's features to its energy."""

    def forward(self, **features: Tensor) -> Tensor:
        """Return the energies of all atoms, element by element, from a tensor (atoms, features) for each element."""
        energies = []
        for element, x in features.items():
            if element not in self:
                raise UnknownNameError("element", element, self)
            *inner, last = self[element].values()  # type: ignore[operator]
            for layer in inner:
                x = nn.functional.celu(layer(x), alpha=0.1)
            energies.append(last(x).flatten())
        return torch.cat(energies)


def load_ani(source: str) -> nn.Module:
    """Load a member of the ANI-1x or ANI-1ccx ensemble, such as ``ani-1x:0``; layers have the checkpoint's names."""
    with open_checkpoint(source) as checkpoint:
        weights = checkpoint_weights(checkpoint)
        layers: dict[str, dict[str, nn.Module]] = {}
        for name in sorted(weights.names):
            element, number = name.split(".")
            stored = weights.layer(name)
            c, d = stored.matrix.shape
            linear = nn.Linear(c, d, dtype=stored.matrix.dtype)
            linear.load_state_dict({"weight": stored.matrix.mT, "bias": stored.bias})
            layers.setdefault(element, {})[number] = linear
    return Networks({element: nn.ModuleDict(parts) for element, parts in layers.items()}).eval()


def load_model(source: Path | str) -> nn.Module:
    """Load a model in evaluation mode: from a transformers or diffusers folder, or an ANI network such as ani-1x:0."""
    if ANI.fullmatch(str(source)):
        return load_ani(str(source))
    folder = at_home(source)
    if (folder / "model_index.json").is_file():
        parts = sorted(p.name for p in folder.iterdir() if (p / "config.json").is_file())
        msg = f"{folder} is a pipeline; give the folder of one model (here: {', '.join(parts) or 'none'})."
        raise InvalidValueError(msg)
    config = folder / "config.json"
    if not config.is_file():
        what = "has no config.json" if folder.is_dir() else "is not a local folder"
        msg = f"{source} {what}; give a transformers or diffusers model's folder, or an ANI network (such as ani-1x:0)."
        raise InvalidValueError(msg)
    return load_pretrained(model_class(config), folder).eval()


def downloaded(repo: str, revision: str | None, *, weights: bool = True) -> Path:
    """Return the folder of a pipeline or a model from the hub, in huggingface_hub's cache; the VAE is left out."""
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.constants import HF_HUB_OFFLINE
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "hub") from error
    from ioadapt_theory.checkpoints.checkpoint import SourceError

    texts = ("*.json", "*.txt", "*.model")
    try:
        api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
        found = [] if HF_HUB_OFFLINE else api.model_info(repo, revision=revision).siblings or []
        names = {one.rfilename for one in found}
        folders = [f"{p}/" for p in PARTS] if "model_index.json" in names or not weights else [""]
        wanted = [f"{folder}{end}" for folder in folders for end in (*texts, *(["*.safetensors"] if weights else []))]
        wanted += [f"tokenizer{n}/{end}" for n in ("", "_2", "_3") for end in texts] + ["model_index.json"]
        variants = ["*.fp16.*", "*.non_ema.*", "*.bf16.*"]
        only = {"local_files_only": True} if HF_HUB_OFFLINE else {"allow_patterns": wanted, "ignore_patterns": variants}
        return Path(api.snapshot_download(repo, revision=revision, **only))
    except Exception as error:  # the hub's client raises errors of httpx, which are no OSErrors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        msg = f"{repo} cannot be loaded from the hub or its cache ({reason}); give a local folder."
        raise SourceError(msg) from error
