"""The look of figures, which does not depend on the user's configuration of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ioadapt_theory.errors import MissingExtraError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def styled(look: dict[str, Any]) -> AbstractContextManager[None]:
    """Return a context of matplotlib's own defaults with ``look`` on top, whatever the user's configuration says."""
    try:
        from matplotlib import style
    except ImportError as error:
        raise MissingExtraError("matplotlib", "figures") from error
    return style.context(["default", look])
