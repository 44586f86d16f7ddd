"""Weights in a hub repository at one commit, read with huggingface_hub, which alone handles the user's token."""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils.sha import git_hash, sha_fileobj
from huggingface_hub.utils.tqdm import tqdm

from ioadapt_theory.checkpoints.aliases import Alias
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.folder import Folder, open_weights
from ioadapt_theory.checkpoints.files.readers import is_file, is_weights
from ioadapt_theory.checkpoints.hub.errors import Request, explain, not_cached
from ioadapt_theory.errors import FileFormatError, InvalidValueError, IoAdaptError

log = logging.getLogger(__name__)
T = TypeVar("T")
HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def open_remote(alias: Alias, *, variant: str | None, cache: Path | None, offline: bool, progress: bool) -> Checkpoint:
    """Open the weights in the repository of an alias, from the cache if the hub fails; see `open_checkpoint`."""
    repo, part = str(alias.repo), alias.part
    if part is not None and (".." in part.split("/") or part.startswith("/")):
        msg = f"{part!r} is not a path in {repo}; give a path relative to the root of the repository, without '..'."
        raise InvalidValueError(msg)
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    asked = Request(repo, alias.revision, endpoint, (cache or Path(constants.HF_HUB_CACHE)).expanduser())
    known = cached_commit(asked)

    def opened(repository: Repository) -> Checkpoint:
        weights = open_weights(repository, part, variant=variant)
        weights.name, weights.revision = alias.name, repository.commit
        return weights

    set_offline = os.environ.get("HF_HUB_OFFLINE", "0").upper() in {"1", "TRUE", "YES", "ON"}
    if offline or constants.HF_HUB_OFFLINE or set_offline:
        if known is None:
            raise not_cached(asked, part if part is None or is_file(part) else f"{part}/*.safetensors")
        return opened(Repository(asked, known))
    try:
        api = HfApi(endpoint=endpoint)
        commit, files = newest(asked, api)
        return opened(Repository(asked, commit, files, api=api, progress=progress))
    except SourceError as refusal:
        if known is None:
            raise
        reason = str(refusal).rstrip(".")
        weights = opened(Repository(replace(asked, refusal=reason), known))
        log.warning("%s. The cached commit %s of %s is used instead.", reason, known[:8], repo)
        return weights


class Repository(Folder):
    """A repository at one commit: the files in the cache and, with ``api``, those on the hub."""

    def __init__(
        self, asked: Request, commit: str, files: Sequence[str] = (), *, api: HfApi | None = None, progress: bool = True
    ) -> None:
        super().__init__(asked.folder / "snapshots" / commit)
        self.asked, self.commit, self._files, self._api, self._progress = asked, commit, files, api, progress

    def title(self, path: str) -> str:
        return f"{self.asked.repo} {path}".rstrip()

    def what(self, path: str) -> str:
        return f"{path} of {self.asked.repo}" if path else self.asked.repo

    def listing(self, folder: str) -> tuple[list[str], list[str]]:
        if self._api is None:
            return super().listing(folder)
        start = f"{folder}/" if folder else ""
        inside = [name.removeprefix(start) for name in self._files if name.startswith(start)]
        folders = dict.fromkeys(name.partition("/")[0] for name in inside if "/" in name)
        return [name for name in inside if "/" not in name], [*folders]

    def require(self, folder: str) -> None:
        """Raise SourceError if there is no such folder or, offline, if none of its weights are in the cache."""
        files, folders = self.listing(folder)
        if self._api is None and not any(is_weights(n) or ".index." in n for n in files):
            raise not_cached(self.asked, folder if is_file(folder) else f"{folder}/".lstrip("/") + "*.safetensors")
        if not files and not folders:
            repo, at = self.asked.repo, self.asked.revision or "main"
            what = f"file or folder {folder!r}" if folder else "files"
            msg = f"{repo} has no {what} at revision {at}; see {self.asked.endpoint}/{repo}/tree/{at}."
            raise SourceError(msg)

    def open(self, file: str) -> Checkpoint:
        opened = super().open(file)
        opened.source, opened.revision = self.title(file), self.commit
        return opened

    def fetch(self, file: str) -> Path:
        """Return the local path of a file, downloaded and checked if necessary; a failed download leaves no file."""
        if (self.root / file).is_file():
            return self.root / file
        if self._api is None:
            raise not_cached(self.asked, file)
        asked, what = self.asked, self.what(file)
        # the client uses the hash that the hub sends as a file name, so it must be a valid hash
        url = hf_hub_url(asked.repo, file, revision=asked.revision, endpoint=asked.endpoint)
        etag = answer(lambda: get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT).etag, asked, what)
        if etag is not None and not HASH.fullmatch(etag):
            msg = f"{asked.endpoint} sent an invalid hash of {what}: {etag[:60]!r}. Check HF_ENDPOINT."
            raise SourceError(msg)
        options: dict[str, Any] = {"cache_dir": asked.cache, "endpoint": asked.endpoint}
        if not self._progress:
            options["tqdm_class"] = _Silent
        # ask for the revision by name, so that the cache records its commit
        ask = partial(hf_hub_download, asked.repo, file, revision=asked.revision, **options)
        path = Path(answer(ask, asked, what))
        if etag is not None:
            require_announced(path, etag, what)
        if not path.is_relative_to(self.root):
            msg = f"{asked.repo} got a new commit while commit {self.commit[:8]} was being read. Try again."
            raise SourceError(msg)
        return path

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        if ask and self._api and "config.json" in self.listing(folder)[0]:
            with suppress(SourceError):
                self.fetch(f"{folder}/config.json".lstrip("/"))
        return super().config(folder, ask=ask)


class _Silent(tqdm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "disable": True})  # type: ignore[no-untyped-call]


def require_announced(path: Path, etag: str, what: str) -> None:
    """Delete a file from the cache and raise FileFormatError if it does not have the hash that the hub announced."""
    with path.open("rb") as file:  # the SHA-256 of large files, git's hash of the others
        found = sha_fileobj(file).hex() if len(etag) == 64 else git_hash(file.read())
    if found != etag:
        for wrong in (path.resolve(), path):
            wrong.unlink(missing_ok=True)
        msg = f"{what} does not have the hash that the hub announced ({etag}) and was deleted; try again."
        raise FileFormatError(msg)


def require_new_announced(snapshot: Path, since: float) -> None:
    """Check those files of a snapshot, which huggingface_hub names by their hashes, that were written ``since``."""
    for path in snapshot.rglob("*"):
        blob = path.resolve()
        if path.is_file() and HASH.fullmatch(blob.name) and blob.stat().st_mtime >= since:
            require_announced(path, blob.name, str(path.relative_to(snapshot)))


def newest(asked: Request, api: HfApi) -> tuple[str, list[str]]:
    """Return the current commit of a revision and the names of its files, with one request to the hub."""
    timeout = constants.HF_HUB_ETAG_TIMEOUT
    info = answer(lambda: api.model_info(asked.repo, revision=asked.revision, timeout=timeout), asked, asked.repo)
    if not re.fullmatch("[0-9a-f]{40}", str(info.sha)):
        msg = f"{asked.endpoint} is not a hub: it sent {info.sha!r:.60} as a commit of {asked.repo}. Check HF_ENDPOINT."
        raise SourceError(msg)
    return str(info.sha), [file.rfilename for file in info.siblings or () if file.rfilename.isprintable()]


def cached_commit(asked: Request) -> str | None:
    """Return the cached commit of a revision (a branch, a tag or a commit), or None if it is not in the cache."""
    wanted = asked.revision or "main"
    if not re.fullmatch(r"[\w./-]+", wanted) or wanted.startswith("/") or ".." in wanted.split("/"):
        return None
    ref = asked.folder / "refs" / wanted
    commit = ref.read_bytes()[:100].strip().decode("ascii", "replace") if ref.is_file() else wanted
    return commit if re.fullmatch("[0-9a-f]{40}", commit) and (asked.folder / "snapshots" / commit).is_dir() else None


def answer(ask: Callable[[], T], asked: Request, what: str) -> T:
    try:
        return ask()
    except IoAdaptError:
        raise
    except Exception as error:  # the client's errors have no common base class: its own, httpx's, OSError, ValueError
        raise explain(error, asked, what) from error
