"""The gains (reductions of the loss) of a source's adapters on drifted, reparametrised and unrelated targets."""

import copy
import warnings
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import nn

from ioadapt_theory.adapters import layers
from ioadapt_theory.moving import transfer
from toys.drift.families import Family, cosine, family
from toys.transfer.protocol import Method
from toys.transfer.rows import adapted, moved

RANK: Final = 4
RATES: Final = (3e-3, 1e-2, 3e-2, 1e-1)
PILOTS: Final[Mapping[str, range]] = {"full": range(1000, 1008), "quick": range(1000, 1001)}
"""Seeds that serve only to choose learning rates; a rate chosen on one seed failed on one of eight others."""
NAMES: Final = {"weight": "lora"}
"""Placement -> name of the copied adapter in the results, if it is not the placement."""
LEVELS: Final[Mapping[str, tuple[float, ...]]] = {
    "full": (0.99, 0.95, 0.9, 0.8, 0.65, 0.5, 0.3),
    "quick": (0.95, 0.9),
}
"""Cosines between drifting and source weights at which targets are taken, before their SETTLED last steps."""
GAUGED: Final = (1.0, 0.9, 0.65, 0.3)
"""Levels whose targets are also reparametrised without changing their function; 1 is the source itself."""
CARRIED, SCALED, CEILING = "carried", "scaled", "retrained"


def rates(name: str, size: str) -> dict[str, float]:
    """Return the candidate in RATES whose largest loss over the pilot seeds is smallest, for every kind of adapter."""
    of = family(name)
    sources = {seed: of.base(seed, size) for seed in PILOTS[size]}

    def wrong(placement: str, rate: float) -> float:
        return max(of.loss(_fitted(of, one, placement, rate, seed, size), of.inputs) for seed, one in sources.items())

    return {NAMES.get(p, p): min(RATES, key=lambda rate: wrong(p, rate)) for p in of.placements}


def moves(name: str, size: str, seed: int, chosen: Mapping[str, float]) -> dict[str, Any]:
    """Train the adapters of one seed, and return their gains on all models: the reductions of the loss, in nats.

    Args:
        name: the family.
        size: "full" or "quick".
        seed: the seed of models and adapters.
        chosen: kind of adapter -> learning rate.

    Returns:
        ``plain``: loss of the source without an adapter. ``source``: kind of adapter -> gain on the source.
        ``targets``: kind of target ("drift", "gauge" or "apart") -> level, the cosine at which it was taken ->
        ``cosine`` of the final weights, ``retrained`` (gain of a LoRA trained on the target), ``gain`` (kind of adapter
        -> gain), and ``predicted`` (shares of LoRA's gain on the source that a copied and a carried-over LoRA should
        keep). A "gauge" target has the ``cosine`` and ``retrained`` of the target that was reparametrised.
    """
    of = family(name)
    source = of.base(seed, size)
    own = {NAMES.get(p, p): _fitted(of, source, p, chosen[NAMES.get(p, p)], seed, size) for p in of.placements}
    plain = of.loss(source, of.test)
    gain = {row: plain - of.loss(one, of.test) for row, one in own.items()}
    found: dict[str, Any] = {"plain": plain, "source": gain}

    def ceiling(target: nn.Module) -> float:
        return of.loss(target, of.test) - of.loss(_fitted(of, target, "weight", chosen["lora"], seed, size), of.test)

    targets: dict[str, dict[str, Any]] = {"drift": {}, "gauge": {}, "apart": {}}
    drifted = {1.0: source, **of.drifted(source, LEVELS[size], seed + 100, size)}
    for level, target in drifted.items():
        about = {"cosine": cosine(source, target, of.layers), CEILING: ceiling(target)}
        targets["drift"][f"{level:g}"] = about | _moved(of, own, source, target, chosen, seed, size)
        if level in GAUGED:
            there = of.gauge(target, seed + 200)
            targets["gauge"][f"{level:g}"] = about | _moved(of, own, source, there, chosen, seed, size)
    apart = of.base(seed + 5000, size)
    about = {"cosine": cosine(source, apart, of.layers), CEILING: ceiling(apart)}
    targets["apart"]["0"] = about | _moved(of, own, source, apart, chosen, seed, size)
    return {**found, "targets": targets}


def _fitted(of: Family, base: nn.Module, placement: str, rate: float, seed: int, size: str) -> nn.Module:
    one = adapted(base, Method(placement=placement, rank=RANK), of.layers, seed)
    return of.fit(one, rate, seed, size)


def _moved(
    of: Family,
    own: Mapping[str, nn.Module],
    source: nn.Module,
    target: nn.Module,
    chosen: Mapping[str, float],
    seed: int,
    size: str,
) -> dict[str, Any]:
    inputs = of.inputs[0]
    there = {row: moved(one, target) for row, one in own.items()}
    there[SCALED] = scaled(moved(own["lora"], target), source, target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about skipped layers and low predicted shares
        there[CARRIED] = copy.deepcopy(target)
        options: Any = {"need": "labels", "seed": seed, "draws": 2}
        outcome: Any = transfer(own["lora"], there[CARRIED], inputs=inputs, **options)
    plain = of.loss(target, of.test)
    gain = {row: plain - of.loss(one, of.test) for row, one in there.items()}
    return {"gain": gain, "predicted": {"lora": outcome.kept_copied, CARRIED: outcome.kept}}


def scaled(there: nn.Module, source: nn.Module, target: nn.Module) -> nn.Module:
    """Multiply a copied LoRA, in place, by ‖W'‖/‖W‖ in every layer; W is the weight of the source, W' of the target."""
    with torch.no_grad():
        for name, layer in layers(there).items():
            before, after = (m.get_parameter(f"{name}.weight").norm() for m in (source, target))
            for _, phi in layer.adapters["default"].parts():  # type: ignore[operator]
                phi.B.mul_(after / before)
    return there
