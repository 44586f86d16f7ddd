"""What a refusal of the hub becomes (401, 403, 404, 429, no route...): one sentence with file, cause and way out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.errors import IoAdaptError

MOVED: Final = {"runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5 (alias sd15)"}
"""Deleted repositories that papers and scripts still name -> where they are now."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of whom.

    Attributes:
        repo: OWNER/NAME.
        revision: Branch, tag or commit; None for the default.
        endpoint: Address of the hub.
        cache: Folder of its cache.
        file: The file that this request is about.
        hurry: Do not wait where the hub asks for it: the cache may do.
        refusal: What the hub said, where the cache has to do; '' when it was not asked.
    """

    repo: str
    revision: str | None
    endpoint: str
    cache: Path
    file: str | None = None
    hurry: bool = False
    refusal: str = ""

    @property
    def what(self) -> str:
        """The file and the repository, or the repository."""
        return f"{self.file} of {self.repo}" if self.file else self.repo


def not_cached(asked: Request, file: str | None, wanted: str | None = None) -> SourceError:
    """Return the error for a file (or a pattern of files) that the cache does not have; None for the repository.

    ``wanted`` is what to download then.
    """
    what, wanted = (f"{file} of {asked.repo}" if file else asked.repo), wanted or file
    if asked.refusal:
        return SourceError(f"{asked.refusal}; and {what} is not in the cache {asked.cache}.")
    download = f"hf download {asked.repo}" + (f" --include '{wanted}'" if wanted else "")
    download += f" --revision {asked.revision}" if asked.revision else ""
    return SourceError(f"Offline mode is on and {what} is not in the cache {asked.cache}. Run once online: {download}.")


def explain(error: Exception, asked: Request) -> IoAdaptError:
    """Return the error to raise instead; subclasses are told apart before their bases (gated before unknown)."""
    from huggingface_hub import errors

    if isinstance(error, IoAdaptError):
        return error
    wrapped = isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is not None
    cause = error.__cause__ if wrapped else error
    at = f" at revision {asked.revision}" if asked.revision else ""
    status = getattr(getattr(cause, "response", None), "status_code", None)
    page = f"{asked.endpoint}/{asked.repo}"
    moved = f"It moved to {MOVED[asked.repo]}." if asked.repo in MOVED else ""
    line = f"{type(cause).__name__}: {next(iter(str(cause).strip().splitlines()), '')}".removesuffix(": ")
    kinds: list[tuple[type[Exception], str]] = [
        (errors.GatedRepoError, f"{asked.repo} is gated: accept its licence at {page}, then run hf auth login or set "
         "HF_TOKEN."),
        (errors.DisabledRepoError, f"{asked.repo} was disabled by its hub; see {page}."),
        (errors.RepositoryNotFoundError, f"{asked.endpoint} has no repository {asked.repo}. "
         + (moved or "Check the spelling; if it is private, set HF_TOKEN.")),
        (errors.RevisionNotFoundError, f"{asked.repo} has no revision {asked.revision!r}; see {page}/commits/main."),
        (errors.RemoteEntryNotFoundError, f"{asked.repo}{at} has no {asked.file or 'such folder'}; see "
         f"{page}/tree/main."),
        (errors.OfflineModeIsEnabled, f"Offline mode is on and {asked.what} is not in the cache. Run once without it."),
        (errors.HFValidationError, f"{asked.repo!r} cannot be the id of a repository: OWNER/NAME is wanted."),
    ]  # fmt: skip
    known = next((sentence for kind, sentence in kinds if isinstance(cause, kind)), None)
    if status == 403 and asked.file:
        return SourceError(kinds[0][1])
    if known is not None:
        return SourceError(known)
    if status is not None:
        way_out = "Check HF_TOKEN." if status in (401, 403) else "Try again later."
        return SourceError(f"{asked.endpoint} answered with status {status} for {asked.what}{at}. {way_out}")
    if isinstance(cause, OSError) and cause.errno is not None and not isinstance(cause, ConnectionError):
        return SourceError(f"Cannot store {asked.what}: {cause.strerror}. Nothing half-written is kept.")
    if isinstance(cause, errors.HfHubHTTPError.__mro__[1] | ConnectionError):
        msg = f"The connection to {asked.endpoint} failed while asking for {asked.what} ({line}). "
        return SourceError(msg + "Nothing half-written is kept: try again, or use --offline if it is in the cache.")
    return SourceError(f"{asked.endpoint} cannot give {asked.what}{at}: {line}")


def retry_after(error: Exception) -> int | None:
    """Return the seconds after which the hub wants to be asked again, where it answered with a status and says so."""
    from huggingface_hub import errors

    if not isinstance(error, errors.HfHubHTTPError) or error.response is None:
        return None
    seconds = str(error.response.headers.get("Retry-After", "")).strip()
    return int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 9 else None
