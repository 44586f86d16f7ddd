"""Which tensor of a model's result is compared, and what two models need of it: the same labels, change or outputs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from torch import Tensor, nn

from ioadapt_theory.errors import InvalidValueError

FIRST: Final = ("logits", "sample", "last_hidden_state")
"""Names of the output to compare, in order of preference, if a model returns several tensors."""
NEEDS: Final = ("labels", "change", "outputs")
WAY = "in Python, pass a function that returns the tensor to compare (call= in transfer, report)"


def selected(result: Any, rows: tuple[int, ...], model: str) -> tuple[str, Tensor]:
    """Return the name and the tensor of a model's result that has a row for each sample; nested tensors come last.

    ``rows`` are the numbers of rows of the batch's tensors; if they differ, the result may have their sum.

    Raises:
        InvalidValueError: no floating-point tensor has a row for each sample, or several have and none is in ``FIRST``.
    """
    fitting, level, seen = {n for n in rows if n > 1} or {1}, [("", result)], list[str]()
    if len({*rows}) > 1:
        fitting.add(sum(rows))
    if isinstance(result, Tensor) and result.is_floating_point() and result.ndim:
        fitting |= {len(result)} if len(result) and not any(len(result) % n for n in fitting) else set()
    while level:
        floats = {n: x for n, x in level if isinstance(x, Tensor) and x.is_floating_point()}
        seen += [f"{n or 'output'}: {[*x.shape]}" for n, x in floats.items()]
        found = {n: x for n, x in floats.items() if x.ndim and len(x) in fitting}
        logits = [n for n in found if n.endswith("logits")]
        named = [n for n in FIRST if n in found] or (logits if len(logits) == 1 else [])
        if named or len(found) == 1:
            name = named[0] if named else next(iter(found))
            return name, found[name]
        if found:
            shapes = ", ".join(f"{n}: {[*x.shape]}" for n, x in found.items())
            msg = f"The {model} returns several tensors with a row for each sample ({shapes}); {WAY}."
            raise InvalidValueError(msg)
        level = [(f"{n}.{key}".lstrip("."), x) for n, value in level for key, x in _parts(value)]
    shapes = f" (found {', '.join(seen)})" if seen else f" ({type(result).__name__})"
    msg = f"The {model} returns no floating-point tensor with a row for each of the {max(rows)} samples{shapes}; {WAY}."
    raise InvalidValueError(msg)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(number), part) for number, part in enumerate(value))
    elif hasattr(value, "__dataclass_fields__"):
        yield from ((key, getattr(value, key)) for key in value.__dataclass_fields__)


def needed(model: nn.Module, output: Tensor, name: str) -> tuple[str, str]:
    """Return what two models need, "labels" or "change", and the reason; "" if this cannot be told.

    "labels" is for logits, and "change" for other outputs. It is told by an output's name, which only results with
    several parts have, by the configuration of transformers, and by log-probabilities, whose exponentials sum to 1.
    """
    task, last = getattr(getattr(model, "config", None), "problem_type", None), name.rpartition(".")[2]
    if output.ndim < 2 or output.shape[-1] < 2:
        return "change", "the output has one column"
    if "logits" in last and task in {"regression", "multi_label_classification"}:
        return "change", f"the model's problem_type is {task}"
    if "logits" in last:
        return "labels", f"the output is named {last}"
    if last in FIRST:
        return "change", f"the output is named {last}, which is not logits"
    if output.ndim < 4 and bool((output[:1].double().logsumexp(-1).abs() < 1e-3).all()):
        return "labels", "the outputs are log-probabilities"
    return "", ""


def require_need(
    need: str | None, told: tuple[str, str], output: Tensor, otherwise: str | None = None
) -> tuple[str, str]:
    """Return the need that is given, or told, or else ``otherwise``, and the reason."""
    if need not in {None, *NEEDS}:
        msg = f"need must be 'labels' (for outputs that are logits), 'change' or 'outputs', not {need!r}."
        raise InvalidValueError(msg)
    if need is not None:
        return need, "as given"
    if not told[0] and otherwise is not None:
        return otherwise, "the outputs may be logits or not"
    if not told[0]:
        msg = (
            f"The outputs ({[*output.shape]}) may be logits or not; give need='labels' if they are logits,"
            " need='change' if both models need the same change, or need='outputs' if the target should give the"
            " adapted source's outputs (--need)."
        )
        raise InvalidValueError(msg)
    return told


def common(source: Tensor, target: Tensor, name: str, other: str) -> int | None:
    """Return the number of classes to compare if one vocabulary extends the other, or None if the shapes are equal."""
    if source.shape == target.shape:
        return None
    logits = name == other and name.endswith("logits")
    if logits and source.ndim == target.ndim == 3 and source.shape[:-1] == target.shape[:-1]:
        return min(source.shape[-1], target.shape[-1])
    msg = (
        f"The outputs of the models have different shapes, {[*source.shape]} and {[*target.shape]}; give other"
        " models or, in Python, a call= that returns outputs of the same shape."
    )
    raise InvalidValueError(msg)
