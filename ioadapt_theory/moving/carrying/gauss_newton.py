"""Exact Gauss-Newton passes, which optimise all entries of the adapters' changes jointly, for small problems.

Let Φ be the derivatives of the outputs (whitened by the metric of the likelihood if labels are compared) with respect
to the entries of the changes M, and b the gradient of the gain. A pass adds (ΦᵀΦ + λI)⁻¹ b with damping λ, or a half or
quarter of it, to the changes, and replaces each sum by the matrix of the adapter's rank with the nearest effect. Unlike
the closed form, it assumes neither independent layers nor inputs that are independent of the output gradients.
"""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.effect.passes import record
from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.effect.retained import guessed
from ioadapt_theory.moving.carrying.closed_form import truncated
from ioadapt_theory.moving.carrying.parts import Part, built
from ioadapt_theory.moving.carrying.trial import Adapters, Trial, tried

PASSES, DAMPING, STRENGTHS = 4, 0.03, (1.0, 0.5, 0.25)
MOST_EFFECTS, MOST_NUMBERS = 1 << 12, 1 << 24
"""Largest number of rows (samples times outputs) and of entries of Φ, the derivatives of the outputs."""


def passes(trial: Trial, adapters: Adapters) -> tuple[Adapters, float] | None:
    """Return the LoRAs after Gauss-Newton passes that start from ``adapters``, and their score on the selection rows.

    The result is None if the matrix of derivatives is too large, a layer is not called, labels of sequences are
    compared, or an adapter has several placements or a bias.
    """
    output, modules = trial.outputs(trial.rows.fit[0], 0)[2], dict(walk(trial.target))
    effects = trial.rows.counts[0] * math.prod(output.shape[1:])
    sides = {layer: [*adapter.parts()] for layer, adapter in adapters.items()}
    single = all(len(parts) == 1 and adapters[layer].shift is None for layer, parts in sides.items())
    if not single or effects > MOST_EFFECTS or (trial.need == "labels" and output.ndim > 2):
        return None
    phi: Any
    lora: list[Any] = [phi for ((_, phi),) in sides.values()]
    if effects * sum(len(phi.A) * phi.B.shape[1] for phi in lora) > MOST_NUMBERS:
        return None
    best, best_score = adapters, trial.scores({"": adapters})[""]
    for _ in range(PASSES):
        if (steps := _steps(trial, best)) is None:
            return None
        tried_: dict[str, dict[str, Adapter]] = {}
        for strength in STRENGTHS:
            made = tried_[f"{strength:g}"] = {}
            for layer, adapter in best.items():
                ((side, phi),) = adapter.parts()
                step, c, k = steps[layer]
                change = (phi.A.detach() @ phi.B.detach()).float() * phi.scaling + strength * step
                a, b, _ = truncated(change, c, k, rank=phi.A.shape[1])
                part = Part(layer, side, (a, b), low=True, scaling=phi.scaling or 1.0, dtype=phi.A.dtype)
                made[layer] = built(modules[layer], {side: part})
        scores = trial.scores(tried_)
        name = max(scores, key=lambda n: scores[n])
        if scores[name] <= best_score:
            break
        best, best_score = tried_[name], scores[name]
    return best, best_score


def _steps(trial: Trial, adapters: Adapters) -> dict[str, tuple[Tensor, Tensor, Tensor]] | None:
    """Return the Gauss-Newton step for each layer's AB, and the Gram matrices; None if a layer is not called."""
    blocks: dict[str, list[Tensor]] = {layer: [] for layer in adapters}
    grams: dict[str, tuple[Tensor, Tensor]] = {}
    for number, pair in enumerate(trial.rows.fit):
        along = partial(_directions, trial, *trial.outputs(pair, number))
        with tried(trial.target, {"": adapters}) as active, active(""):
            outer = {layer: module for layer, module in layers(trial.target).items() if layer in adapters}
            watched = outer | {f"{layer} base": module.base_layer for layer, module in outer.items()}
            options: Any = {"call": trial.options.call, "seed": trial.options.seed + number}
            rows = record(trial.target, watched, pair[1], directions=along, **options).rows
        if len(rows) < len(watched):
            return None
        for layer, adapter in adapters.items():
            ((side, _),) = adapter.parts()
            both = zip(rows[layer].calls, rows[f"{layer} base"].calls, strict=True)
            calls = [(z, y, g) for (z, _, g), (_, y, _) in both]  # y without the adapter
            own = Rows(outer[layer].base_layer, calls, rows[layer].draws, rows[layer].samples)
            r, g = (x.float() for x in own.both(str(side)))
            blocks[layer].append(torch.einsum("npc,knpd->kncd", r, g).flatten(2))
            r, g = r.flatten(0, -2), g[:-1].flatten(0, -2)
            c, k = grams.get(layer, (0, 0))
            grams[layer] = c + r.mT @ r, k + g.mT @ g
    derivatives = torch.cat([torch.cat([x[:-1].flatten(0, 1) for x in blocks[layer]]) for layer in adapters], 1)
    b = torch.cat([torch.stack([x[-1].sum(0) for x in blocks[layer]]).sum(0) for layer in adapters])
    kernel = (derivatives @ derivatives.mT).double()
    damping = DAMPING * kernel.diagonal().mean().clamp_min(1e-30)
    kernel.diagonal().add_(damping)
    inside = torch.linalg.solve(kernel, (derivatives @ b).double()).float()
    step = (b - derivatives.mT @ inside) / damping.float()
    sizes = [(len(grams[layer][0]), len(grams[layer][1])) for layer in adapters]
    parts = step.split([c * d for c, d in sizes])
    return {layer: (x.reshape(size), *grams[layer]) for layer, x, size in zip(adapters, parts, sizes, strict=True)}


def _directions(trial: Trial, s: Tensor, sa: Tensor, t: Tensor, ta: Tensor) -> list[Tensor]:
    """Return cotangents: the columns of a square root of the outputs' metric, then minus the gradient of the loss."""
    s, sa, t = (x.to(ta) for x in (s, sa, t))
    ta, flat = ta.detach(), ta[0].numel()
    if trial.need != "labels":
        units = torch.eye(flat).to(ta).reshape(flat, *ta.shape[1:])
        return [*(unit.expand_as(ta) for unit in units), (sa - s) - (ta - t)]
    s, sa, t = (x.log_softmax(-1) for x in (s, sa, t))
    p = ta.softmax(-1)
    root = torch.diag_embed(p.sqrt()) - p[:, :, None] * p.sqrt()[:, None]
    return [*root.unbind(-1), guessed(s, sa, t, trial.weight, (1.0,)) - p]
