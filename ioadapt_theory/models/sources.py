"""The models behind a name that a user gives: a pipeline's or a model's folder, a single file, a hub id or an alias."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from ioadapt_theory.checkpoints.files.folder import Folder
from ioadapt_theory.checkpoints.files.readers import is_weights
from ioadapt_theory.checkpoints.sources import resolve
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.models.load import ANI, PARTS, downloaded, load_model
from ioadapt_theory.models.single_file import SingleFile, parts_in


@dataclass(slots=True)
class Source:
    """A model, or the models of a pipeline, which are loaded when they are needed.

    Attributes:
        given: the name that the user gave.
        root: folder of the pipeline, or of the model; for a single file, the folder of its configuration.
        parts: the components that can be loaded; ("",) for a model outside a pipeline.
        only: the component that the user chose, or "".
        file: the single file, or None.
    """

    given: str
    root: Path
    parts: tuple[str, ...] = ("",)
    only: str = ""
    file: SingleFile | None = None
    loaded: dict[str, nn.Module] = field(default_factory=dict)

    @property
    def main(self) -> str:
        """The component that the user chose, or the main model."""
        return self.only or self.parts[0]

    def load(self, part: str = "") -> nn.Module:
        """Return the model of a component (by default the main one), in evaluation mode; it is loaded once."""
        part = "" if self.parts == ("",) else part or self.main
        if part not in self.loaded:
            if self.file is not None and part in self.file.parts:  # FLUX's files have no text encoders
                self.loaded[part] = self.file.load(part)
            else:
                self.loaded[part] = load_model(self.given if ANI.fullmatch(self.given) else self.root / part)
        return self.loaded[part]

    def config(self, part: str) -> Mapping[str, Any]:
        """Return the configuration of a component, or {} if it cannot be read."""
        return Folder(self.root).config(part, ask=False)

    def tokenizer(self, part: str) -> Path:
        """Return the folder of the tokenizer of a text encoder, or of a model outside a pipeline."""
        return self.root / part.replace("text_encoder", "tokenizer") if part else self.root


def open_source(given: str | Path, config: str | None = None) -> Source:
    """Return the models behind a name; nothing is loaded yet, but models on the hub are downloaded."""
    # ``config``: for a single file, a pipeline of its kind; by default one beside the file, or diffusers' on the hub
    given = str(given)
    if ANI.fullmatch(given):
        return Source(given, Path())
    alias = resolve(given)
    part = alias.part or ""
    if alias.path is None:
        named = given.rpartition(":")[2] if ":" in given else ""  # an alias names a part that the user did not choose
        path, part = downloaded(str(alias.repo), alias.revision), named
    else:
        path = Path(alias.path)
    if path.is_file() and is_weights(path.name):
        file = SingleFile(path, _configured(path, config))
        return Source(given, file.root, *_chosen(given, tuple(p for p in PARTS if p in file.parts), part), file)
    if (inside := parts_in(path)) and not (path / "config.json").is_file():
        return Source(given, path, *_chosen(given, inside, part))
    path = path / part
    if not (path / "config.json").is_file():
        way = "give a single file, the folder of a pipeline or model, or an ANI network (such as ani-1x:0)"
        there = "has no config.json" if path.is_dir() else "is not a file of weights"
        what = there if path.exists() else "does not exist"
        msg = f"{given} {what}; {way}."
        raise InvalidValueError(msg)
    if path.resolve().name in PARTS:  # a pipeline's model, whose text encoders and tokenizers are beside it
        here = path.resolve()
        return Source(given, here.parent, (here.name,), here.name)
    return Source(given, path)


def _chosen(given: str, parts: tuple[str, ...], only: str) -> tuple[tuple[str, ...], str]:
    if only and only not in parts:
        msg = f"{given} has no part {only!r}; choose one of {', '.join(parts) or 'none'}."
        raise InvalidValueError(msg)
    return ((only,) if only else parts), only


def _configured(path: Path, config: str | None) -> Path | None:
    """Return the folder with the configurations of a single file: the given one, or one beside the file."""
    if config is not None:
        alias = resolve(config)
        folder = Path(alias.path) if alias.path else downloaded(str(alias.repo), alias.revision, weights=False)
        if not (folder / "model_index.json").is_file() and not parts_in(folder):
            msg = f"--config {config} is not a folder of a pipeline; give one with unet/config.json and tokenizer/."
            raise InvalidValueError(msg)
        return folder
    beside = (path.with_suffix(""), path.parent)
    return next((folder for folder in beside if (folder / "model_index.json").is_file()), None)
