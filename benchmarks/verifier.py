"""The time of Monte Carlo on random linear stacks, compared with that of its batched matrix products alone.

Targets: at most twice the time of the products, time linear in the number of stacks, and constant memory.
"""

import os
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import Call, alternate, peak
from ioadapt_theory.claims import CLAIMS, Run
from ioadapt_theory.claims.evidence.monte_carlo import BLOCK, STACKS_A_PART, StackMonteCarlo
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.stacks import LinearStack, draw
from ioadapt_theory.results import record

STATEMENTS = {"lemma-3": None, "prop-3": Placement.LORA, "prop-4": Placement.INPUT, "prop-5": Placement.OUTPUT}
WIDTHS = ((8, 10, 6), (16, 16, 16), (32, 32, 32), (64, 64, 64), (32, 32, 32, 32, 32))
Memory = dict[str, Tensor]


def products(stack: LinearStack, x: Tensor, memory: Memory) -> None:
    """Run the matrix products alone: with each layer's weight, and with the adapter's A and B, in reused buffers."""

    def product(x: Tensor, w: Tensor, name: str) -> Tensor:
        if name not in memory:
            memory[name] = x.new_empty(w.shape[0], x.shape[-2], w.shape[-1])
        return torch.bmm(x.expand(w.shape[0], *x.shape[-2:]), w, out=memory[name])

    for k, w in enumerate(stack.weights):
        placement = stack.placement if k == stack.layer else None
        a, b = stack.adapter or (w, w)
        if placement is Placement.INPUT:
            x = product(product(x, a, "A"), b, "B")
        y = product(x, w, f"W{k}")
        if placement is Placement.LORA:
            product(product(x, a, "A"), b, "B")
        if placement is Placement.OUTPUT:
            product(product(y, a, "A"), b, "B")
        x = y


def bare(source: LinearStack, target: LinearStack, samples: int) -> Call:
    """Return a call that runs the products of both stacks for this many samples, on the same inputs and buffers."""
    first = source.weights[0]
    widest = max(w.shape[-1] for w in (*source.weights, *target.weights))
    rows = max(1, min(samples, BLOCK // (first.shape[0] * widest)))
    x = torch.randn(rows, first.shape[1], dtype=first.dtype)
    memory: tuple[Memory, Memory] = ({}, {})

    def call() -> None:
        for _ in range(-(-samples // rows)):
            products(source, x, memory[0])
            products(target, x, memory[1])

    return call


def cell(claim: str, widths: tuple[int, ...], *, samples: int, seconds: float) -> dict[str, Any]:
    """Return the CPU seconds to draw and test random stacks, those of their matrix products alone, and the ratio."""
    run = Run(stacks=STACKS_A_PART, samples=samples, depth=len(widths) - 1, widths=widths)
    strategy = StackMonteCarlo(STATEMENTS[claim])
    source, target = draw(STACKS_A_PART, strategy.placement, run, torch.Generator().manual_seed(0))
    calls: dict[str, Call] = {
        "verify": partial(strategy, CLAIMS[claim], run, 0),
        "products": bare(source, target, samples),
    }
    times = alternate(calls, seconds=seconds)
    ratio = times["verify"] / times["products"]
    rate = STACKS_A_PART * samples / times["verify"]
    return {"claim": claim, "widths": "-".join(map(str, widths)), **times, "ratio": ratio, "samples_a_second": rate}


def growth(parts: int, *, seconds: float) -> dict[str, float]:
    """Return the time of ``parts`` blocks of stacks divided by that of one block, and the peak bytes of both."""
    run = Run(stacks=parts * STACKS_A_PART, samples=1024)
    strategy, claim = StackMonteCarlo(Placement.INPUT), CLAIMS["prop-4"]

    def many(n: int) -> Any:
        finding = strategy(claim, run, 0)
        for part in range(1, n):
            finding = finding | strategy(claim, run, part)
        return finding

    calls: dict[str, Call] = {"one": partial(many, 1), "many": partial(many, parts)}
    times = alternate(calls, seconds=seconds)
    memory = {name: peak(call) for name, call in calls.items()}
    return {
        "parts": parts,
        "seconds_growth": times["many"] / times["one"],
        "peak_bytes_one": memory["one"],
        "peak_bytes_many": memory["many"],
    }


def table(content: dict[str, Any]) -> str:
    results = content["results"]
    rows = [
        f"| {c['claim']} | {c['widths']} | {c['verify'] * 1e3:.1f} | {c['products'] * 1e3:.1f} | {c['ratio']:.2f}"
        f" | {c['samples_a_second'] / 1e6:.2f} |\n"
        for c in results["cells"]
    ]
    head = (
        "| claim | widths | verification, ms | its products alone, ms | ratio | 10⁶ samples/s |\n" + "|---" * 6 + "|\n"
    )
    g = results["growth"]
    return (
        head
        + "".join(rows)
        + f"\n{g['parts']} times the stacks: {g['seconds_growth']:.1f} times the time, "
        + f"{g['peak_bytes_many'] / g['peak_bytes_one']:.2f} times the memory. Worst ratio "
        + f"{results['worst_ratio']:.2f}.\n"
    )


def main(quick: bool = False) -> dict[str, Any]:
    torch.set_num_threads(1)
    widths, samples, seconds = (WIDTHS[3:4], 4096, 1.0) if quick else (WIDTHS, 16384, 0.5)
    cells = [cell(claim, n, samples=samples, seconds=seconds) for n in widths for claim in STATEMENTS]
    results = {
        "cells": cells,
        "worst_ratio": max(c["ratio"] for c in cells),
        "growth": growth(4 if quick else 16, seconds=seconds),
    }
    return record("verifier", config={"quick": quick, "threads": 1, "cpus": os.cpu_count()}, results=results)
