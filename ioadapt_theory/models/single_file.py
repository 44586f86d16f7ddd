"""Models in single files, such as Stable Diffusion's: read by diffusers, with the configurations of a pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.files.config import fitting, read_config
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.checkpoints.names.kinds import of_adapter
from ioadapt_theory.checkpoints.names.text_encoders import PROJECTION, encoder, encoders
from ioadapt_theory.checkpoints.names.unet import PREFIX
from ioadapt_theory.checkpoints.renaming import as_modules
from ioadapt_theory.errors import FileFormatError, InvalidValueError, MissingExtraError
from ioadapt_theory.models.guests import guest, model_class
from ioadapt_theory.models.load import PARTS, downloaded


class SingleFile:
    """A checkpoint in a single file.

    Attributes:
        root: the folder of a pipeline with configurations and tokenizers.
        parts: the components of the pipeline that the file contains.
    """

    def __init__(self, path: Path, root: Path | None) -> None:
        """Open the file; without ``root``, the configurations are those that diffusers knows for files of its kind."""
        self.path = path
        with open_file(path) as whole:
            if "ioadapt.layers" in whole.metadata or of_adapter(whole.tensors):
                msg = f"{path} is an adapter, not a model; give the models as SOURCE and TARGET, after ADAPTER."
                raise InvalidValueError(msg)
            shapes = {name: info.shape for name, info in whole.tensors.items()}
        self.root = _known(path, shapes) if root is None else root
        configured = parts_in(self.root)
        main = next((part for part in ("unet", "transformer") if part in configured), None)
        if main is None:
            msg = f"{self.root} has no unet/config.json or transformer/config.json; give the folder of a pipeline."
            raise InvalidValueError(msg)
        self.parts = (main, *(part for part in encoders(shapes) if part in configured))

    def load(self, part: str) -> nn.Module:
        """Load a component in evaluation mode; raise FileFormatError if the file does not fit its configuration."""
        config, main = self.root / part / "config.json", part == self.parts[0]
        kind, library = model_class(config), "diffusers" if main else "transformers"
        misfit = f"{self.path} does not fit the {kind.__name__} of {config}, so give its kind of pipeline as --config"
        with open_file(self.path) as whole, guest(misfit, library):
            size = len(whole.tensors), sum(info.numel for info in whole.tensors.values())
            with fitting(config, read_config(config), *size):
                model = self._main(whole, kind, part) if main else _encoder(whole, kind, part, read_config(config))
        if missing := sorted(n for n, p in model.named_parameters() if p.is_meta):
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            msg = f"{self.path} lacks weights that {config} asks for ({missing[0]}{more}); give another --config."
            raise FileFormatError(msg)
        return model.eval()

    def _main(self, whole: Checkpoint, kind: Any, part: str) -> nn.Module:
        names = [n for n in whole.tensors if n.startswith(PREFIX)] or [*whole.tensors]
        state = {name: whole.tensor(name).float() for name in names}
        options = {"config": str(self.root), "subfolder": part, "local_files_only": True}
        try:
            model: nn.Module = kind.from_single_file(state, **options)
        except (RuntimeError, KeyError, ValueError):  # its converter of FLUX knows only the usual width
            model = self._renamed(whole, kind, part)
        return model

    def _renamed(self, whole: Checkpoint, kind: Any, part: str) -> nn.Module:
        """Load the main model by our own tables of names; raise KeyError if a weight is missing."""
        with torch.device("meta"):
            model: nn.Module = kind.from_config(kind.load_config(str(self.root), subfolder=part))
        view = as_modules(whole, [name for name, _ in model.named_modules()])
        model.load_state_dict({name: view.tensor(name).float() for name in model.state_dict()}, assign=True)
        return model


def _encoder(whole: Checkpoint, kind: Any, part: str, config: dict[str, Any]) -> nn.Module:
    """Load a text encoder with our own table of names; the weights that it lacks stay on the meta device."""
    view = encoder(whole, part)
    assert view is not None
    with torch.device("meta"):
        model: nn.Module = kind(kind.config_class.from_dict(config))
    wanted, state = {n: p.shape for n, p in model.named_parameters(remove_duplicate=False)}, dict[str, Tensor]()
    for name in view.tensors:
        if name == PROJECTION:
            state[f"{PROJECTION}.weight"] = view.tensor(name).float().mT.contiguous()
        elif (new := name if name in wanted else name.removeprefix("text_model.")) in wanted:
            state[new] = view.tensor(name).float()
    if f"{PROJECTION}.weight" in wanted.keys() - state.keys():  # SD 3.5's files leave out CLIP-L's identity
        state[f"{PROJECTION}.weight"] = torch.eye(*wanted[f"{PROJECTION}.weight"])
    if (shared := "encoder.embed_tokens.weight") in wanted.keys() - state.keys() and "shared.weight" in state:
        state[shared] = state["shared.weight"]
    model.load_state_dict(state, strict=False, assign=True)
    for name, buffer in [*model.named_buffers()]:
        owner, _, leaf = name.rpartition(".")
        positions = torch.arange(buffer.shape[-1]).expand(buffer.shape)
        model.get_submodule(owner).register_buffer(leaf, positions, persistent=False)
    return model


def parts_in(folder: Path) -> tuple[str, ...]:
    """Return the components of a pipeline that a folder contains, at least their configurations."""
    return tuple(part for part in PARTS if (folder / part / "config.json").is_file())


def _known(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Path:
    """Return the folder of configurations that diffusers uses for a file with these tensors, from the hub's cache."""
    way = "give a folder or hub id of this kind of pipeline, with its configurations and tokenizers, as --config"
    try:
        from diffusers.loaders.single_file_utils import DIFFUSERS_DEFAULT_PIPELINE_PATHS, infer_diffusers_model_type
    except ImportError as error:
        raise MissingExtraError("diffusers", "examples") from error
    if not any(name.startswith((PREFIX, "double_blocks.", "joint_blocks.")) for name in shapes):
        msg = f"{path} is not a single file of SD 1.x, 2.x, SDXL, SD 3.5 or FLUX; give the folder of a pipeline."
        raise InvalidValueError(msg)
    empty = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    kind = infer_diffusers_model_type(empty)  # type: ignore[no-untyped-call]
    repo = DIFFUSERS_DEFAULT_PIPELINE_PATHS[kind]["pretrained_model_name_or_path"]
    try:
        root = downloaded(repo, None, weights=False)
    except OSError as error:
        msg = f"The configuration of {path} ({kind}: {repo}) is neither in the hub's cache nor can be loaded; {way}."
        raise InvalidValueError(msg) from error
    if not parts_in(root):
        msg = f"The hub's cache has no configurations of {repo}, which {path} ({kind}) needs; {way}."
        raise InvalidValueError(msg)
    return root
