"""Companion to the paper "Revisit Model Adaptation from Parameters to Features": adapters, claims and similarity.

The public names are imported on first use, so that ``import ioadapt_theory`` does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ioadapt_theory.adapters import AdaptedLayer as AdaptedLayer
    from ioadapt_theory.adapters import AdapterConfig as AdapterConfig
    from ioadapt_theory.adapters import NoMatchError as NoMatchError
    from ioadapt_theory.adapters import Placement as Placement
    from ioadapt_theory.adapters import activate as activate
    from ioadapt_theory.adapters import adapt as adapt
    from ioadapt_theory.adapters import count as count
    from ioadapt_theory.adapters import disable as disable
    from ioadapt_theory.adapters import layers as layers
    from ioadapt_theory.adapters import merge as merge
    from ioadapt_theory.adapters import parameters as parameters
    from ioadapt_theory.adapters import remove as remove
    from ioadapt_theory.adapters import scale as scale
    from ioadapt_theory.adapters import unmerge as unmerge
    from ioadapt_theory.claims import CLAIMS as CLAIMS
    from ioadapt_theory.claims import evaluate as evaluate
    from ioadapt_theory.claims import verify as verify
    from ioadapt_theory.errors import FileFormatError as FileFormatError
    from ioadapt_theory.errors import InvalidValueError as InvalidValueError
    from ioadapt_theory.errors import IoAdaptError as IoAdaptError
    from ioadapt_theory.errors import MissingExtraError as MissingExtraError
    from ioadapt_theory.errors import ShapeError as ShapeError
    from ioadapt_theory.errors import UnknownNameError as UnknownNameError
    from ioadapt_theory.errors import UnsupportedError as UnsupportedError
    from ioadapt_theory.formats import load as load
    from ioadapt_theory.formats import save as save
    from ioadapt_theory.maps import ModelMap as ModelMap
    from ioadapt_theory.maps import map_models as map_models
    from ioadapt_theory.moving import TransferError as TransferError
    from ioadapt_theory.moving import extract as extract
    from ioadapt_theory.moving import resize as resize
    from ioadapt_theory.moving import transfer as transfer
    from ioadapt_theory.reporting import report as report
    from ioadapt_theory.similarity import compare as compare

_HOME = {
    "adapters": (
        "AdaptedLayer AdapterConfig NoMatchError Placement activate adapt count disable layers merge parameters remove"
        " scale unmerge"
    ),
    "maps": "ModelMap map_models",
    "moving": "TransferError extract resize transfer",
    "claims": "CLAIMS evaluate verify",
    "errors": (
        "FileFormatError InvalidValueError IoAdaptError MissingExtraError ShapeError UnknownNameError UnsupportedError"
    ),
    "formats": "load save",
    "reporting": "report",
    "similarity": "compare",
}
_MODULE = {name: f"ioadapt_theory.{module}" for module, names in _HOME.items() for name in names.split()}

__all__ = [*_MODULE]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("ioadapt-theory")
    if name not in _MODULE:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = import_module(_MODULE[name])
    if _MODULE[name].startswith(("ioadapt_theory.adapters", "ioadapt_theory.maps", "ioadapt_theory.moving")):
        import_module("ioadapt_theory.formats")  # registers the save function for adapters
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
