"""The order of a network's layers by their names, and which of them come before which."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

_FIRST = re.compile(
    r"(.*\.)?(conv_in|patch_embed\w*|x_embedder|img_in|txt_in|embed_tokens|wte|wpe|\w*embeddings?)(\.|$)"
)
_STAGES = ("down_blocks", "mid_block", "up_blocks")
_LAST = re.compile(r"(.*\.)?(conv_out|proj_out|lm_head|head|classifier|pooler|fc_out|final_layer)$")


def in_order(names: Iterable[str]) -> list[str]:
    """Embeddings first, blocks by number, heads last: files are often sorted by the alphabet, layer 10 before 2."""

    def key(name: str) -> tuple[object, ...]:
        top = name.split(".")[0]
        stage = _STAGES.index(top) if top in _STAGES else 0
        depth = (
            -1 if _FIRST.match(name) and top not in _STAGES else 1 if _LAST.match(name) and name.count(".") < 2 else 0
        )
        number = [(0, int(x), "") if x.isdecimal() else (1, 0, x) for x in name.split(".")]
        return (depth, stage, number)

    return sorted(names, key=key)


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
