"""Carrying an adapter over: the one on the target whose effect is nearest to that on the source."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from ioadapt_theory.adapters.carrying.carry import carry
from ioadapt_theory.adapters.carrying.extract import extract
from ioadapt_theory.adapters.carrying.options import Options
from ioadapt_theory.adapters.carrying.outcome import CarriedLayer, CarryReport, CarryWarning
from ioadapt_theory.adapters.carrying.places import counterparts
from ioadapt_theory.adapters.model import layers, remove
from ioadapt_theory.adapters.moving.transfer import TransferError, TransferReport
from ioadapt_theory.errors import InvalidValueError

__all__ = ["CarriedLayer", "CarryReport", "CarryWarning", "Options", "carried", "extract"]


def carried(
    source: nn.Module,
    target: nn.Module,
    inputs: Any,
    *,
    name: str = "default",
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
    match: str = "name",
    tuned: nn.Module | None = None,
    **options: Any,
) -> CarryReport:
    """Carry an adapter over, see ``transfer``, which calls this where it is given inputs.

    Args:
        source: the model with the adapter.
        target: the model to put it on.
        inputs: what the models take, without labels.
        name: of the adapter, on both.
        strict: raise where a layer has no counterpart.
        rename: target name for layers that are called otherwise there.
        match: see ``transfer``.
        tuned: a model tuned from the source; its difference to the source is the adapter, see ``extract``.
        **options: the fields of ``Options``.

    Raises:
        TransferError: a layer has no counterpart; the target is as it was.
        InvalidValueError: the inputs or an option are not what they have to be; likewise.
    """
    if unknown := sorted(options.keys() - {*Options.__slots__}):
        msg = f"Unknown option {unknown[0]!r}; carrying over takes {', '.join(Options.__slots__)}."
        raise InvalidValueError(msg)
    chosen = Options(**options)
    if tuned is not None:
        extracted = extract(source, tuned, inputs, name=name, **options)
        if source is target:
            return extracted
        try:
            return carried(source, target, inputs, name=name, strict=strict, rename=rename, match=match, **options)
        finally:
            remove(source, name)
    given = layers(source, name)
    if any(name in layer.adapters for layer in layers(target).values()) and source is not target:
        msg = f"The target has an adapter {name!r} already; remove it first."
        raise InvalidValueError(msg)
    places, lost = counterparts(source, target, given, rename, match)
    if not places or (strict and lost):
        raise TransferError(TransferReport(tuple(places), lost))
    return carry(source, target, inputs, places, lost, name, chosen)
