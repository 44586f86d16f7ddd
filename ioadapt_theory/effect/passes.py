"""Forward and backward passes of a model that record the activations and the gradients of its layers.

An adapter on a layer y = zW reads z (or, on the output side, y with the bias), and a change of y acts on the network's
output through the Jacobian J. A backward pass from a random cotangent ξ of the outputs gives g = Jξ; if E ξξᵀ = I, then
E ggᵀ = JJᵀ. Two models are compared with the *same* cotangents, drawn by ``cotangents``. A model runs in its own dtype;
``precision`` says when this is too coarse, and ``undisturbed`` then makes it run in float32.
"""

import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import row_counts
from ioadapt_theory.effect.outputs import selected
from ioadapt_theory.effect.pairing import at_pairs
from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.effect.undisturbed import fitted, undisturbed
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, UnsupportedError

Call = Callable[[nn.Module, Any], Any]
NO_GRADIENT = (
    "A layer passes no gradient to its input ({}), as in int8 models; give unquantised models. The adapter can still be"
    " loaded on the quantised model afterwards."
)


@dataclass(slots=True)
class Recorded:
    """A model's output on one batch, and what the layers that were called read and write."""

    output: Tensor
    rows: dict[str, Rows]


def record(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    batch: Any,
    *,
    call: Call | None = None,
    seed: int = 0,
    directions: Callable[[Tensor], list[Tensor]] | None = None,
) -> Recorded:
    """Return the output, activations and gradients of one forward pass, and one backward pass for each cotangent.

    ``directions`` returns the cotangents for an output, see ``cotangents``. To compare two models, give the same seed
    and directions for both.
    """
    watch, along = _Watch(modules, batch), list[Tensor]()
    with undisturbed(model), torch.inference_mode(False), torch.enable_grad(), ExitStack() as hooks:
        for name, module in modules.items():
            hooks.enter_context(module.register_forward_hook(watch.hook(name), with_kwargs=True))
        output = run(model, batch, call, seed)
        require_finite(output)
        if output.requires_grad:
            along = (directions or cotangents(1, seed))(output)
            watch.backward(output, along)
    draws = max(len(along), 1)
    rows = {name: Rows(modules[name], calls, draws, len(output)) for name, calls in watch.calls.items() if calls}
    return Recorded(output.detach(), rows)


def require_finite(output: Tensor) -> None:
    if not output.sum(dtype=torch.promote_types(output.dtype, torch.float32)).isfinite():
        msg = "The model's output contains NaN or infinity on these inputs; check the model and the inputs."
        raise InvalidValueError(msg)


def cotangents(
    draws: int, seed: int, chances: Callable[[Tensor], Tensor] | None = None
) -> Callable[[Tensor], list[Tensor]]:
    """Return a function of an output that draws random cotangents for it, and returns the same ones for later outputs.

    Their entries are independent N(0, 1) or, with class probabilities p that ``chances`` returns for the first output,
    have covariance diag p - ppᵀ, the Fisher metric, so that improbable classes have little weight.
    """
    drawn: list[Tensor] = []

    def along(output: Tensor) -> list[Tensor]:
        if not drawn:
            options: dict[str, Any] = {
                "device": output.device,
                "dtype": torch.promote_types(output.dtype, torch.float32),
            }
            generator = torch.Generator(output.device).manual_seed(seed)
            root = None if chances is None else chances(output.detach()).to(**options).sqrt()
            for _ in range(draws):
                g = torch.randn(output.shape, generator=generator, **options)
                if root is not None:
                    g -= root * (root * g).sum(-1, keepdim=True)
                    g *= root
                drawn.append(g.to(output.dtype))
        return [g.to(output) for g in drawn]

    return along


def run(model: nn.Module, batch: Any, call: Call | None, seed: int) -> Tensor:
    """Run a model on a batch with a fixed random state, and return the output to compare."""
    return named_output(model, batch, call, seed)[0]


def named_output(model: nn.Module, batch: Any, call: Call | None, seed: int) -> tuple[Tensor, str]:
    """Run a model; return the output to compare, with padding set to 0, and its name (see ``outputs.selected``)."""
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"} if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices=[*devices]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed formats a stack trace
        if devices:
            torch.cuda.manual_seed_all(seed)
        try:
            result = (call or called)(model, fitted(batch, model))
        except (IoAdaptError, torch.OutOfMemoryError):
            raise
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            if any(name in str(error) for name in ("quantized::", "QuantizedCPU", "QuantizedCUDA")):
                raise UnsupportedError(NO_GRADIENT.format(type(model).__name__)) from error
            reason = str(error).strip().split("\n")[0].removesuffix(".") or type(error).__name__
            way = "change them or, in Python, pass a function that runs the model on them (call= in transfer, report)"
            msg = f"The {type(model).__name__} fails on the inputs ({reason}); {way}."
            raise InvalidValueError(msg) from error
    name, output = selected(result, row_counts(batch), type(model).__name__)
    mask = _mask(batch, model) if isinstance(batch, Mapping) else None
    if mask is not None and output.ndim == 3 and output.shape[:2] == mask.shape and not mask.all():
        output = output.masked_fill(mask[..., None].to(output.device) == 0, 0.0)
    return output if output.ndim > 1 else output.reshape(-1, 1), name


def _mask(batch: Mapping[str, Any], model: nn.Module) -> Tensor | None:
    """Return the mask of the positions that the outputs have: the decoder's if there is a decoder."""
    may_decode = getattr(getattr(model, "config", None), "is_encoder_decoder", True)
    decodes = may_decode and any(
        batch.get(key) is not None for key in ("decoder_input_ids", "decoder_inputs_embeds", "labels")
    )
    mask = batch.get("decoder_attention_mask" if decodes else "attention_mask")
    return mask if isinstance(mask, Tensor) else None


def called(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, list | tuple) else model(batch)


class _Watch:
    """Hooks that store the input, the output and the output's gradients for every call of each layer."""

    def __init__(self, modules: Mapping[str, nn.Module], batch: Any) -> None:
        self.batch = batch
        self.calls: dict[str, list[tuple[Tensor, Tensor, list[Tensor]]]] = {name: [] for name in modules}
        self.in_backward = False
        self.last: tuple[Any, int, Tensor] | None = None

    def hook(self, name: str) -> Callable[..., Tensor]:
        def keep(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
            z = args[0] if args else next(v for v in kwargs.values() if isinstance(v, Tensor))
            if not torch.is_grad_enabled():
                msg = f"Layer {name} runs without gradients; remove torch.no_grad or re-entrant checkpointing."
                raise UnsupportedError(msg)
            if not y.requires_grad:  # start gradients here; a leaf could not be changed in place
                y = y + y.new_zeros(()).requires_grad_()
            if not self.in_backward and y.requires_grad:  # not a recomputation in the backward pass
                gradients: list[Tensor] = []
                y.register_hook(lambda g: self._keep(name, gradients, g))  # type: ignore[no-untyped-call]
                self.calls[name].append((self._copy(z), at_pairs(y.detach(), self.batch).clone(), gradients))
            return y

        return keep

    def _copy(self, z: Tensor) -> Tensor:
        """Return a copy of z; layers that read the same tensor one after the other (q, k and v) share one."""
        version = 0 if z.is_inference() else z._version
        if self.last is None or self.last[0]() is not z or self.last[1] != version:
            self.last = weakref.ref(z), version, at_pairs(z.detach(), self.batch).clone()
        return self.last[2]

    def _keep(self, name: str, gradients: list[Tensor], g: Tensor | None) -> None:
        if g is None:  # an operation without a derivative in torch
            raise UnsupportedError(NO_GRADIENT.format(f"behind layer {name}"))
        gradients.append(at_pairs(g.detach(), self.batch))

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
