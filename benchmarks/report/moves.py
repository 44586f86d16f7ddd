"""Moves of adapters between networks of ANI, with all that a report says of each: what thresholds are fixed on.

An adapter on one layer of every element's network is trained on a member of ANI-1x or of ANI-1ccx and moved to five
other networks: the fine-tuned one and back, one trained apart, and two that we tuned on the other task, a little and
too much. Two tasks, three layers, three placements. A row holds what the move kept (of the gain on the source) as it
is, at the strengths that the report suggests, and converted; and what the report knew.

    python -m benchmarks.report.moves --members 0 1 2 3 --out fixed.jsonl
"""

import argparse
import copy
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from ioadapt_theory.report.effect import effect

from ioadapt_theory.adapters import adapt, layers, scale, transfer
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.moving.convert import convert_model
from ioadapt_theory.adapters.moving.transfer import put
from ioadapt_theory.report.advice import RIDGE
from ioadapt_theory.report.assemble import Report, report
from toys.ani.molecules import Split, Task, molecules, split, wanted
from toys.ani.networks import MEMBERS, Batch, Potential, features_of, potential
from toys.ani.training import train

RANKS: Final = {
    (0, "weight"): 8, (0, "input"): 6, (0, "output"): 14, (2, "weight"): 8, (2, "input"): 7, (2, "output"): 9,
    (4, "weight"): 8, (4, "input"): 7, (4, "output"): 9,
}  # fmt: skip
"""Layer and placement -> rank at which all placements have as many numbers, to a few percent."""
RATE: Final = 3e-3
STEPS: Final[dict[str, Any]] = {"steps": 300, "every": 20, "size": 64}
TUNED: Final = {"little": (1e-4, 60), "much": (2e-3, 200)}
"""Rate and steps of training all weights on the other task."""


@cache
def features() -> Batch:
    """Of all geometries."""
    return features_of(molecules())


def energies(network: Potential) -> torch.Tensor:
    """Of all geometries."""
    with torch.no_grad():
        return network(features())


def error(network: Potential, goal: np.ndarray, parts: Split) -> float:
    """On the test part, after one number an element was fitted on the training part."""
    left = goal - energies(network).double().numpy()
    counts = molecules().composition
    left = left - counts @ np.linalg.lstsq(counts[parts.train], left[parts.train], rcond=None)[0]
    return float(np.sqrt((left[parts.test] ** 2).mean()))


def goal_of(network: Potential, task: Task, parts: Split) -> np.ndarray:
    """What the adapted network shall give."""
    return wanted(molecules(), task, energies(network).double().numpy(), parts.train)


def tuned(network: Potential, task: Task, parts: Split, rate: float, steps: int, seed: int) -> Potential:
    """All weights trained on a task; no early stop."""
    other = copy.deepcopy(network).requires_grad_(requires_grad=True)
    goal = torch.from_numpy(goal_of(network, task, parts)).float()
    order = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(other.parameters(), lr=rate)
    for _ in range(steps):
        chosen = torch.from_numpy(order.choice(parts.train, 64, replace=False))
        loss = (other(features().take(chosen)) - goal[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return other.requires_grad_(requires_grad=False)


def rows(member: int, task: Task) -> Iterator[dict[str, Any]]:
    """Every move of one member and task."""
    parts = split(molecules(), member)
    other = Task.GFN2 if task is Task.WATER else Task.WATER
    mine, child = potential("1x", member), potential("1ccx", member)
    apart = potential("1x", (member + 1) % MEMBERS)
    changed = {name: tuned(mine, other, parts, *how, seed=member) for name, how in TUNED.items()}
    for source, targets in (
        (mine, {"fine-tuned": child, "apart": apart, **changed}),
        (child, {"back": mine}),
    ):
        own = goal_of(source, task, parts)
        for (layer, placement), rank in RANKS.items():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(member)
                options: dict[str, Any] = {"target_modules": rf"\w+\.{layer}", "placement": placement, "rank": rank}
                model: Any = adapt(copy.deepcopy(source), **options)
            wanted_there = torch.from_numpy(own).float()
            train(model, features(), wanted_there, parts, lr=RATE, seed=member, **STEPS)
            gain = error(source, own, parts) - error(model, own, parts)
            for name, target in targets.items():
                place = {"member": member, "task": str(task), "layer": layer, "placement": placement, "target": name}
                yield place | {"gain": gain} | move(model, target, task, parts, gain)


def move(model: Potential, target: Potential, task: Task, parts: Split, gain: float) -> dict[str, Any]:
    """One move: what the report knew, and what was kept."""
    told = report(model, target, inputs=batches(parts), call=outputs)
    as_it_is = effect(model, target, batches(parts), call=lambda net, part: net(features().take(part)))
    goal = goal_of(target, task, parts)
    without = error(target, goal, parts)

    def kept(change: Callable[[Any], object]) -> float:
        moved = copy.deepcopy(target)
        change(moved)
        return (without - error(moved, goal, parts)) / gain

    placement = next(pair.parts[0].placement for pair in told.layers if pair.parts)
    plain = kept(lambda net: transfer(model, net))
    found = {"without": without, "kept": plain, "effect with elements": as_it_is.kept}
    return found | known(told) | other_ways(told, model, kept, placement)


def outputs(network: Any, part: torch.Tensor) -> torch.Tensor:
    """Energies without what a number an element explains: that is fitted anew after a move, and counts for nothing."""
    energy: torch.Tensor = network(features().take(part))
    counts = torch.from_numpy(molecules().composition[part.numpy()]).to(energy)
    return energy - counts @ torch.linalg.lstsq(counts, energy[:, None], driver="gelsd").solution[:, 0]


def batches(parts: Split) -> list[torch.Tensor]:
    """Geometries of the validation part: no label of them is looked at."""
    return list(torch.split(torch.from_numpy(parts.validation), 64))


def known(told: Report) -> dict[str, Any]:
    """What the report knew before the move."""
    words = told.words()
    word = str(next(iter(words))) if len(words) == 1 else "mixed"
    pairs = [pair for pair in told.layers if pair.parts]
    seen = told.effect
    assert seen is not None
    met = [part.met for pair in pairs for part in pair.parts]
    sides = {p: [pair.sides.of(p) for pair in pairs] for p in (Placement.INPUT, Placement.OUTPUT)}
    return {
        "words": {str(k): n for k, n in words.items()},
        "word": word,
        "kin": str(told.kinship.kin),
        "cosine": seen.cosine,
        "ratio": seen.ratio,
        "effect": seen.kept,
        "norms": [pair.sides.ratio for pair in pairs],
        "weight": [pair.sides.cosine for pair in pairs],
        "met": [None if m is None else m.excess for m in met],
        "input": [[n and n.excess, n and n.z] for n in sides[Placement.INPUT]],
        "output": [[n and n.excess, n and n.z] for n in sides[Placement.OUTPUT]],
        "numbers": seen.numbers,
    }


def other_ways(
    told: Report, model: Potential, kept: Callable[[Callable[[Any], object]], float], placement: str
) -> dict[str, Any]:
    """What is kept at other strengths, and after a conversion of a LoRA to the input side."""
    assert told.effect is not None
    strength = told.effect.strength

    def at_strength(net: Potential) -> None:
        transfer(model, net)
        scale(net, strength)

    found = {"strength": kept(at_strength)}
    if placement == "weight":
        ratios = {pair.name: pair.sides.ratio or 1.0 for pair in told.layers if pair.parts}

        def rescaled(net: Potential) -> None:
            transfer(model, net)
            for name, layer in layers(net).items():
                for _, family in layer.adapters["default"].parts():  # type: ignore[operator]
                    family.scaling *= ratios[name]

        found["rescaled"] = kept(rescaled)
        converted, _ = convert_model(model, "input", ridge=RIDGE)
        found["converted"] = kept(lambda net: put(net, converted, "default"))
    return found


def main(argv: list[str] | None = None) -> int:
    """Write one row a move."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[*range(MEMBERS)])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    with args.out.open("a", encoding="utf-8") as file:
        for member in args.members:
            for task in Task:
                for row in rows(member, task):
                    file.write(json.dumps(row) + "\n")
                    file.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
