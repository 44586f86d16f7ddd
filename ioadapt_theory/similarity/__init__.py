"""Layer-by-layer similarity of checkpoints: of their weights, or of the input and output spaces of layers.

The public names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ioadapt_theory.similarity.compute import compare as compare
    from ioadapt_theory.similarity.matching import Space as Space
    from ioadapt_theory.similarity.moments import Values as Values
    from ioadapt_theory.similarity.result import Comparison as Comparison
    from ioadapt_theory.similarity.result import Row as Row

_MODULES = {
    "compare": "compute",
    "Comparison": "result",
    "Row": "result",
    "Space": "matching",
    "Values": "moments",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
