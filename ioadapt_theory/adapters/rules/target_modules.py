"""Selection of modules by target_modules and exclude_modules, which follow PEFT's rules."""

import difflib
import warnings
from collections.abc import Iterable

from torch import nn

from ioadapt_theory.adapters import patterns
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.layer import AdaptedLayer, base_of, walk
from ioadapt_theory.adapters.matrices import is_supported, operator
from ioadapt_theory.errors import IoAdaptError, UnsupportedError

ALL_LINEAR = "all-linear"


class NoMatchError(IoAdaptError, ValueError):
    """Error: target_modules matches no module (the message lists similar names), or only excluded modules."""

    def __init__(self, wanted: str | tuple[str, ...], names: Iterable[str], *, excluded: bool = False) -> None:
        if excluded:
            way = "change target_modules or exclude_modules"
            super().__init__(f"target_modules={wanted!r:.300} matches only excluded modules; {way}.")
            return
        names = list(names)
        ends = {".".join(n.split(".")[-k:]) for n in names for k in (1, 2, 3)} | set(names)
        wishes = [wanted] if isinstance(wanted, str) else wanted
        near = dict.fromkeys(hit for wish in wishes for hit in difflib.get_close_matches(wish, sorted(ends), n=3))
        hint = f" Similar names: {', '.join(near)}." if near else ""
        some = ", ".join(sorted({n.split(".")[-1] for n in names})[:12]) or "none"
        if wanted in ends:
            hint = f" A string must match the whole name; give [{wanted!r}] for the names that end in {wanted!r}."
        msg = f"target_modules={wanted!r:.300} matches no module.{hint}"
        super().__init__(f"{msg} Names of adaptable layers end in: {some}.")


def select(model: nn.Module, config: AdapterConfig) -> dict[str, nn.Module]:
    """Return the modules to adapt, in order, by name; raise an error if there is none or one is not supported."""
    named = dict(walk(model))
    if config.target_modules == ALL_LINEAR:
        get_head = getattr(model, "get_output_embeddings", None)
        head = get_head() if callable(get_head) else None
        hits = [n for n, m in named.items() if m is not head and _is_linear(m) and not _read_by_owner(n, named, model)]
    else:
        hits = [name for name in named if fits(config.target_modules, name)]
        _warn_of_idle_targets(config.target_modules, hits)
    matched, hits = bool(hits), [name for name in hits if not fits(config.exclude_modules, name)]
    _tell_of_stacks(model, config, hits)
    first = {named[name]: name for name in reversed(hits)}
    targets = {name: named[name] for name in hits if first[named[name]] == name}
    if not targets:
        raise NoMatchError(config.target_modules, (n for n, m in named.items() if is_supported(m)), excluded=matched)
    for name, module in targets.items():
        if _read_by_owner(name, named, model):
            msg = (
                f"{name} belongs to an nn.MultiheadAttention, which reads the layer's weight and never calls the layer,"
                " so an adapter would be ignored; exclude the layer, or use attention with separate projection layers."
            )
            raise UnsupportedError(msg)
        if not isinstance(module, AdaptedLayer):
            try:
                operator(module)
            except UnsupportedError as error:
                msg = f"{name}: {error} To leave out this module, add its name to exclude_modules."
                raise UnsupportedError(msg) from None
    return targets


def _tell_of_stacks(model: nn.Module, config: AdapterConfig, hits: list[str]) -> None:
    """Warn about selected three-dimensional parameters; raise UnsupportedError if nothing else is selected."""
    wanted = config.target_modules
    stacks = {
        f"{name}.{key}".lstrip("."): p
        for name, module in [("", model), *walk(model)]
        for key, p in module.named_parameters(recurse=False)
        if p.ndim == 3 and not is_supported(module) and not isinstance(module, AdaptedLayer)
    }
    meant = [n for n in stacks if (wanted == ALL_LINEAR or fits(wanted, n)) and not fits(config.exclude_modules, n)]
    if not meant:
        return
    some = ", ".join(f"{name} {[*stacks[name].shape]}" for name in meant[:2])
    more = f" and {len(meant) - 2} more" if len(meant) > 2 else ""
    msg = f"Three-dimensional parameters (such as stacked experts) cannot be adapted: {some}{more}; "
    if not hits:
        msg += "choose other target_modules."
        raise UnsupportedError(msg)
    warnings.warn(f"{msg}add them to exclude_modules to silence this warning.", stacklevel=5)


def fits(wanted: str | tuple[str, ...], name: str) -> bool:
    if isinstance(wanted, str):
        return patterns.fits(wanted, name)
    return any(name == end or name.endswith(f".{end}") for end in wanted)


def _is_linear(module: nn.Module) -> bool:
    base = base_of(module)
    return is_supported(base) and operator(base).pointwise


def _read_by_owner(name: str, named: dict[str, nn.Module], model: nn.Module) -> bool:
    owner = name.rpartition(".")[0]
    return isinstance(named[owner] if owner else model, nn.MultiheadAttention)


def _warn_of_idle_targets(wanted: str | tuple[str, ...], hits: list[str]) -> None:
    idle = [] if isinstance(wanted, str) else [end for end in wanted if not any(fits((end,), hit) for hit in hits)]
    if idle and hits:
        warnings.warn(f"target_modules {idle} match no module and are ignored.", stacklevel=4)
