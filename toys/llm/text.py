"""Two tasks whose text Django ships: JavaScript, and messages in Slavic languages; rows of 64 tokens.

Training, test and unlabelled rows come from different files, or from translations of different messages.
"""

import gettext
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from toys.data.weights import installed
from toys.llm.network import INSTALL, tokenizer

PACKAGE: Final = "Django"
LENGTH: Final = 64
"""Tokens in a row."""
SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "training": ("vendor/jquery/jquery.js",),
    "test": ("vendor/select2/select2.full.js",),
    "unlabelled": ("inlines.js", "SelectFilter2.js", "actions.js", "calendar.js", "core.js", "admin/*.js"),
}
"""Part -> files in the scripts of Django's administration pages."""
LANGUAGES: Final = ("bs", "cs", "hr", "pl", "sk", "sl", "sr_Latn")
SHARES: Final = {"training": 6, "test": 8, "unlabelled": 10}
"""Part -> the tenths of all messages up to which its messages go."""


def javascript(part: str) -> str:
    folder = _django() / "contrib/admin/static/admin/js"
    files = [path for pattern in SCRIPTS[part] for path in sorted(folder.glob(pattern))]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def slavic(part: str) -> str:
    """Return translations, ordered by a hash of the English message, which decides the part in all languages."""
    high = SHARES[part]
    low = max((share for share in SHARES.values() if share < high), default=0)
    found: dict[str, tuple[int, str]] = {}
    for path in sorted(_django().glob("**/locale/*/LC_MESSAGES/*.mo")):
        if path.parents[1].name in LANGUAGES:
            with path.open("rb") as file:
                messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
            for message, translated in messages.items():
                english = message[0] if isinstance(message, tuple) else message  # forms of a plural stay together
                if len(translated) > 10:
                    at = zlib.crc32(english.encode()), path.parents[1].name
                    found[translated] = min(at, found.get(translated, at))
    ordered = sorted((at, translated) for translated, at in found.items())
    return "\n".join(translated for (at, _), translated in ordered if low <= at % 10 < high)


def python(part: str) -> str:
    """Return Python code, on which targets are trained further; it is no task."""
    del part
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_django().glob("db/**/*.py")))


TASKS: Final = ("javascript", "slavic")
TEXTS: Final[Mapping[str, Callable[[str], str]]] = {"javascript": javascript, "slavic": slavic, "python": python}
"""Text -> function that returns a part of it: "training", "test" or "unlabelled"."""


@cache
def rows(text: str, part: str, count: int, seed: int) -> Tensor:
    """Return at most ``count`` random rows of a part of a text, n x 64 tokens."""
    ids = torch.tensor(tokenizer()(TEXTS[text](part), verbose=False)["input_ids"])
    cut = ids[: len(ids) // LENGTH * LENGTH].reshape(-1, LENGTH)
    return cut[torch.randperm(len(cut), generator=torch.Generator().manual_seed(seed))[:count]]


@cache
def _django() -> Path:
    return installed(PACKAGE, "django", INSTALL)
