"""What a refusal of the hub becomes (401, 403, 404, 429, no route...): one sentence with file, cause and way out."""

from dataclasses import dataclass
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
        file: The file that this request is about.
        wanted: The file, or pattern of files, that the user wants.
        hurry: Do not wait where the hub asks for it: the cache may do.
        refusal: What the hub said, where the cache has to do; '' when it was not asked.
    """

    repo: str
    revision: str | None
    endpoint: str
    file: str | None = None
    wanted: str | None = None
    hurry: bool = False
    refusal: str = ""

    @property
    def what(self) -> str:
        """The file and the repository, or the repository."""
        return f"{self.file} of {self.repo}" if self.file else self.repo


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
    if isinstance(cause, errors.GatedRepoError) or (status == 403 and asked.file):
        msg = f"{asked.repo} is gated: accept its licence at {page}, then run hf auth login or set HF_TOKEN."
    elif isinstance(cause, errors.DisabledRepoError):
        msg = f"{asked.repo} was disabled by its hub; see {page}."
    elif isinstance(cause, errors.RepositoryNotFoundError):
        moved = MOVED.get(asked.repo)
        hint = f"It moved to {moved}." if moved else "Check the spelling; if it is private, set HF_TOKEN."
        msg = f"{asked.endpoint} has no repository {asked.repo}. {hint}"
    elif isinstance(cause, errors.RevisionNotFoundError):
        msg = f"{asked.repo} has no revision {asked.revision!r}; see {page}/commits/main."
    elif isinstance(cause, errors.EntryNotFoundError) and not isinstance(cause, errors.LocalEntryNotFoundError):
        msg = f"{asked.repo}{at} has no {asked.file or 'such folder'}; see {page}/tree/main."
    elif isinstance(cause, errors.OfflineModeIsEnabled):
        msg = f"Offline mode is on and {asked.what} is not in the cache. Run once without it."
    elif isinstance(cause, errors.HFValidationError):
        msg = f"{asked.repo!r} cannot be the id of a repository: OWNER/NAME is wanted."
    elif status is not None:
        way_out = "Check HF_TOKEN." if status in (401, 403) else "Try again later."
        msg = f"{asked.endpoint} answered with status {status} for {asked.what}{at}. {way_out}"
    elif isinstance(cause, OSError) and cause.errno is not None and not isinstance(cause, ConnectionError):
        msg = f"Cannot store {asked.what}: {cause.strerror}. Nothing half-written is kept."
    elif isinstance(cause, errors.HfHubHTTPError.__mro__[1] | ConnectionError):
        msg = f"The connection to {asked.endpoint} failed while asking for {asked.what} ({_first_line(cause)}). "
        msg += "Nothing half-written is kept: try again, or use --offline if it is in the cache."
    else:
        msg = f"{asked.endpoint} cannot give {asked.what}{at}: {_first_line(cause)}"
    return SourceError(msg)


def retry_after(error: Exception) -> int | None:
    """Seconds after which the hub wants to be asked again, where it answered with a status and says so."""
    from huggingface_hub import errors

    if not isinstance(error, errors.HfHubHTTPError) or error.response is None:
        return None
    told = str(error.response.headers.get("Retry-After", "")).strip()
    return int(told) if told.isascii() and told.isdigit() and len(told) < 9 else None


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
