"""Which parts of a network stand beside each other, by the names of their layers."""

from collections import defaultdict
from collections.abc import Sequence


def branches(names: Sequence[str]) -> dict[str, str]:
    """Name -> the branch it lies in, "" for all if there is one.

    Parts of a network that have names, not numbers, and the same layers inside stand beside each other, as the networks
    of the elements in ANI; a layer of one is not before those of another.
    """
    inside: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        top, _, rest = name.partition(".")
        inside[top].append(rest)
    shapes = {tuple(sorted(rest)) for rest in inside.values()}
    beside = len(inside) > 1 and len(shapes) == 1 and not any(top.isdecimal() for top in inside)
    beside = beside and len(next(iter(shapes))) > 1
    return {name: name.partition(".")[0] if beside else "" for name in names}
