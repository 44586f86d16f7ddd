"""The gains (reductions of the loss) of a source's adapters on drifted, reparametrised and unrelated targets."""

import copy
import warnings
from collections.abc import Mapping
from typing import Any, Final

from torch import nn

from ioadapt_theory.moving import transfer
from toys.drift.families import FAMILIES, Family, cosine, data, fit, loss, renumbered
from toys.transfer.protocol import Method
from toys.transfer.rows import adapted, moved

RANK: Final = 4
RATES: Final = (3e-3, 1e-2, 3e-2, 1e-1)
PILOTS: Final[Mapping[str, range]] = {"full": range(1000, 1008), "quick": range(1000, 1001)}
"""Seeds that serve only to choose learning rates; a rate chosen on one seed failed on one of eight others."""
PLACEMENTS: Final = {"lora": "weight", "input": "input", "output": "output"}
"""Name of the copied adapter in the results -> its placement."""
LEVELS: Final[Mapping[str, tuple[float, ...]]] = {
    "full": (0.99, 0.95, 0.9, 0.8, 0.65, 0.5, 0.3),
    "quick": (0.95, 0.9),
}
"""Cosines between drifting and source weights at which targets are taken, before their SETTLED last steps."""
GAUGED: Final = (1.0, 0.9, 0.65, 0.3)
"""Levels whose targets are also reparametrised without changing their function; 1 is the source itself."""
CARRIED, CEILING = "carried", "retrained"


def rates(name: str, size: str) -> dict[str, float]:
    """Return the candidate in RATES whose largest loss over the pilot seeds is smallest, for every kind of adapter."""
    of = FAMILIES[name]
    sources = {seed: of.base(seed, size) for seed in PILOTS[size]}

    def wrong(row: str, rate: float) -> float:
        return max(loss(_fitted(of, one, row, rate, seed, size), data().inputs) for seed, one in sources.items())

    return {row: min(RATES, key=lambda rate: wrong(row, rate)) for row in PLACEMENTS}


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
    of, test = FAMILIES[name], data().test
    source = of.base(seed, size)
    own = {row: _fitted(of, source, row, chosen[row], seed, size) for row in PLACEMENTS}
    plain = loss(source, test)
    gain = {row: plain - loss(one, test) for row, one in own.items()}
    found: dict[str, Any] = {"plain": plain, "source": gain}

    def ceiling(target: nn.Module) -> float:
        return loss(target, test) - loss(_fitted(of, target, "lora", chosen["lora"], seed, size), test)

    targets: dict[str, dict[str, Any]] = {"drift": {}, "gauge": {}, "apart": {}}
    drifted = {1.0: source, **of.drifted(source, LEVELS[size], seed + 100, size)}
    for level, target in drifted.items():
        about = {"cosine": cosine(source, target, of.layers), CEILING: ceiling(target)}
        targets["drift"][f"{level:g}"] = about | _moved(own, target, seed)
        if level in GAUGED:
            targets["gauge"][f"{level:g}"] = about | _moved(own, renumbered(target, seed + 200), seed)
    apart = of.base(seed + 5000, size)
    about = {"cosine": cosine(source, apart, of.layers), CEILING: ceiling(apart)}
    targets["apart"]["0"] = about | _moved(own, apart, seed)
    return {**found, "targets": targets}


def _fitted(of: Family, base: nn.Module, row: str, rate: float, seed: int, size: str) -> nn.Module:
    return fit(adapted(base, Method(placement=PLACEMENTS[row], rank=RANK), of.layers, seed), rate, seed, size)


def _moved(own: Mapping[str, nn.Module], target: nn.Module, seed: int) -> dict[str, Any]:
    there = {row: moved(one, target) for row, one in own.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about skipped layers and low predicted shares
        there[CARRIED] = copy.deepcopy(target)
        options: Any = {"need": "labels", "seed": seed, "draws": 2}
        outcome: Any = transfer(own["lora"], there[CARRIED], inputs=data().inputs[0], **options)
    plain = loss(target, data().test)
    gain = {row: plain - loss(one, data().test) for row, one in there.items()}
    return {"gain": gain, "predicted": {"lora": outcome.kept_copied, CARRIED: outcome.kept}}
