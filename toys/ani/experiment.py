"""The experiment: learning rates chosen per method on the source, adapters moved, oracles trained, figures gathered."""

from collections.abc import Callable
from statistics import mean
from typing import Any, Final

import torch

from ioadapt_theory.linalg import cosine
from toys.ani.molecules import Task
from toys.ani.networks import potential
from toys.ani.training import METHODS
from toys.ani.units import ROLES, Runner, Training, network_of

LADDER: Final = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Learning rates that may be tried."""

Results = list[dict[str, Any]]


def study(
    run: Runner,
    task: Task,
    members: int,
    rates: dict[str, float] | None,
    first: tuple[float, ...],
    common: dict[str, int],
) -> dict[str, Any]:
    """All figures of one task, as lists over the members.

    Args:
        run: runs trainings.
        task: what is learned.
        members: how many replicates.
        rates: learning rate of each method; None: choose them.
        first: the grid to begin with.
        common: seed, steps, every and size of all trainings.

    Returns:
        ``none``: role -> errors without adapter; ``oracle``: role -> errors of LoRA trained there;
        ``methods``: see ``_method``.
    """

    def trainings(method: str, rate: float, role: str = "source") -> list[Training]:
        return [Training(task=task, method=method, rate=rate, member=m, role=role, **common) for m in range(members)]

    tuned: dict[str, dict[str, Any]] = {}
    for method in METHODS:
        grid, fixed = (first, False) if rates is None else ((rates[method],), True)
        tuned[method] = tune(run, lambda rate, method=method: trainings(method, rate), grid, fixed=fixed)  # type: ignore[misc]
    oracles = {role: trainings("lora", tuned["lora"]["rate"], role) for role in ROLES[1:]}
    found = run([training for some in oracles.values() for training in some])
    none = tuned["lora"]["tried"][tuned["lora"]["rate"]]
    return {
        "none": {role: [one["none"][role] for one in none] for role in ROLES},
        "oracle": {role: [found[t]["moved"][role]["1.0"] for t in some] for role, some in oracles.items()},
        "methods": {method: _method(**chosen) for method, chosen in tuned.items()},
    }


def tune(
    run: Runner, trainings: Callable[[float], list[Training]], rates: tuple[float, ...], *, fixed: bool
) -> dict[str, Any]:
    """Choose a learning rate by the mean validation error on the source; a best one at an edge extends the grid there.

    Returns:
        ``rate``; ``interior``: whether both neighbours on the ladder were tried and worse;
        ``tried``: rate -> results by member.
    """
    tried: dict[float, Results] = {}
    todo = list(rates)
    while todo:
        found = run([training for rate in todo for training in trainings(rate)])
        tried |= {rate: [found[training] for training in trainings(rate)] for rate in todo}
        best = min(tried, key=lambda rate: mean(one["validation"] for one in tried[rate]))
        place = LADDER.index(best)
        beside = LADDER[max(place - 1, 0) : place + 2]
        todo = [] if fixed else [rate for rate in beside if rate not in tried]
    return {"rate": best, "interior": len(beside) == 3 and set(beside) <= set(tried), "tried": tried}


def _method(rate: float, interior: bool, tried: dict[float, Results]) -> dict[str, Any]:
    """``moved``: role -> strength -> errors; ``by_rate``: the same at full strength, with the validation error."""
    chosen = tried[rate]
    return {
        "numbers": chosen[0]["numbers"],
        "rate": rate,
        "interior": interior,
        "best_step": [one["step"] for one in chosen],
        "last_step": [one["steps"] for one in chosen],
        "moved": {
            role: {s: [one["moved"][role][s] for one in chosen] for s in chosen[0]["moved"][role]} for role in ROLES
        },
        "by_rate": {
            f"{r:g}": {
                "validation": [one["validation"] for one in some],
                **{role: [one["moved"][role]["1.0"] for one in some] for role in ROLES},
            }
            for r, some in sorted(tried.items())
        },
    }


def similarity(members: int) -> dict[str, list[list[float]]]:
    """Role -> layer -> cosine of its weights with the source's, by member; elements laid end to end, float64."""
    result: dict[str, list[list[float]]] = {role: [] for role in ROLES[1:]}
    for role, layers in result.items():
        pairs = [(potential("1x", m), potential(*network_of(role, m))) for m in range(members)]
        depth = [key for key in pairs[0][0]["H"].state_dict() if key.endswith("weight")]
        for key in depth:
            flat = [
                [torch.cat([net.state_dict()[key].double().flatten() for net in p.values()]) for p in two]
                for two in pairs
            ]
            layers.append([float(cosine(*two)) for two in flat])
    return result
