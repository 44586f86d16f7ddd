"""Messages for the hub's errors (401, 403, 404, 429, no route, ...) that name the file, the cause and the remedy."""

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import errors

from ioadapt_theory.checkpoints.checkpoint import SourceError


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a revision of a repository. ``refusal``: the hub's error, if the cache is used because of it."""

    repo: str
    revision: str | None
    endpoint: str
    cache: Path
    refusal: str = ""

    @property
    def folder(self) -> Path:
        return self.cache / f"models--{self.repo.replace('/', '--')}"


def not_cached(asked: Request, file: str | None) -> SourceError:
    """Return the error for a ``file`` that is not in the cache: a name, a pattern, or None for the repository."""
    what = f"{file} of {asked.repo}" if file else asked.repo
    if asked.refusal:
        return SourceError(f"{asked.refusal}. The cache {asked.cache} does not contain {what} either.")
    download = f"hf download {asked.repo}" + (f" --include '{file}'" if file else "")
    download += f" --revision {asked.revision}" if asked.revision else ""
    download += f" --cache-dir '{asked.cache}'"
    return SourceError(f"Offline mode is on, but {what} is not in the cache. Download it while online: `{download}`.")


def explain(error: Exception, asked: Request, what: str) -> SourceError:
    """Return the SourceError to raise for an error of the hub; ``what`` is the requested REPO or "FILE of REPO"."""
    wrapped = isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is not None
    cause = error.__cause__ if wrapped else error
    at = f" at revision {asked.revision}" if asked.revision else ""
    status = getattr(getattr(cause, "response", None), "status_code", None)
    page = f"{asked.endpoint}/{asked.repo}"
    line = f"{type(cause).__name__}: {next(iter(str(cause).strip().splitlines()), '')}".removesuffix(": ")
    if isinstance(cause, errors.GatedRepoError) or (status == 403 and what != asked.repo):
        sentence = f"{asked.repo} is gated or private: accept its licence at {page}, then run"
        sentence += " `hf auth login` or set HF_TOKEN."
    elif isinstance(cause, errors.RepositoryNotFoundError):
        sentence = f"{asked.endpoint} has no public repository {asked.repo}. "
        sentence += "Check the spelling; if the repository is private, set HF_TOKEN."
    elif isinstance(cause, errors.RevisionNotFoundError):
        sentence = f"{asked.repo} has no revision {asked.revision!r}; its commits are at {page}/commits/main."
    elif isinstance(cause, errors.RemoteEntryNotFoundError):
        sentence = f"{what} does not exist{at}; the files are at {page}/tree/{asked.revision or 'main'}."
    elif status is not None:
        way_out = "Check HF_TOKEN." if status in (401, 403) else "Try again later."
        sentence = f"{asked.endpoint} returned status {status} for {what}{at}. {way_out}"
    elif isinstance(cause, OSError) and cause.errno is not None and not isinstance(cause, ConnectionError):
        sentence = f"Cannot store {what} in {asked.cache}: {cause.strerror}. Partial files were removed."
    elif isinstance(cause, errors.HfHubHTTPError.__mro__[1] | ConnectionError):
        sentence = f"The connection to {asked.endpoint} failed while asking for {what} ({line}). "
        sentence += "Check the network, or try again later."
    else:
        sentence = f"{asked.endpoint} cannot provide {what}{at}: {line.rstrip('.')}."
    return SourceError(sentence)
