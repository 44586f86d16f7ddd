"""A safetensors file on the hub: names and shapes from its header at once, the values when they are wanted."""

import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    import torch


class RemoteFile(Checkpoint):
    """It is downloaded by `prepare`, or before the first reading."""

    def __init__(
        self,
        source: str,
        revision: str,
        tensors: Mapping[str, TensorInfo],
        size: int,
        here: Callable[[], bool],
        bring: Callable[[], Checkpoint],
    ) -> None:
        """Take what its header says, its bytes, what tells whether it has arrived, and what downloads and opens it."""
        self.name, self.source, self.revision = source, source, revision
        self.metadata = {}
        self.tensors = tensors
        self._size, self._here, self._bring = size, here, bring
        self._local: Checkpoint | None = None
        self._lock = threading.Lock()

    def pending(self, names: Collection[str] | None = None) -> int:
        """See `Checkpoint.pending`."""
        wanted = names is None or len(names) > 0
        return self._size if wanted and self._local is None and not self._here() else 0

    def prepare(self, names: Collection[str] | None = None) -> None:
        """See `Checkpoint.prepare`; what arrives has to be what the header promised."""
        with self._lock:
            if self._local is not None or (names is not None and not names):
                return
            self._local = self._bring()
            if self._local.tensors != self.tensors:
                msg = f"{self.source} has other tensors than its header said before the download. Download it again."
                raise FileFormatError(msg)

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        if self._local is None:
            self.prepare()
        assert self._local is not None
        return self._local.filler(name, out)

    def bytes_of(self, name: str) -> Callable[[memoryview, int], None] | None:
        """See `Checkpoint.bytes_of`."""
        if self._local is None:
            self.prepare()
        assert self._local is not None
        return self._local.bytes_of(name)

    def close(self) -> None:
        """Close the local file, if it is open."""
        if self._local is not None:
            self._local.close()
