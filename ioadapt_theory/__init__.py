"""Companion of "Revisit Model Adaptation from Parameters to Features": adapters, claims and weight similarity.

The public names are imported on first use, so that ``import ioadapt_theory`` costs nothing.
"""

import sys

# python -m ioadapt_theory...: the folder one happens to stand in, a downloaded repository say, would come first
if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    sys.path.pop(0)

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ioadapt_theory.adapters import FAMILIES as FAMILIES
    from ioadapt_theory.adapters import AdaptedLayer as AdaptedLayer
    from ioadapt_theory.adapters import AdapterConfig as AdapterConfig
    from ioadapt_theory.adapters import Placement as Placement
    from ioadapt_theory.adapters import activate as activate
    from ioadapt_theory.adapters import adapt as adapt
    from ioadapt_theory.adapters import combine as combine
    from ioadapt_theory.adapters import count as count
    from ioadapt_theory.adapters import disable as disable
    from ioadapt_theory.adapters import layers as layers
    from ioadapt_theory.adapters import merge as merge
    from ioadapt_theory.adapters import parameters as parameters
    from ioadapt_theory.adapters import remove as remove
    from ioadapt_theory.adapters import scale as scale
    from ioadapt_theory.adapters import transfer as transfer
    from ioadapt_theory.adapters import unload as unload
    from ioadapt_theory.adapters import unmerge as unmerge
    from ioadapt_theory.errors import IoAdaptError as IoAdaptError
    from ioadapt_theory.formats import load as load
    from ioadapt_theory.formats import save as save

_HOME = {
    "adapters": (
        "AdaptedLayer AdapterConfig FAMILIES Placement activate adapt combine count disable layers merge parameters"
        " remove scale transfer unload unmerge"
    ),
    "formats": "load save",
    "errors": "IoAdaptError",
}
_MODULE = {name: f"ioadapt_theory.{module}" for module, names in _HOME.items() for name in names.split()}

__all__ = [*_MODULE]


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives."""
    if name == "__version__":
        return import_module("importlib.metadata").version("ioadapt-theory")
    if name not in _MODULE:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = import_module(_MODULE[name])
    if not home.__name__.endswith(".errors"):
        import_module("ioadapt_theory.formats")  # which tells the adapters below it how they are saved
    return getattr(home, name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
