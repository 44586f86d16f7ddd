"""The protocols of the studies, which are read from ``protocol.toml``."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Settings that all studies share unless a study has its own.

    Attributes:
        strengths: factors by which the moved adapters are multiplied; 1 is a plain copy.
        ladder, first: learning rates that may be tried, and those that are tried first.
        least: minimum number of learning rates to try.
        level: level of intervals and of the correction for several comparisons.
        ridge: ridge of Eq. 5, relative to the largest singular value.
    """

    strengths: tuple[float, ...]
    ladder: tuple[float, ...]
    first: tuple[float, ...]
    least: int
    level: float
    ridge: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A kind of adapter, and its comparison with another kind.

    Attributes:
        placement, rank, family: see ``adapt``; for a sum of placements, ``rank`` has a number for each. "residual" is
            the side of a layer that is in the residual stream, and "opposite" the other side. "Eq. 5" marks a converted
            LoRA, which is not trained.
        match: what the method has in common with LoRA: "rank", "parameters" (their number, up to 5 %), or neither
            ("none", "ridge"). Only methods with "rank" are also trained on targets.
        layers: pattern for the names of the adapted layers; empty for all layers of the toy.
        against: the method that this method is compared with, which adapts the weights of the same layers; the method's
            own name if there is no comparison.
        table: the paper's table of this method, if it is not the study's; quick runs leave such methods out.
    """

    placement: str
    rank: int | tuple[int, ...]
    match: str = "rank"
    family: str = "lora"
    layers: str = ""
    against: str = "lora"
    table: str = ""

    def key(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key not in {"against", "table"} and value}

    def on(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if re.fullmatch(self.layers or ".*", name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The protocol of a toy experiment.

    Attributes:
        name: name of the study.
        title, paper: description of the study, and the paper's table or figure (or empty).
        replicates, seeds: what a seed stands for, and the number of seeds.
        measure, margin: the measure (lower is better), and a difference that is negligible; shares are formed if a LoRA
            gains over twice as much.
        related: targets related to the source, for which the paper makes its claim.
        exact: target with the source's function but different weights -> the method whose results should not change.
        strangers: targets that are unrelated to the source or serve as controls.
        methods: name -> method.
        rule: see ``Rule``.
        also: further measures (lower is better).
        cases: variants of the experiment, such as two directions; by default a single case.
        tuned: number of seeds for choosing learning rates; 0 for all.
        carried: whether the baselines, which map a LoRA by weights alone, are also run.
        world: the module in ``toys`` that defines the World; by default the study's name.
        script: the script in ``toys`` that runs the study, with options; by default the study's name with ".py".
    """

    name: str
    title: str
    paper: str
    replicates: str
    seeds: int
    measure: str
    margin: float
    related: tuple[str, ...]
    exact: Mapping[str, str]
    strangers: tuple[str, ...]
    methods: Mapping[str, Method]
    rule: Rule
    also: tuple[str, ...] = ()
    cases: tuple[str, ...] = ("",)
    tuned: int = 0
    carried: bool = True
    world: str = ""
    script: str = ""

    def __post_init__(self) -> None:
        for key, value in (("world", self.name), ("script", f"{self.name}.py")):
            object.__setattr__(self, key, getattr(self, key) or value)

    @property
    def command(self) -> str:
        return f"python toys/{self.script}"

    @property
    def targets(self) -> tuple[str, ...]:
        return (*self.related, *self.exact, *self.strangers)


def protocol(name: str) -> Protocol:
    stored = _stored()
    own = {key: _frozen(value) for key, value in stored[name].items()}
    rule = Rule(**{key: own.pop(key, _frozen(value)) for key, value in stored["rule"].items()})
    methods = {
        key: Method(**{option: _frozen(value) for option, value in one.items()})
        for key, one in own.pop("methods").items()
    }
    return Protocol(name=name, methods=methods, rule=rule, **own)


def names() -> tuple[str, ...]:
    return tuple(name for name, own in _stored().items() if isinstance(own, dict) and "methods" in own)


def withdrawn() -> int:
    """Return the number of the endpoint's comparisons that were withdrawn after their runs."""
    return int(_stored()["withdrawn"])


def _stored() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
