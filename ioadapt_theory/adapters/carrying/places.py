"""Which layers of the target may take over what each layer of the source has."""

from collections.abc import Collection, Mapping

from torch import nn

from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.layer import base_of
from ioadapt_theory.adapters.matrices import is_supported
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import InvalidValueError

NO_LAYER = "the target has no such layer; match='effect' takes the layer that keeps most, rename= names one"
BY_EFFECT = "effect"


def counterparts(
    source: nn.Module, target: nn.Module, names: Collection[str], rename: Mapping[str, str] | None, match: str
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the target's layers for each of the source's, and why some have none.

    Args:
        source: the model with the adapter.
        target: the other one.
        names: the source's layers that have it.
        rename: layers that are called otherwise in the target; it comes first.
        match: see ``transfer``; by effect every layer of the same kind may take it.
    """
    modules = dict(walk(target))
    renamed = {n: (new,) for n, new in (rename or {}).items() if n in names}
    if missing := sorted(new for (new,) in renamed.values() if new not in modules):
        msg = f"rename names {missing[0]!r}, which the target does not have."
        raise InvalidValueError(msg)
    rest = [n for n in names if n not in renamed]
    if match == BY_EFFECT:
        return renamed | {n: _alike(n, source, modules) for n in rest}, {}
    keys = [Name("", n) for n in rest]
    found = correspond(keys, ModelWeights(target), match, source=ModelWeights(source))
    places = {key.path: layers[:1] for key, layers in found.layers.items()}
    lost = {n: str(found.reasons.get(Name("", n), NO_LAYER)) for n in rest if n not in places}
    return renamed | places, lost


def _alike(name: str, source: nn.Module, modules: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """The target's layers of the same last name, if there are any, else all of the same kind."""
    leaf, kind = name.rpartition(".")[2], _kind(source.get_submodule(name))
    fitting = [n for n, module in modules.items() if is_supported(module) and _kind(module) == kind]
    same = [] if leaf.isdigit() else [n for n in fitting if n.rpartition(".")[2] == leaf]
    return tuple(same or fitting)


def _kind(module: nn.Module) -> bool:
    """Whether it is a convolution."""
    return hasattr(base_of(module), "kernel_size")
