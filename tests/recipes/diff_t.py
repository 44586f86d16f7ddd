"""A kind of file that stores the full change as D, c x d; all other tools store its transpose."""

from ioadapt_theory.adapters.families import Full, Spec
from ioadapt_theory.formats.kinds import Kind, Parts


def build(parts: Parts, s: float) -> Full:
    """Return a full change of the weight, scaled by ``s``, which is alpha since there is no rank to divide by."""
    delta = parts["diff_t"]
    rows, columns = delta.shape
    return Full.stored((rows, columns, rows), Spec(), {"Delta": delta * s})


KINDS = {"diff_t": Kind(frozenset({"diff_t"}), frozenset({"diff_b"}), lambda _: None, build)}
