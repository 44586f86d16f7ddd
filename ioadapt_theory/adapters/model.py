"""Adapters on whole models: add by module name, list, count, choose, switch off, merge, take away."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ioadapt_theory.adapters.auto import chosen
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.layers import AdaptedLayer, Adapter, check_name
from ioadapt_theory.adapters.operators import Operator, operator
from ioadapt_theory.adapters.select import select, walk
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, UnknownNameError


def adapt(
    model: nn.Module,
    config: AdapterConfig | None = None,
    /,
    *,
    name: str = "default",
    target: nn.Module | None = None,
    **options: Any,
) -> nn.Module:
    """Freeze a model and put a fresh, trainable adapter on its target modules, in place; returns the model.

    Args:
        model: any module whose targets are linear layers, convolutions, or layers of known sizes.
        config: the configuration, or give its fields as keywords: ``adapt(model, target_modules=["to_q"], rank=4)``.
        name: of the adapter; a second one acts on what the first makes of the layer, and the first is frozen.
        target: for placement="auto", the model that the adapter will be moved to.
        **options: the fields of ``AdapterConfig``.

    Raises:
        NoMatchError: no module matches; near misses are named.
        UnsupportedError: a target is of a kind that the placement has no exact form for.
        InvalidValueError: an option outside its limits, or the name is taken; the model is as it was.
    """
    if config is None:
        config = AdapterConfig(**options)
    elif options:
        msg = f"Give a configuration or its fields, not both: {', '.join(options)}."
        raise InvalidValueError(msg)
    if config.placement == "auto":
        config = chosen(model, config, target)
    prepared = {}
    for layer, module in select(model, config).items():
        with naming(layer):
            prepared[layer] = Adapter.fresh(function_of(module), config.resolve(layer))
    install(model, prepared, name)
    return model


def function_of(module: nn.Module) -> Operator:
    """A module as the paper's f, its active adapters included."""
    return module.function if isinstance(module, AdaptedLayer) else operator(module)


def install(model: nn.Module, prepared: Mapping[str, Adapter], name: str) -> None:
    """Freeze the model and put fitting adapters on its layers; nothing is changed if one of them cannot be put.

    Raises:
        InvalidValueError: the adapter's name is taken or unusable, or a layer is merged.
    """
    named = dict(walk(model))
    for layer in prepared:
        module = named[layer]
        with naming(layer):
            module.check_free(name) if isinstance(module, AdaptedLayer) else check_name(name)
    model.requires_grad_(requires_grad=False)
    for layer, adapter in prepared.items():
        module = named[layer]
        wrapper = module if isinstance(module, AdaptedLayer) else AdaptedLayer(module)
        wrapper.add(name, adapter.requires_grad_())
        wrapper.train(module.training)
        for other, same in named.items():  # a module may stand in several places
            if same is module:
                _replace(model, other, wrapper)


def _replace(model: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    owner = model.get_submodule(parent)
    setattr(owner, child, new)
    if isinstance(owner, nn.TransformerEncoderLayer):  # its fast path reads weights instead of calling layers
        owner.activation_relu_or_gelu = 0
        for stack in model.modules():
            if isinstance(stack, nn.TransformerEncoder):  # which makes nested tensors for that path alone
                stack.use_nested_tensor = False


def layers(model: nn.Module, name: str | None = None) -> dict[str, AdaptedLayer]:
    """The adapted layers by module name; with ``name`` those that have the adapter of this name.

    Raises:
        UnknownNameError: no layer has an adapter of this name.
    """
    found = {n: m for n, m in walk(model) if isinstance(m, AdaptedLayer)}
    if isinstance(model, AdaptedLayer):
        found = {"": model}
    if name is None:
        return found
    having = {n: layer for n, layer in found.items() if name in layer.adapters}
    if not having:
        raise UnknownNameError("adapter", name, {known for layer in found.values() for known in layer.adapters})
    return having


def parameters(model: nn.Module, name: str | None = None) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and parameters of all adapters, or of one; a parameter shared by layers comes once."""
    seen: set[int] = set()
    for layer, module in layers(model, name).items():
        for key, p in module.adapters.named_parameters(prefix=layer):
            if (name is None or key.removeprefix(f"{layer}.").startswith(f"{name}.")) and id(p) not in seen:
                seen.add(id(p))
                yield key, p


def count(model: nn.Module, name: str | None = None) -> int:
    """How many numbers the adapters hold."""
    return sum(p.numel() for _, p in parameters(model, name))


def activate(model: nn.Module, *names: str) -> None:
    """Choose the adapters in use, for every layer that has them; the first acts next to the base layer."""
    for name in names:
        layers(model, name)
    for layer in layers(model).values():
        layer.activate(*(name for name in names if name in layer.adapters))


def scale(model: nn.Module, factor: float, name: str = "default") -> None:
    """Multiply an adapter's scaling, the factor on its learned change, e.g. by 0.5 for a half-strength copy.

    Raises:
        InvalidValueError: a layer is merged.
    """
    found = layers(model, name)
    for where, layer in found.items():
        with naming(where):
            layer.refuse_if_merged("scaling an adapter")
    for layer in found.values():
        for _, family in layer.adapters[name].parts():  # type: ignore[operator]
            family.scaling *= factor


@contextmanager
def disable(model: nn.Module) -> Iterator[None]:
    """The base model for the duration, also when adapters are merged."""
    saved = [(layer, layer.active, layer.merged) for layer in layers(model).values()]
    for layer, _, merged in saved:
        layer.exchange() if merged else layer.activate()
    try:
        yield
    finally:
        for layer, active, merged in saved:
            layer.exchange() if merged else layer.activate(*active)


def merge(model: nn.Module) -> nn.Module:
    """Write the active adapters into the weights, all layers or none; returns the model.

    Raises:
        UnsupportedError: a layer without a plain weight.
        InvalidValueError: a merged weight that is not finite.
    """
    merged: dict[str, dict[str, Tensor]] = {}
    todo = {name: layer for name, layer in layers(model).items() if layer.active and not layer.merged}
    for name, layer in todo.items():
        with naming(name):
            merged[name] = layer.merged_tensors()
    for name, layer in todo.items():
        layer.merge(merged[name])
    return model


def unmerge(model: nn.Module) -> nn.Module:
    """Give every layer its own tensors back, bit for bit; returns the model."""
    for layer in layers(model).values():
        layer.unmerge()
    return model


def unload(model: nn.Module) -> nn.Module:
    """Take the wrappers away, leaving each layer with the weights it has now (merged or not); returns the model."""
    for name, module in list(walk(model)):
        if isinstance(module, AdaptedLayer):
            _replace(model, name, module.base_layer)
    return model


def remove(model: nn.Module, name: str = "default") -> nn.Module:
    """Take one adapter away from every layer; layers left without any become what they were; returns the model."""
    for layer in layers(model, name).values():
        layer.remove(name)
    for place, module in list(walk(model)):
        if isinstance(module, AdaptedLayer) and not module.adapters:
            _replace(model, place, module.base_layer)
    return model


@contextmanager
def naming(layer: str) -> Iterator[None]:
    """Put the layer's name before an error's sentence."""
    try:
        yield
    except IoAdaptError as error:
        error.args = (f"{layer}: {error}",)
        raise
