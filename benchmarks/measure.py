"""Comparable measurements of calls: time, memory saved for the backward pass, and peak memory."""

import gc
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile, record_function

Call = Callable[[], object]
os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # otherwise the profiler reports every start and stop on stderr
MALLOC = {
    "returned": {},
    "kept": {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)},
}
"""Environment variables with which glibc returns freed pages to the system, its default, or keeps them."""


def alternate(
    calls: Mapping[str, Call], *, seconds: float, rounds: tuple[int, int] = (5, 41), device: str = "cpu"
) -> dict[str, float]:
    """Return the median seconds of each call (CPU seconds on a CPU); a round runs every call once, in random order.

    Args:
        calls: calls to compare, by name.
        seconds: approximate total time.
        rounds: minimum and maximum number of rounds, after a warm-up.
        device: device on which the calls run.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    clock = time.process_time if device == "cpu" else time.perf_counter

    def spent(call: Call) -> float:
        began = clock()
        call()
        if device != "cpu":
            torch.accelerator.synchronize()
        return clock() - began

    gc.collect()
    gc.disable()
    try:
        once = sum(spent(call) for call in calls.values())
        order = list(calls.items())
        for _ in range(min(max(int(seconds / max(once, 1e-9)), rounds[0]), rounds[1])):
            random.shuffle(order)  # so that no call always follows the same one
            for name, call in order:
                times[name].append(spent(call))
    finally:
        gc.enable()
    return {name: statistics.median(values) for name, values in times.items()}


def step(module: Callable[[Tensor], Any], x: Tensor, gradient: Any, parameters: list[nn.Parameter]) -> Call:
    """Return a call that resets all gradients to None, and runs a layer forward and backward."""

    def call() -> None:
        x.grad = None
        for p in parameters:
            p.grad = None
        torch.autograd.backward(module(x), gradient)

    return call


def forward(module: Callable[[Tensor], Tensor], x: Tensor) -> Call:

    def call() -> Tensor:
        with torch.no_grad():
            return module(x)

    return call


def peak(call: Call, device: str = "cpu") -> int:
    """Return the peak of allocated bytes during a call, minus the minimum (CPU) or the number before the call (GPU)."""
    call()
    gc.collect()  # garbage of other calls must not be freed in between
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        result = call()
        del result
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()  # so that the profiler has seen the allocations that the next call frees, such as gradients
        gc.collect()
        with record_function("measured"):
            result = call()
    del result
    events = sorted(profiler.profiler.kineto_results.events(), key=lambda e: e.start_ns())
    (begin,) = (e.start_ns() for e in events if e.name() == "measured")
    alive = list(accumulate((e.nbytes() if e.name() == "[memory]" else 0) for e in events))
    during = [a for a, e in zip(alive, events, strict=True) if e.start_ns() >= begin]
    return max(during) - min(during)


def saved(module: Callable[[Tensor], Tensor], x: Tensor, weights: list[Tensor]) -> int:
    """Return the bytes that a layer saves for the backward pass, including its input but not ``weights``."""
    known = {w.untyped_storage().data_ptr() for w in weights}
    kept: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = module(x)
    del y
    return sum(kept.values())
