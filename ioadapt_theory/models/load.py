"""Loading of models to run: transformers or diffusers models from folders, and members of the ANI ensembles."""

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import checkpoint_weights
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.models.guests import load_pretrained, model_class
from ioadapt_theory.outputs import at_home


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
    networks = Networks({element: nn.ModuleDict(parts) for element, parts in layers.items()})
    return networks.eval()


def load_model(source: Path | str) -> nn.Module:
    """Load a model in evaluation mode: from a transformers or diffusers folder, or an ANI network such as ani-1x:0."""
    if re.fullmatch(r"ani-1(x|ccx):\d+", str(source)):
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
