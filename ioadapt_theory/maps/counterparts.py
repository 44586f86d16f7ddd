"""The layers of the target that correspond to layers of the source."""

import re
from collections.abc import Collection, Iterable, Mapping

from torch import nn

from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.layer import base_of, walk
from ioadapt_theory.adapters.matrices import is_supported
from ioadapt_theory.adapters.rules.correspondence import correspond
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import InvalidValueError

NO_LAYER = "the target has no layer of this name, but match='effect' (--match effect) can choose a layer"
NO_BLOCK = "no block of the target has this relative depth and such a layer"


def counterparts(
    source: nn.Module, target: nn.Module, names: Collection[str], rename: Mapping[str, str] | None, match: str
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the possible target layers for each source layer, and for source layers without any, the reason.

    ``rename`` takes precedence over ``match``. If ``match`` is "effect", the layers for a source layer are all target
    layers of its type (linear or convolution) whose names end in the same word or, if there are none, all of its type.
    If it is "depth", blocks are matched by their relative depth: each block of the shallower model has one counterpart.
    The blocks of an encoder and of a decoder are matched separately.

    Raises:
        InvalidValueError: a name in ``rename`` is not that of an adapted layer, or of a module of the target.
    """
    modules = dict(walk(target))
    require_known(rename or {}, names, modules)
    found: dict[str, tuple[str, ...]] = {n: (new,) for n, new in (rename or {}).items()}
    rest, lost = [n for n in names if n not in found], dict[str, str]()
    if match == "effect":
        for name in rest:
            leaf, kind = name.rpartition(".")[2], _is_convolution(source.get_submodule(name))
            fitting = [n for n, m in modules.items() if is_supported(m) and _is_convolution(m) == kind]
            same = [n for n in fitting if n.rpartition(".")[2] == leaf and not leaf.isdigit()]
            if fitting:
                found[name] = tuple(same or fitting)
            else:
                lost[name] = f"the target has no {'convolution' if kind else 'linear layer'}"
    elif match == "depth":
        found |= {name: (place,) for name, place in _by_depth(rest, dict(walk(source)), modules).items()}
        lost = {n: NO_BLOCK for n in rest if n not in found}
    else:
        told = correspond([Name("", n) for n in rest], ModelWeights(target), match, source=ModelWeights(source))
        found |= {key.path: layers[:1] for key, layers in told.layers.items()}
        lost = {n: told.reasons.get(Name("", n), NO_LAYER) for n in rest if n not in found}
    return found, lost


def _by_depth(names: Iterable[str], source: Collection[str], target: Collection[str]) -> dict[str, str]:
    here, there = _blocks(source), _blocks(target)
    found = dict[str, str]()
    for name in names:
        stack, number, end = _divided(name)
        if not number:
            found |= {name: name} if name in target else {}
            continue
        ours, theirs = here[end][stack], _same_stack(stack, here[end], there.get(end, {}))
        if not theirs:
            continue
        most = min(len(ours), len(theirs)) - 1
        pairs = [[round(k * (len(side) - 1) / max(most, 1)) for k in range(most + 1)] for side in (ours, theirs)]
        if (k := ours.index(name)) in pairs[0]:
            found[name] = theirs[pairs[1][pairs[0].index(k)]]
    return found


def _same_stack(stack: str, ours: Collection[str], theirs: Mapping[str, list[str]]) -> list[str]:
    """Return the layers in the stack of blocks whose name, or its end, is the same, or in the only one of both models.

    The stacks of an encoder-decoder have layers of the same names.
    """
    alike = [s for s in theirs if f".{s}".endswith(f".{stack}") or f".{stack}".endswith(f".{s}")]
    if len(alike) > 1:
        alike = [s for s in alike if s == stack]
    if not alike and len(ours) == len(theirs) == 1:
        alike = [*theirs]
    return theirs[alike[0]] if alike else []


def _blocks(names: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Return the layers of all blocks by their names within a block and by stack, in the order of the blocks."""
    found: dict[str, dict[str, list[str]]] = {}
    for name in sorted((n for n in names if _divided(n)[1]), key=lambda n: int(_divided(n)[1])):
        stack, _, end = _divided(name)
        found.setdefault(end, {}).setdefault(stack, []).append(name)
    return found


def _divided(name: str) -> tuple[str, str, str]:
    """Return the name of a layer's stack of blocks, the number of its block, or "", and the name within the block."""
    match = re.fullmatch(r"(.*?)\.(\d+)\.(.+)", name)
    return (match[1], match[2], match[3]) if match else ("", "", name)


def require_known(rename: Mapping[str, str], names: Collection[str], modules: Collection[str]) -> None:
    """Raise InvalidValueError if ``rename`` is no mapping, or has a layer without an adapter or not of the target."""
    if not isinstance(rename, Mapping):
        msg = f"rename must be a mapping, such as {{'source layer': 'target layer'}}, not a {type(rename).__name__}."
        raise InvalidValueError(msg)
    if missing := sorted(rename.keys() - {*names}):
        msg = f"rename contains {missing[0]!r}, but the source has no adapter on a layer of this name; remove it."
        raise InvalidValueError(msg)
    if missing := sorted({*rename.values()} - {*modules}):
        msg = f"rename contains {missing[0]!r}, but the target has no module of this name; give an existing name."
        raise InvalidValueError(msg)


def require_models(source: object, target: object, command: str) -> None:
    """Raise InvalidValueError unless both are modules; ``command`` is the command for files."""
    for model in (source, target):
        if not isinstance(model, nn.Module):
            way = f"load it first, or use `{command}`"
            msg = f"source and target must be models (torch.nn.Module), not {type(model).__name__}; {way}."
            raise InvalidValueError(msg)


def _is_convolution(module: nn.Module) -> bool:
    return hasattr(base_of(module), "kernel_size")
