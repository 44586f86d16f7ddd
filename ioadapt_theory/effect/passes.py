"""Forward and backward passes of a model that record the activations and the gradients of its layers.

An adapter on a layer y = zW reads z (or, on the output side, y with the bias), and a change of y acts on the network's
output through the Jacobian J. A backward pass from a random cotangent ξ of the outputs gives g = Jξ; if E ξξᵀ = I, then
E ggᵀ = JJᵀ. Two models are compared with the *same* cotangents, drawn by ``cotangents``. Effects are small differences
of outputs, which bfloat16 would round away, so half-precision models run in float32.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, UnsupportedError

Call = Callable[[nn.Module, Any], Any]
FIRST = ("logits", "sample", "last_hidden_state")
"""Names of the output to compare, in order of preference, if a model returns several tensors."""
HALVES = frozenset({torch.float16, torch.bfloat16})
NO_GRADIENT = (
    "A layer passes no gradient to its input ({}), as in int8 models; give unquantised models. The adapter can still be"
    " loaded on the quantised model afterwards."
)


@dataclass(slots=True)
class Recorded:
    """The output of a model on one batch, and the activations and gradients of its layers.

    Attributes:
        output: the tensor to compare, of shape (samples, ...).
        rows: layer -> its activations and gradients, for the layers that were called.
        silent: layers that were never called.
    """

    output: Tensor
    rows: dict[str, Rows] = field(default_factory=dict)
    silent: tuple[str, ...] = ()


def record(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    batch: Any,
    *,
    call: Call | None = None,
    seed: int = 0,
    draws: int = 1,
    chances: Tensor | None = None,
    directions: Callable[[Tensor], list[Tensor]] | None = None,
) -> Recorded:
    """Return the output, activations and gradients of one forward and ``draws`` backward passes of a model.

    Args:
        model: the model, with its adapters already switched off.
        modules: the linear layers and convolutions to record, by name.
        batch: a tensor, a tuple of arguments, or a mapping of keyword arguments.
        call: function that runs the model on the batch; by default, the batch is unpacked into arguments.
        seed: seed of the cotangents and of random numbers in the model; use the same for both models of a pair.
        draws: number of random cotangents, the vectors from which backward passes start.
        chances: class probabilities, if the outputs are logits; the cotangents then have the Fisher metric of these
            probabilities as covariance, so that improbable classes have little weight. By default all outputs have the
            same weight.
        directions: function that returns the cotangents for an output, in place of ``draws`` random ones.

    Raises:
        InvalidValueError: the model fails on the batch, or its output has no floating-point tensor or is not finite.
        UnsupportedError: a layer passes no gradient to its input, or runs without gradients.
    """
    watch = _Watch(modules)
    with undisturbed(model), torch.inference_mode(False), torch.enable_grad(), watch:
        output = run(model, batch, call, seed)
        if not output.isfinite().all():
            msg = "The model's output contains NaN or infinity on these inputs; check the model and the inputs."
            raise InvalidValueError(msg)
        if output.requires_grad:
            along = directions(output) if directions else [*cotangents(output, seed, draws, chances)]
            watch.backward(output, along)
            draws = len(along)
    rows = {name: Rows(modules[name], calls, draws, len(output)) for name, calls in watch.calls.items() if calls}
    silent = tuple(name for name in modules if name not in rows)
    return Recorded(output.detach(), rows, silent)


def cotangents(output: Tensor, seed: int, draws: int, chances: Tensor | None = None) -> Iterator[Tensor]:
    """Yield random cotangents for an output; for the same seed and shape, they are the same on every device.

    Their entries are independent N(0, 1) or, with class probabilities p (``chances``), have covariance diag p - ppᵀ.
    """
    generator = torch.Generator().manual_seed(seed)
    for _ in range(draws):
        drawn = torch.randn(output.shape, generator=generator).to(output)
        if chances is not None:
            p = chances.to(output)
            drawn = p.sqrt() * drawn - p * (p.sqrt() * drawn).sum(-1, keepdim=True)
        yield drawn


def run(model: nn.Module, batch: Any, call: Call | None, seed: int) -> Tensor:
    """Run a model on a batch with a fixed random state, and return the output to compare."""
    return named_output(model, batch, call, seed)[0]


def named_output(model: nn.Module, batch: Any, call: Call | None, seed: int) -> tuple[Tensor, str | None]:
    """Run a model; return the output to compare, with padding set to 0, and its name from ``FIRST``, or None."""
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"} if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices=[*devices]):
        torch.manual_seed(seed)
        try:
            result = (call or called)(model, widened(batch))
        except (IoAdaptError, torch.OutOfMemoryError):
            raise
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            if any(name in str(error) for name in ("quantized::", "QuantizedCPU", "QuantizedCUDA")):
                raise UnsupportedError(NO_GRADIENT.format(type(model).__name__)) from error
            reason = str(error).strip().split("\n")[0].removesuffix(".") or type(error).__name__
            way = "change them or, in Python, pass a function that runs the model on them (call= in transfer, report)"
            msg = f"The {type(model).__name__} fails on the inputs ({reason}); {way}."
            raise InvalidValueError(msg) from error
    output = next(tensors(result), None)
    if output is None:
        way = "in Python, pass a function that returns one (call= in transfer, report)"
        msg = f"The model's output ({type(result).__name__}) contains no floating-point tensor; {way}."
        raise InvalidValueError(msg)
    keys = {*result} if isinstance(result, Mapping) else {*getattr(result, "__dataclass_fields__", ())}
    mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
    if isinstance(mask, Tensor) and output.ndim == 3 and output.shape[:2] == mask.shape:  # set padding to zero
        output = output.masked_fill(mask[..., None].to(output.device) == 0, 0.0)
    return output if output.ndim > 1 else output.reshape(-1, 1), next((key for key in FIRST if key in keys), None)


def called(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, list | tuple) else model(batch)


def tensors(result: Any) -> Iterator[Tensor]:
    """Yield the floating-point tensors of a result, first (and once more later) those with names in ``FIRST``."""
    if isinstance(result, Tensor):
        if result.is_floating_point():
            yield result
    elif isinstance(result, Mapping):
        for key in FIRST:
            if key in result:
                yield from tensors(result[key])
        for value in result.values():
            yield from tensors(value)
    elif isinstance(result, list | tuple):
        for value in result:
            yield from tensors(value)
    elif hasattr(result, "__dataclass_fields__"):
        yield from tensors({key: getattr(result, key) for key in result.__dataclass_fields__})


def widened(batch: Any) -> Any:
    if isinstance(batch, Tensor):
        return batch.float() if batch.dtype in HALVES else batch
    if isinstance(batch, Mapping):
        return {key: widened(value) for key, value in batch.items()}
    return type(batch)(map(widened, batch)) if isinstance(batch, list | tuple) else batch


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Inside ``with``, keep the model in evaluation mode, at least float32, frozen, without gradient checkpointing."""
    modes = {part: part.training for part in model.modules()}
    flags = {p: p.requires_grad for p in model.parameters()}
    checkpointed = [part for part in modes if getattr(part, "gradient_checkpointing", False) is True]
    halves = [t for t in (*flags, *model.buffers()) if t.dtype in HALVES and not t.is_meta]
    before = [t.data for t in halves]
    model.eval()
    for p in flags:
        p.requires_grad_(False)
    for part in checkpointed:
        part.gradient_checkpointing = False  # type: ignore[assignment]
    for t in halves:
        t.data = t.data.float()
    try:
        yield
    finally:
        for t, data in zip(halves, before, strict=True):
            t.data = data
        for part in checkpointed:
            part.gradient_checkpointing = True  # type: ignore[assignment]
        for p, flag in flags.items():
            p.requires_grad_(flag)
        for part, mode in modes.items():
            part.training = mode


class _Watch:
    """Hooks that store the input, the output and the output's gradients for every call of each layer."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self.modules = modules
        self.calls: dict[str, list[tuple[Tensor, Tensor, list[Tensor]]]] = {name: [] for name in modules}
        self.in_backward = False
        self.handles: list[Any] = []

    def __enter__(self) -> None:
        for name, module in self.modules.items():
            self.handles.append(module.register_forward_hook(self._hook(name), with_kwargs=True))

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _hook(self, name: str) -> Callable[..., Tensor]:
        def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
            z = args[0] if args else next(v for v in kwargs.values() if isinstance(v, Tensor))
            if not torch.is_grad_enabled():
                msg = f"Layer {name} runs without gradients; remove torch.no_grad or re-entrant checkpointing."
                raise UnsupportedError(msg)
            if not y.requires_grad:  # start gradients here; a leaf could not be changed in place
                y = y + y.new_zeros(()).requires_grad_()
            if not self.in_backward and y.requires_grad:  # not a recomputation in the backward pass
                gradients: list[Tensor] = []
                y.register_hook(lambda g: self._keep(name, gradients, g))  # type: ignore[no-untyped-call]
                self.calls[name].append((z.detach().clone(), y.detach().clone(), gradients))
            return y

        return hook

    def _keep(self, name: str, gradients: list[Tensor], g: Tensor | None) -> None:
        if g is None:  # an operation without a derivative in torch
            raise UnsupportedError(NO_GRADIENT.format(f"behind layer {name}"))
        gradients.append(g.detach())

    def backward(self, output: Tensor, directions: list[Tensor]) -> None:
        self.in_backward = True
        try:
            for number, direction in enumerate(directions, start=1):
                torch.autograd.backward(output, direction, retain_graph=number < len(directions))
        except IoAdaptError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            if "not implemented" in str(error) or "does not require grad" in str(error):
                reason = str(error).strip().split("\n")[0]
                raise UnsupportedError(NO_GRADIENT.format(reason)) from error
            raise
        finally:
            self.in_backward = False
