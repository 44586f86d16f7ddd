"""Functions that add adapters to a model by module name, and list, count, activate, scale, disable and remove them."""

import inspect
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.config import AdapterConfig, translated
from ioadapt_theory.adapters.families.family import is_finite
from ioadapt_theory.adapters.guards import replace
from ioadapt_theory.adapters.layer import AdaptedLayer, check_distinct, check_name, walk
from ioadapt_theory.adapters.matrices import Operator, operator
from ioadapt_theory.adapters.rules.target_modules import select
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, UnknownNameError

_switching = threading.Lock()
PEFT_NAMES = "adapter_layer_names"
"""Name of the attribute in which PEFT's layers list their submodules with adapters."""


def adapt(
    model: nn.Module,
    config: AdapterConfig | None = None,
    /,
    *,
    name: str = "default",
    **options: Any,
) -> nn.Module:
    """Return the model, changed in place: frozen, with a new, trainable adapter on its target modules.

    A model that already has adapters, of this package or of PEFT, keeps its trainable parameters: only the base of the
    newly adapted layers is frozen. Running statistics are not frozen: a BatchNorm in training mode still updates them.
    If an error is raised, the model is unchanged.

    If a model reads a layer's weight instead of calling the layer, the adapter has no effect and gets no gradient, so
    exclude this layer. torch's own modules are safe: layers inside an nn.MultiheadAttention are rejected, and the fast
    paths of transformer encoders are turned off.

    Args:
        model: any module; its target modules must be linear layers, convolutions or other layers with known sizes.
        config: the configuration; omit it to give its fields as keywords, as in the example.
        name: name of the adapter; a second adapter acts on the layer as adapted by the first.
        **options: the fields of ``AdapterConfig``, also under PEFT's names (r, lora_alpha, lora_dropout, init_weights,
            init_lora_weights, use_dora).

    Raises:
        NoMatchError: no module matches; the message lists similar names.
        UnsupportedError: a target module cannot be adapted, or does not support the placement.
        UnknownNameError: an option, family, placement or init does not exist.
        InvalidValueError: an option is missing or invalid, the name is taken, a layer is merged, or a ``disable`` block
            is open.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input", rank=4)
        >>> [(name, tuple(p.shape)) for name, p in model.named_parameters() if p.requires_grad]
        [('0.adapters.default.input.A', (16, 4)), ('0.adapters.default.input.B', (4, 16))]
        >>> model(torch.zeros(2, 16)).shape
        torch.Size([2, 8])
    """
    if not isinstance(model, nn.Module):
        msg = f"model must be a torch.nn.Module, not {type(model).__name__}."
        raise InvalidValueError(msg)
    if config is None:
        config = AdapterConfig(**translated(options))
    elif not isinstance(config, AdapterConfig):
        msg = f"config must be an AdapterConfig, not {type(config).__name__}; pass one, or its fields as keywords."
        raise InvalidValueError(msg)
    elif options:
        msg = f"Both a configuration and fields ({', '.join(options)}) are given; give one or the other."
        raise InvalidValueError(msg)
    targets, prepared = select(model, config), {}
    for layer, plan in config.plans(targets).items():
        with naming(layer):
            prepared[layer] = Adapter.fresh(function_of(targets[layer]), config.family, plan)
    install(model, prepared, name, trainable=True)
    return model


def _signature() -> inspect.Signature:
    """Return the signature of ``adapt`` with the fields of ``AdapterConfig`` and their defaults, for ``help``."""
    whole = inspect.signature(adapt)
    *own, options = whole.parameters.values()
    return whole.replace(parameters=[*own, *inspect.signature(AdapterConfig).parameters.values(), options])


adapt.__signature__ = _signature()  # type: ignore[attr-defined]


def function_of(module: nn.Module) -> Operator:
    return module.function if isinstance(module, AdaptedLayer) else operator(module)


def install(model: nn.Module, prepared: Mapping[str, Adapter], name: str, *, trainable: bool | None = False) -> None:
    """Add adapters to a model's layers, or change nothing if one cannot be added.

    The base of a model without adapters is frozen, else only the newly adapted layers. ``trainable=None`` leaves the
    parameters' requires_grad unchanged.
    """
    refuse_if_disabled(model, "adding an adapter")
    named = dict(walk(model))
    wanted = {id(named[layer]) for layer in prepared}
    for layer in prepared:
        with naming(layer):
            _check_room(named[layer], wanted, name)
    trained = {id(p) for p in _of_adapters(model)}
    new = [named[layer] for layer in prepared if not isinstance(named[layer], AdaptedLayer)]
    for p in (p for part in (new if trained else [model]) for p in part.parameters()):
        p.requires_grad_(p.requires_grad and id(p) in trained)
    wrappers: dict[nn.Module, AdaptedLayer] = {}
    for layer, adapter in prepared.items():
        module = named[layer]
        wrappers[module] = module if isinstance(module, AdaptedLayer) else AdaptedLayer(module)
        wrappers[module].add(name, adapter if trainable is None else adapter.requires_grad_(trainable))
        wrappers[module].train(module.training)
    replace(model, {n: wrappers[m] for n, m in named.items() if m in wrappers})  # a module may have several names


def trained_elsewhere(model: nn.Module) -> list[str]:
    """Return the names of the trainable parameters that belong to no adapter of this package or of PEFT."""
    held = {id(p) for p in _of_adapters(model)}
    return [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in held]


def _of_adapters(model: nn.Module) -> Iterator[nn.Parameter]:
    for part in model.modules():
        for key in ("adapters",) if isinstance(part, AdaptedLayer) else getattr(type(part), PEFT_NAMES, ()):
            if isinstance(inner := getattr(part, key, None), nn.Module):
                yield from inner.parameters()


def refuse_if_disabled(model: nn.Module, doing: str) -> None:
    """Raise InvalidValueError inside a ``disable`` block, since the end of the block would undo the change."""
    if any(isinstance(part, AdaptedLayer) and part.disabled for part in model.modules()):
        msg = f"The adapters are disabled; leave the disable() block before {doing}."
        raise InvalidValueError(msg)


def _check_room(module: nn.Module, wanted: set[int], name: str) -> None:
    if isinstance(module, AdaptedLayer):
        module.check_free(name)
        return
    check_name(name)
    inside = [part for part in module.modules() if part is not module]
    if any(id(part) in wanted or isinstance(part, AdaptedLayer) for part in inside):
        kind, way = type(module).__name__, "leave out either this module or these layers"
        msg = f"This {kind} contains layers that also have or would get adapters; {way}."
        raise InvalidValueError(msg)


def layers(model: nn.Module, name: str | None = None) -> dict[str, AdaptedLayer]:
    """Return the adapted layers by module name; if ``name`` is given, only those with the adapter of this name.

    Raises:
        UnknownNameError: no layer has an adapter of this name.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers
        >>> [*layers(adapt(nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 4)), target_modules=["1"], placement="input"))]
        ['1']
    """
    adapted = {n: m for n, m in [("", model), *walk(model)] if isinstance(m, AdaptedLayer)}
    if name is None:
        return adapted
    having = {n: layer for n, layer in adapted.items() if name in layer.adapters}
    if not having:
        raise UnknownNameError("adapter", name, {known for layer in adapted.values() for known in layer.adapters})
    return having


def parameters(model: nn.Module, name: str | None = None) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the names and parameters of all adapters, or of the adapter ``name``; shared parameters only once.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, parameters
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="output", rank=2)
        >>> [(name, tuple(p.shape)) for name, p in parameters(model)]
        [('0.default.output.A', (8, 2)), ('0.default.output.B', (2, 8))]
    """
    seen: set[int] = set()
    for layer, module in layers(model, name).items():
        for key, p in module.adapters.named_parameters(prefix=layer):
            if (name is None or key.removeprefix(f"{layer}.").startswith(f"{name}.")) and id(p) not in seen:
                seen.add(id(p))
                yield key, p


def count(model: nn.Module, name: str | None = None) -> int:
    """Return the number of parameters of all adapters, or of the adapter ``name``; shared parameters count once.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, count
        >>> count(adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="weight", rank=2))  # r(c + d)
        48
    """
    return sum(p.numel() for _, p in parameters(model, name))


def activate(model: nn.Module, *names: str) -> None:
    """Activate these adapters and deactivate all others; the active ones are applied in the given order.

    Raises:
        UnknownNameError: an adapter does not exist.
        InvalidValueError: a name is repeated, or a layer is merged.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import activate, adapt, layers
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input", name="one")
        >>> activate(adapt(model, target_modules=["0"], placement="input", name="two"), "one")
        >>> layers(model)["0"].active
        ('one',)
    """
    check_distinct(names)
    for name in names:
        layers(model, name)
    for layer in unmerged(layers(model), "choosing other adapters"):
        layer.activate(*(name for name in names if name in layer.adapters))


def scale(model: nn.Module, factor: float, name: str = "default") -> None:
    """Multiply an adapter's scaling, the factor on its learned change, by ``factor``; the state_dict stores the result.

    Args:
        model: the model with the adapter.
        factor: 0.5 halves the learned change, 0 removes it; DoRA's magnitudes are not scaled.
        name: name of the adapter.

    Raises:
        UnknownNameError: no layer has an adapter of this name.
        InvalidValueError: a layer is merged, or the factor is not a number in the range of float32.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, scale
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input")
        >>> scale(model, 0.5)
        >>> model[0].adapters["default"]["input"].scaling
        0.5
    """
    if not is_finite(factor):
        msg = f"factor must be a number in the range of float32, not {factor!r:.80}."
        raise InvalidValueError(msg)
    for layer in unmerged(layers(model, name), "scaling an adapter"):
        for _, family in layer.adapters[name].parts():  # type: ignore[operator]
            family.scaling *= factor


def unmerged(adapted: Mapping[str, AdaptedLayer], doing: str) -> Collection[AdaptedLayer]:
    """Return the layers without duplicates; raise InvalidValueError if adapters of one are merged."""
    for where, layer in adapted.items():
        with naming(where):
            layer.refuse_if_merged(doing)
    return dict.fromkeys(adapted.values())


@contextmanager
def disable(model: nn.Module) -> Iterator[None]:
    """Disable all adapters, including merged ones; inside, none can be merged, unmerged, unloaded, added or removed.

    Blocks may overlap, for example in several threads: the last one to end restores the adapters.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, disable
        >>> base = nn.Linear(16, 8)
        >>> model = adapt(nn.Sequential(base), target_modules=["0"], placement="input", init="random")
        >>> x = torch.randn(2, 16)
        >>> with disable(model):
        ...     torch.equal(model(x), base(x))
        True
    """
    adapted = dict.fromkeys(layers(model).values())
    with _switching:
        for layer in adapted:
            layer.switch_off()
    try:
        yield
    finally:
        with _switching:
            for layer in adapted:
                layer.switch_on()


def remove(model: nn.Module, name: str = "default") -> nn.Module:
    """Return the model without one adapter; layers with no adapter left are unwrapped, and stay frozen.

    Raises:
        UnknownNameError: no layer has an adapter of this name.
        InvalidValueError: a layer is merged, or a ``disable`` block is open.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers, remove
        >>> layers(remove(adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input")))
        {}
    """
    refuse_if_disabled(model, "removing an adapter")
    for layer in unmerged(layers(model, name), "removing an adapter"):
        layer.remove(name)
    return unwrap(model, {place: layer for place, layer in layers(model).items() if not layer.adapters})


def unwrap(model: nn.Module, wrappers: Mapping[str, AdaptedLayer]) -> nn.Module:
    replace(model, {name: wrapper.base_layer for name, wrapper in wrappers.items() if name})
    return wrappers[""].base_layer if "" in wrappers else model


@contextmanager
def naming(layer: str) -> Iterator[None]:
    """Prefix the message of an ``IoAdaptError`` in the block with the layer's name, unless it is the model itself."""
    try:
        yield
    except IoAdaptError as error:
        error.args = (f"{layer}: {error}" if layer else str(error),)
        raise
