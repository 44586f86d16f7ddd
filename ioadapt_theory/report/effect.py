"""What an adapter does to the outputs of a batch of unlabelled inputs, on its source and on a target, in one pass.

With d = output with the adapter - output without, summed over all batches:

    kept = 1 - ‖d' - d‖ / ‖d‖,    cosine = ⟨d, d'⟩ / (‖d‖‖d'‖),    ratio = ‖d'‖ / ‖d‖,

and cosine / ratio is the strength at which d' is nearest to d. No labels, no training, any model that runs. Outputs are
compared as ``call`` gives them: what the task does not count, such as an offset that is fitted anew, is best left out.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.model import disable, layers, remove
from ioadapt_theory.adapters.moving.transfer import transfer
from ioadapt_theory.errors import InvalidValueError

Call = Callable[[nn.Module, Any], Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """The adapter's effect on the target beside that on the source.

    Attributes:
        source, target: ‖d‖ and ‖d'‖.
        inner: ⟨d, d'⟩.
        numbers: elements of the outputs compared.
    """

    source: float
    target: float
    inner: float
    numbers: int

    @property
    def kept(self) -> float:
        """1 if the effect is the same, 0 for none, below 0 where nothing would be nearer."""
        apart = max(self.source**2 + self.target**2 - 2 * self.inner, 0.0)
        return 1 - math.sqrt(apart) / self.source

    @property
    def cosine(self) -> float:
        """Whether it points the same way, whatever its size."""
        return max(-1.0, min(1.0, self.inner / (self.source * self.target))) if self.target else 0.0

    @property
    def ratio(self) -> float:
        """Its size there by its size here."""
        return self.target / self.source

    @property
    def strength(self) -> float:
        """Scaling at which the effect there is nearest to that here; 0 where it points another way."""
        return max(self.cosine, 0.0) / self.ratio if self.target else 0.0


def effect(
    source: nn.Module,
    target: nn.Module,
    batches: Iterable[Any],
    *,
    name: str = "default",
    call: Call | None = None,
    counterparts: Mapping[str, str] | None = None,
) -> Effect:
    """Measure the effect; both models are as they were afterwards.

    Args:
        source: with the adapter.
        target: another model; it gets the adapter's layers that fit, for the duration.
        batches: inputs, looked at once each; tensors, tuples of arguments, or mappings of keywords.
        name: of the adapter.
        call: runs a model on a batch; by default ``model(batch)``, with its arguments spread out.
        counterparts: the target's name for layers that are called otherwise there.

    Raises:
        TransferError: no layer fits.
        InvalidValueError: no batches, outputs that do not compare, or an adapter that does nothing.
    """
    run = call or _call
    sums = {"source": 0.0, "target": 0.0, "inner": 0.0}
    numbers = 0
    layers(source, name)
    with _as_it_was(source), _as_it_was(target), _moved(source, target, name, counterparts), torch.no_grad():
        for batch in batches:
            d, d2 = (_change(model, batch, run) for model in (source, target))
            if d.shape != d2.shape:
                msg = f"The models' outputs are of {d.numel()} and {d2.numel()} numbers, so effects do not compare."
                raise InvalidValueError(msg)
            sums["source"] += float(d @ d)
            sums["target"] += float(d2 @ d2)
            sums["inner"] += float(d @ d2)
            numbers += d.numel()
    if not numbers:
        msg = "There are no inputs: the effect of an adapter needs a batch at least."
        raise InvalidValueError(msg)
    if not all(map(math.isfinite, sums.values())):
        msg = "An output is not finite, with the adapter or without, so its effect cannot be measured."
        raise InvalidValueError(msg)
    if not sums["source"]:
        msg = "The adapter changes no output of the source on these inputs: is it trained, and active?"
        raise InvalidValueError(msg)
    return Effect(math.sqrt(sums["source"]), math.sqrt(sums["target"]), sums["inner"], numbers)


@contextmanager
def _moved(source: nn.Module, target: nn.Module, name: str, counterparts: Mapping[str, str] | None) -> Iterator[None]:
    """The adapter on the target under a name of its own."""
    if target is source:
        yield
        return
    frozen = {p: p.requires_grad for p in target.parameters()}
    taken = {key for layer in layers(target).values() for key in layer.adapters}
    if name in taken:
        msg = f"The target has an adapter {name!r} already; remove it first."
        raise InvalidValueError(msg)
    transfer(source, target, name=name, strict=False, rename=counterparts, match="auto")
    try:
        yield
    finally:
        remove(target, name)
        for p, flag in frozen.items():
            p.requires_grad_(flag)


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Without dropout, then in its modes as before."""
    modes = {part: part.training for part in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _change(model: nn.Module, batch: Any, run: Call) -> Tensor:
    """The difference that the active adapters make, flat, in float64 on the CPU."""
    state = torch.get_rng_state()
    adapted = _numbers(run(model, batch))
    with disable(model):
        torch.set_rng_state(state)  # a model that draws noise draws the same
        plain = _numbers(run(model, batch))
    return adapted - plain


def _call(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, list | tuple) else model(batch)


def _numbers(output: Any) -> Tensor:
    """The first of an output's tensors that has floating-point numbers: logits, a sample, the last hidden state."""
    found = next(_tensors(output), None)
    if found is None:
        msg = f"The model gives a {type(output).__name__} without a tensor of numbers; tell how to run it with call=."
        raise InvalidValueError(msg)
    return found.detach().double().cpu().flatten()


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, Mapping):
        for key in ("logits", "sample", "last_hidden_state"):
            if key in output:
                yield from _tensors(output[key])
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _tensors(value)
