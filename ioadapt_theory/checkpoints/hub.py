"""Weights in a hub repository at one commit, read with huggingface_hub, which alone handles the user's token."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, errors, hf_hub_download, snapshot_download
from huggingface_hub.utils.tqdm import tqdm

from ioadapt_theory.checkpoints.aliases import Alias
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.folder import Folder, open_weights
from ioadapt_theory.checkpoints.files.readers import is_weights
from ioadapt_theory.errors import InvalidValueError

WAYS = {
    errors.GatedRepoError: "accept its licence on its page, then run `hf auth login` or set HF_TOKEN",
    errors.RepositoryNotFoundError: "check the spelling; if the repository is private, set HF_TOKEN",
    errors.RevisionNotFoundError: "check the revision, a branch, tag or commit",
    errors.EntryNotFoundError: "check the name of the file",
}
"""The remedy for each kind of error of the hub."""
LATER = "try again later or, if the model is in the cache, with --offline (offline=True)"


def open_remote(alias: Alias, *, variant: str | None, cache: Path | None, offline: bool, progress: bool) -> Checkpoint:
    """Open the weights in the repository of an alias; see `open_checkpoint`."""
    repo, part = str(alias.repo), alias.part
    if part is not None and (".." in part.split("/") or part.startswith("/")):
        msg = f"{part!r} is not a path in {repo}; give a path relative to the root of the repository, without '..'."
        raise InvalidValueError(msg)
    where: dict[str, Any] = {"cache_dir": cache and cache.expanduser(), "endpoint": os.environ.get("HF_ENDPOINT")}
    at: HfApi | Path = HfApi(endpoint=where["endpoint"])
    if offline or constants.HF_HUB_OFFLINE:
        try:
            at = Path(snapshot_download(repo, revision=alias.revision, local_files_only=True, **where))
        except (errors.LocalEntryNotFoundError, ValueError):  # ValueError: an invalid revision
            msg = f"{repo} is not in the cache, and offline mode is on; run `hf download {repo}` while online."
            raise SourceError(msg) from None
    place = Repository(alias, where, at, progress=progress)
    weights = open_weights(place, part, variant=variant)
    weights.name, weights.revision = alias.name, place.root.name
    return weights


class Repository(Folder):
    """A repository at one commit: its files on the hub, if ``at`` is a client, or those in the cache at a folder."""

    def __init__(self, alias: Alias, where: dict[str, Any], at: HfApi | Path, *, progress: bool) -> None:
        self.repo, self.revision, self.where = str(alias.repo), alias.revision, where
        self.progress = progress
        self.files: Sequence[str] | None = None
        if isinstance(at, HfApi):
            options = {"revision": self.revision, "timeout": constants.HF_HUB_ETAG_TIMEOUT}
            info = self.asked(self.repo, at.model_info, self.repo, **options)
            self.files = [f.rfilename for f in info.siblings or () if f.rfilename.isprintable()]
            at = Path(str(info.sha))
        super().__init__(at)

    def asked(self, what: str, ask: Any, *arguments: Any, **options: Any) -> Any:
        """Return the hub's answer; raise SourceError, with the hub's own words, if it refuses or fails."""
        try:
            return ask(*arguments, **options)
        except Exception as error:  # its own errors, httpx's, OSError and ValueError have no other common base class
            cause = (isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__) or error
            way = next((way for kind, way in WAYS.items() if isinstance(cause, kind)), LATER)
            line = next(iter(str(cause).strip().splitlines()), "").rstrip(".")
            msg = f"The hub does not give {what} ({type(cause).__name__}: {line}); {way}."
            raise SourceError(msg) from error

    def title(self, path: str) -> str:
        return f"{self.repo} {path}".rstrip()

    def listing(self, folder: str) -> tuple[list[str], list[str]]:
        if self.files is None:
            return super().listing(folder)
        start = f"{folder}/" if folder else ""
        inside = [name.removeprefix(start) for name in self.files if name.startswith(start)]
        folders = dict.fromkeys(name.partition("/")[0] for name in inside if "/" in name)
        return [name for name in inside if "/" not in name], [*folders]

    def require(self, folder: str) -> None:
        """Raise SourceError if there is no such folder or, in the cache, if it has no weights."""
        files, folders = self.listing(folder)
        if not (files or folders) or (self.files is None and not any(is_weights(n) or ".index." in n for n in files)):
            place = "the cache of " if self.files is None else ""
            msg = f"{place}{self.repo} has no file or folder {folder!r} at {self.revision or 'main'}; check the name."
            raise SourceError(msg[:1].upper() + msg[1:] if place else msg)

    def open(self, file: str) -> Checkpoint:
        opened = super().open(file)
        opened.source, opened.revision = self.title(file), self.root.name
        return opened

    def fetch(self, file: str) -> Path:
        """Return the local path of a file, which is downloaded if necessary."""
        if self.files is None:
            return super().fetch(file)
        options = self.where | ({} if self.progress else {"tqdm_class": _Silent})
        # ask for the revision by name, so that the cache records its commit
        ask = {"revision": self.revision, **options}
        path = Path(self.asked(f"{file} of {self.repo}", hf_hub_download, self.repo, file, **ask))
        if self.root.name not in path.parts:
            msg = f"{self.repo} got a new commit while commit {self.root.name[:8]} was being read. Try again."
            raise SourceError(msg)
        return path

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        there = self.files is None or (ask and "config.json" in self.listing(folder)[0])
        return super().config(folder, ask=ask) if there else {}


class _Silent(tqdm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "disable": True})  # type: ignore[no-untyped-call]
