"""What adapters derive from their parameters, for what lies between two steps of an optimizer."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from ioadapt_theory.adapters.derived import trusting
from ioadapt_theory.adapters.families.dora import DoRA, derive
from ioadapt_theory.adapters.model import layers


@contextmanager
def cached(model: nn.Module | None = None) -> Iterator[None]:
    """Keep what depends on parameters alone on accelerators too, where comparing would wait for the device.

    There it goes by the versions of tensors, so nothing may write through ``p.data`` inside, nor a fused optimizer: for
    what lies between two steps, or for generating. On a CPU it changes nothing: there the factors are compared whole
    and the frozen weight by its version and a sample, so that only a write through ``w.data`` beside the sample is
    missed, inside and outside: reading all of W at each call would cost a single token as much as its product.

    Args:
        model: an adapted model, whose DoRA adapters on inputs and outputs are derived at once, one batch for those of
            equal sizes: a dozen kernels in all where each layer would start as many.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, cached
        >>> model = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 8))
        >>> _ = adapt(model, target_modules=["0", "1"], family="dora", placement="input")
        >>> with cached(model):  # every micro-batch of a step, then optimizer.step() outside
        ...     model(torch.randn(2, 16)).sum().backward()
    """
    with trusting():
        wrapped = () if model is None else layers(model).values()
        adapters = [layer.adapters[name] for layer in wrapped for name in layer.active]
        parts = [part for adapter in adapters for part in adapter.parts()]  # type: ignore[operator]
        derive([phi for placement, phi in parts if placement != "weight" and isinstance(phi, DoRA)])
        yield
