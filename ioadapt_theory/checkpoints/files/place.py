"""Opens the weights in a place, a folder here or a repository on the hub: which file, its shards, its part."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.files.layout import STEMS, choose, read_index
from ioadapt_theory.checkpoints.quantised.view import dequantised
from ioadapt_theory.checkpoints.views import join_shards, ldm_part
from ioadapt_theory.errors import IoAdaptError


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder: files with their bytes, and folders."""

    files: dict[str, int]
    folders: list[str]


class Place(ABC):
    """Files under names relative to a root, with '/'."""

    @abstractmethod
    def listing(self, folder: str) -> Listing:
        """Return what a folder ('' for the root) holds."""

    @abstractmethod
    def where(self, folder: str) -> str:
        """How a folder is called in sentences."""

    @abstractmethod
    def title(self, file: str) -> str:
        """How a file is called in tables and sentences."""

    @abstractmethod
    def content(self, file: str) -> bytes:
        """Return a small file whole."""

    @abstractmethod
    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        """What the config.json of a folder says, if it can be had and read; not trusted.

        Args:
            folder: Relative to the root.
            ask: Whether it is worth a request if it is not at hand.
        """

    @abstractmethod
    def open(self, file: str) -> Checkpoint:
        """Open one file of weights; its values may still be away."""

    @abstractmethod
    def missing(self, index: str, shards: Collection[str]) -> IoAdaptError | None:
        """Return the error for an index some of whose shards are not there; None if they all are."""


def open_weights(
    place: Place, folder: str, file: str | None, *, variant: str | None, part: str | None, ema: bool | None
) -> Checkpoint:
    """Open the weights in a folder of a place.

    Args:
        place: Where to look.
        folder: Relative to its root; '' for the root.
        file: Exactly this file of the folder; then there is nothing to choose.
        variant: Such as fp16; a preference.
        part: Of a single file in the original layout.
        ema: Which weights of a single file with both kinds.

    Raises:
        SourceError: If there are no such weights, or they cannot be had.
        FileFormatError: If a file is not what it has to be.
        InvalidValueError: If `ema` has to be chosen, or there is no such part.
        UnsupportedError: If the weights are quantised in a way that is not read.
    """
    chosen = choose(place.listing(folder).files, place.where(folder), variant) if file is None else file
    path = f"{folder}/{chosen}" if folder else chosen
    opened = _open_shards(place, path) if chosen.endswith(".json") else _open_part(place, path, part, ema)
    if chosen.startswith(STEMS):
        opened.config = place.config(
            folder, ask=not chosen.startswith(STEMS[0])
        )  # diffusers' weights speak for themselves
    try:
        return dequantised(opened)
    except BaseException:
        opened.close()
        raise


def _open_part(place: Place, path: str, part: str | None, ema: bool | None) -> Checkpoint:
    whole = place.open(path)
    try:
        return ldm_part(whole, part, ema)
    except BaseException:
        whole.close()
        raise


def _open_shards(place: Place, index: str) -> Checkpoint:
    """Open every shard of an index.json, and put them together."""
    folder, _, file = index.rpartition("/")
    title = place.title(index)
    shards = read_index(place.content(index), title)
    if error := place.missing(index, set(shards.values())):
        raise error
    parts: dict[str, Checkpoint] = {}
    try:
        for shard in sorted(set(shards.values())):
            parts[shard] = place.open(f"{folder}/{shard}" if folder else shard)
        return join_shards(file, title, shards, parts)
    except BaseException:
        for part in parts.values():
            part.close()
        raise
