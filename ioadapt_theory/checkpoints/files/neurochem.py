"""Ensembles of networks in NeuroChem's layout, as torchani ships them: a file a matrix, float32, without any header."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ioadapt_theory.checkpoints.checkpoint import TensorInfo
from ioadapt_theory.checkpoints.files.plain import OffsetCheckpoint, PlainFile
from ioadapt_theory.errors import FileFormatError, UnknownNameError

_FILE: Final = re.compile(r"train(\d+)/networks/ANN-([A-Z][a-z]?)\.nnf-l(\d+)\.([wb])param")


class Place(NamedTuple):
    """What a file's name says: member of the ensemble, chemical element, layer from 1 on, w(eight) or b(ias)."""

    member: int
    element: str
    layer: int
    kind: str


def open_ensemble(name: str, source: str, files: Mapping[str, Path], member: str | None) -> OffsetCheckpoint:
    """Open all networks under names that begin with their member (`0.C.1.weight`), or one of them (`C.1.weight`).

    Args:
        name: Short name for tables.
        source: Where this is, for people.
        files: Name within the ensemble's folder -> file; others than networks are passed over.
        member: Such as "0"; None for all.

    Raises:
        UnknownNameError: If there is no such member.
        SourceError: If a file cannot be opened.
        FileFormatError: If the size of a file does not fit its layer.
    """
    paths = {Place(int(m[1]), m[2], int(m[3]), m[4]): p for n, p in files.items() if (m := _FILE.fullmatch(n))}
    members = {str(place.member) for place in paths}
    if member is not None and member not in members:
        raise UnknownNameError("member", f"{name}:{member}", members)
    opened: dict[Place, PlainFile] = {}
    try:
        for place in sorted(paths):
            if member in (None, str(place.member)):
                opened[place] = PlainFile(paths[place])
        tensors = _tensors(opened, prefixed=member is None)
    except BaseException:
        for file in opened.values():
            file.close()
        raise
    places = {info.name: (opened[place], 0) for place, info in tensors.items()}
    name = name if member is None else f"{name}:{member}"
    return OffsetCheckpoint(name, source, {i.name: i for i in tensors.values()}, places, {"members": str(len(members))})


def _tensors(files: Mapping[Place, PlainFile], *, prefixed: bool) -> dict[Place, TensorInfo]:
    """Derive the shapes from the sizes: a bias has d numbers, its weight d rows."""
    infos = {}
    for place, file in files.items():
        bias = files.get(place._replace(kind="b"))
        outputs = 0 if bias is None else bias.size // 4
        shape = (outputs,) if place.kind == "b" else (outputs, file.size // (4 * outputs or 1))
        name = f"{place.element}.{place.layer}.{'weight' if place.kind == 'w' else 'bias'}"
        info = TensorInfo(f"{place.member}.{name}" if prefixed else name, "F32", shape)
        if info.nbytes != file.size or not info.numel:
            msg = f"{file.path} has {file.size} bytes, which is no float32 matrix with {outputs} rows. Reinstall it."
            raise FileFormatError(msg)
        infos[place] = info
    return infos
