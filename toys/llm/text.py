"""Two tasks whose text Django ships: messages in Slavic and in Turkic languages; rows of 64 tokens.

Training, test and unlabelled rows are from translations of different messages.
"""

import gettext
import zlib
from collections.abc import Mapping
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
LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "slavic": ("bs", "cs", "hr", "pl", "sk", "sl", "sr_Latn"),
    "turkic": ("az", "tk", "tr", "uz"),
}
"""Task -> its languages, all in Latin letters."""
TASKS: Final = tuple(LANGUAGES)
SHARES: Final = {"training": 6, "test": 8, "unlabelled": 10}
"""Part -> the tenths of all messages up to which its messages go."""


def messages(task: str, part: str) -> str:
    """Return translations, ordered by a hash of the English message, which decides the part in all languages."""
    high = SHARES[part]
    low = max((share for share in SHARES.values() if share < high), default=0)
    found: dict[str, tuple[int, str]] = {}
    for path in sorted(_django().glob("**/locale/*/LC_MESSAGES/*.mo")):
        if path.parents[1].name in LANGUAGES[task]:
            with path.open("rb") as file:
                catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
            for message, translated in catalog.items():
                english = message[0] if isinstance(message, tuple) else message  # forms of a plural stay together
                if len(translated) > 10:
                    at = zlib.crc32(english.encode()), path.parents[1].name
                    found[translated] = min(at, found.get(translated, at))
    ordered = sorted((at, translated) for translated, at in found.items())
    return "\n".join(translated for (at, _), translated in ordered if low <= at % 10 < high)


def text(name: str, part: str) -> str:
    """Return a part of a task or, for "python", the code on which targets are trained further."""
    if name in TASKS:
        return messages(name, part)
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_django().glob("db/**/*.py")))


@cache
def rows(name: str, part: str, count: int, seed: int) -> Tensor:
    """Return at most ``count`` random rows of a part of a text, n x 64 tokens."""
    ids = torch.tensor(tokenizer()(text(name, part), verbose=False)["input_ids"])
    cut = ids[: len(ids) // LENGTH * LENGTH].reshape(-1, LENGTH)
    return cut[torch.randperm(len(cut), generator=torch.Generator().manual_seed(seed))[:count]]


@cache
def _django() -> Path:
    return installed(PACKAGE, "django", INSTALL)
