"""Checkpoints made of others: shards put together, members with a prefix, the UNet of a single file, EMA or not."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    import torch

LDM_PARTS: Final = {"unet": "model.diffusion_model.", "vae": "first_stage_model.", "text_encoder": "cond_stage_model."}
"""Part of a single file in the original layout -> prefix of its tensors."""

EMA: Final = "model_ema."
"""Prefix of the averaged weights; their names are those of the UNet without dots."""


class View(Checkpoint):
    """Tensors of other checkpoints under names of our choice."""

    def __init__(
        self,
        name: str,
        source: str,
        origins: Mapping[str, tuple[Checkpoint, str]],
        metadata: Mapping[str, str],
        revision: str | None = None,
    ) -> None:
        """Take, for each new name, the checkpoint and the name in it."""
        self.name, self.source, self.revision, self.metadata = name, source, revision, metadata
        self._origins = origins
        self.tensors = {}
        for new, (part, old) in origins.items():
            info = part.tensors[old]
            self.tensors[new] = TensorInfo(new, info.dtype, info.shape)

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        part, old = self._origins[name]
        return part.filler(old, out)

    def bytes_of(self, name: str) -> Callable[[memoryview, int], None] | None:
        """See `Checkpoint.bytes_of`."""
        part, old = self._origins[name]
        return part.bytes_of(old)

    def _by_part(self, names: Collection[str] | None) -> dict[Checkpoint, list[str]]:
        names_by_part: dict[Checkpoint, list[str]] = {}
        for name in self._origins if names is None else names:
            part, old = self._origins[name]
            names_by_part.setdefault(part, []).append(old)
        return names_by_part

    def pending(self, names: Collection[str] | None = None) -> int:
        """See `Checkpoint.pending`."""
        return sum(part.pending(old) for part, old in self._by_part(names).items())

    def prepare(self, names: Collection[str] | None = None) -> None:
        """See `Checkpoint.prepare`."""
        for part, old in self._by_part(names).items():
            part.prepare(old)

    def close(self) -> None:
        """Close every part."""
        for part in self._by_part(None):
            part.close()


def join_shards(name: str, index: str, shards: Mapping[str, str], parts: Mapping[str, Checkpoint]) -> View:
    """Put shards together as the index says (tensor -> file); `parts` has an open checkpoint for each file.

    Raises:
        FileFormatError: If a tensor is not in its shard.
    """
    for tensor, file in shards.items():
        if tensor not in parts[file].tensors:
            msg = f"{index} places tensor {tensor!r} in {file}, which does not have it. Download both again."
            raise FileFormatError(msg)
    origins = {tensor: (parts[file], tensor) for tensor, file in shards.items()}
    metadata = {k: v for part in parts.values() for k, v in part.metadata.items()}
    return View(name, index, origins, metadata | {"files": str(len(parts))})


def ldm_part(whole: Checkpoint, part: str | None, ema: bool | None) -> Checkpoint:
    """Cut one part out of a single file in the original layout; a file in another layout comes back as it is.

    Args:
        whole: What the file holds.
        part: unet (the default), vae, text_encoder, or all.
        ema: Take the averaged weights of the UNet (True) or the trained ones (False), under the same names.

    Raises:
        InvalidValueError: If the file has both kinds and `ema` is None, or has no averaged ones and `ema` is True.
        UnknownNameError: If there is no such part.
    """
    unet = LDM_PARTS["unet"]
    if not any(n.startswith(unet) for n in whole.tensors):
        if part is not None:
            msg = f"{whole.source} is not in the original single-file layout (no {unet}*), so it has no part {part!r}."
            raise InvalidValueError(msg)
        return whole
    averaged = {n: EMA + n.removeprefix("model.").replace(".", "") for n in whole.tensors if n.startswith(unet)}
    has_both = all(flat in whole.tensors for flat in averaged.values())
    if ema and not has_both:
        msg = f"{whole.source} has no {EMA}*; an 'emaonly' file has its averaged weights under plain names: drop --ema."
        raise InvalidValueError(msg)
    if ema is None and has_both:
        msg = f"{whole.source} has both trained and averaged (EMA) weights: choose one with --ema or --no-ema."
        raise InvalidValueError(msg)
    part = part or "unet"
    if part != "all" and part not in LDM_PARTS:
        raise UnknownNameError("part", part, [*LDM_PARTS, "all"])
    prefix = "" if part == "all" else LDM_PARTS[part]
    inside = [n for n in whole.tensors if n.startswith(prefix) and not n.startswith(EMA)]
    if not inside:
        msg = f"{whole.source} has no {part} (no {prefix}*)."
        raise InvalidValueError(msg)
    origins = {n: (whole, averaged[n] if ema and n in averaged else n) for n in inside}
    chosen = {"part": part} | ({"ema": "yes" if ema else "no"} if has_both else {})
    return View(whole.name, whole.source, origins, {**whole.metadata, **chosen}, whole.revision)
