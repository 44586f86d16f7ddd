"""Units of work: each measures the models of one seed, or trains or moves one of their adapters; results are cached."""

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from ioadapt_theory.adapters import count, layers, parameters
from ioadapt_theory.moving import transfer
from toys.transfer.cache import figures, tensors
from toys.transfer.protocol import Method, Rule
from toys.transfer.rows import adapted, carried, carries, moved, randomised, strength_of
from toys.transfer.world import World, toy

SOURCE: Final = "source"
LORA, COPIED, CARRIED = "lora", "copied", "carried over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A step of a study for one seed, whose results are cached.

    Attributes:
        toy, size, seed, case: identify the ``World``; ``size`` is "full" or "quick".
        what: a key of KINDS.
        method, rate: method and learning rate of the adapter, if one is trained.
        where: the model on which the adapter is trained.
        rule: the protocol's ``Rule``.
    """

    toy: str
    size: str
    seed: int
    what: str
    rule: Rule
    method: Method | None = None
    rate: float = 0.0
    where: str = SOURCE
    case: str = ""

    def key(self) -> dict[str, Any]:
        used = {"strengths": self.rule.strengths, "ridge": self.rule.ridge}
        own = {key: value for key, value in asdict(self).items() if key != "rule" and (value or key != "case")}
        if self.method is not None:
            own["method"] = self.method.key()
        return own | {
            "revision": toy(self.toy).REVISION,
            **(used if self.what not in {"facts", "train", "over"} else {}),
        }

    def result(self, cache: Path) -> Mapping[str, Any]:
        def compute() -> dict[str, Any]:
            return KINDS[self.what](self, _world(self.toy, self.size, self.seed, self.case, cache), cache)

        return figures(cache, self.key(), compute)


@lru_cache(maxsize=2)
def _world(name: str, size: str, seed: int, case: str, cache: Path) -> World:
    torch.set_num_threads(1)
    return toy(name).world(seed, size, cache, **({"case": case} if case else {}))


def trained(run: Run, world: World, cache: Path, where: str = SOURCE) -> tuple[nn.Module, float]:
    """Return a copy of the model ``where`` with the run's adapter, trained or cached, and the validation loss."""
    assert run.method is not None
    one = adapted(world.models[where], run.method, run.method.on(world.layers), run.seed)

    def compute() -> dict[str, torch.Tensor]:
        validation = world.fit(one, run.rate, where)
        return {**dict(parameters(one)), "validation": torch.tensor(validation, dtype=torch.float64)}

    unused = {"what", "where", "strengths", "ridge"}
    common = {k: v for k, v in run.key().items() if k not in unused}
    common["method"] = {k: v for k, v in run.method.key().items() if k != "placement"}  # "sides" are more specific
    stored = tensors(cache, {**common, "what": "adapter", "where": where, "sides": placements(one)}, compute)
    with torch.no_grad():
        for name, p in parameters(one):
            p.copy_(stored[name])
    return one, float(stored["validation"])


def placements(one: nn.Module) -> dict[str, list[str]]:
    return {name: list(layer.adapters["default"]) for name, layer in layers(one).items()}  # type: ignore[call-overload]


def _train(run: Run, world: World, cache: Path) -> dict[str, Any]:
    one, validation = trained(run, world, cache, run.where)
    if not math.isfinite(validation):
        return {"validation": None, "numbers": count(one)}
    size = strength_of(one, world.models[run.where])
    return {"validation": validation, "numbers": count(one), "size": size, **_measured(world, one, run.where)}


def _measured(world: World, model: nn.Module, where: str) -> dict[str, Any]:
    return {"measured": world.measure(model, where)}


def _everywhere(world: World, make: Callable[[nn.Module], nn.Module]) -> dict[str, Any]:
    return {name: world.measure(make(model), name) for name, model in world.models.items()}


def _move(run: Run, world: World, cache: Path) -> dict[str, Any]:
    one, _ = trained(run, world, cache)
    return {str(s): _everywhere(world, partial(moved, one, strength=s)) for s in run.rule.strengths}


def _carry(run: Run, world: World, cache: Path) -> dict[str, Any]:
    one, _ = trained(run, world, cache)
    source, other = world.models[SOURCE], randomised(one, run.seed)
    rules = carries(world.layers, run.rule.ridge)
    found = {row: _everywhere(world, partial(carried, one, source, rule=rule)) for row, rule in rules.items()}
    return {**found, "random of equal norm": _everywhere(world, partial(moved, other))}


def _over(run: Run, world: World, cache: Path) -> dict[str, Any]:
    """Measure every target with LoRA copied, and with LoRA carried over, that is, moved by ``transfer``.

    Returns:
        The measures, also on the source, and the shares of LoRA's gain on the source that ``transfer`` predicts.
    """
    one, _ = trained(run, world, cache)
    found: dict[str, Any] = {row: {} for row in (COPIED, CARRIED, *(f"{row}, predicted" for row in (COPIED, CARRIED)))}
    found["source"] = world.measure(one, SOURCE)
    for name, target in world.models.items():
        if name == SOURCE:
            continue
        there = copy.deepcopy(target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the result contains the predicted share
            outcome: Any = transfer(one, there, seed=run.seed, draws=2, strict=False, **world.carrying())
        found[COPIED][name], found[CARRIED][name] = world.measure(moved(one, target), name), world.measure(there, name)
        found[f"{COPIED}, predicted"][name], found[f"{CARRIED}, predicted"][name] = outcome.kept_copied, outcome.kept
    return found


def _facts(run: Run, world: World, cache: Path) -> dict[str, Any]:
    del cache
    source = world.models[SOURCE]
    return {
        "none": {name: world.measure(model, name) for name, model in world.models.items()},
        "own": {name: world.own(model, name) for name, model in world.models.items()},
        "cosines": {n: cosines(source, model, world.layers) for n, model in world.models.items() if n != SOURCE},
    }


def cosines(source: nn.Module, target: nn.Module, names: tuple[str, ...]) -> dict[str, float]:
    """Return layer -> the cosine between its weights in the two models."""
    here, there = ({n: m.get_parameter(f"{n}.weight").flatten().double() for n in names} for m in (source, target))
    return {name: float(torch.cosine_similarity(here[name], there[name], 0)) for name in names}


KINDS: Final[Mapping[str, Callable[[Run, World, Path], dict[str, Any]]]] = {
    "facts": _facts,
    "train": _train,
    "move": _move,
    "carry": _carry,
    "over": _over,
}
