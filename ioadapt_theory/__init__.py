"""Companion of "Revisit Model Adaptation from Parameters to Features": adapters, claims and weight similarity.

The public names are imported on first use, so that ``import ioadapt_theory`` costs nothing.
"""

import sys

if (
    sys.argv[:1] == ["-m"] and not sys.flags.safe_path
):  # python -m ioadapt_theory...: the folder one happens to stand in,
    sys.path.pop(0)  # a downloaded repository say, would come before the standard library

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ioadapt_theory.adapters import FAMILIES as FAMILIES
    from ioadapt_theory.adapters import AdaptedLayer as AdaptedLayer
    from ioadapt_theory.adapters import AdapterConfig as AdapterConfig
    from ioadapt_theory.adapters import Placement as Placement
    from ioadapt_theory.adapters import activate as activate
    from ioadapt_theory.adapters import adapt as adapt
    from ioadapt_theory.adapters import disable as disable
    from ioadapt_theory.adapters import merge as merge
    from ioadapt_theory.adapters import transfer as transfer
    from ioadapt_theory.adapters import unmerge as unmerge
    from ioadapt_theory.errors import IoAdaptError as IoAdaptError
    from ioadapt_theory.formats import load as load
    from ioadapt_theory.formats import save as save

_HOME = {
    "adapters": "AdaptedLayer AdapterConfig FAMILIES Placement activate adapt disable merge transfer unmerge",
    "formats": "load save",
    "errors": "IoAdaptError",
}
_MODULE = {name: f"ioadapt_theory.{module}" for module, names in _HOME.items() for name in names.split()}

__all__ = [*_MODULE]


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives."""
    if name not in _MODULE:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
