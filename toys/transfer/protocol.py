"""What ``protocol.toml`` says, as values: rows, rates, targets, and the rule by which a table is judged."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all toys share; see the comments in the file."""

    strengths: tuple[float, ...]
    ladder: tuple[float, ...]
    first: tuple[float, ...]
    least: int
    level: float
    power: float
    ridge: float
    shared: float
    brief: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How an adapter is placed.

    Attributes:
        placement, rank, family: see ``adapt``; a sum of placements has a rank for each; "opposite" is the side that
            does not face the residual stream.
        match: what makes it comparable with LoRA: its rank, its parameters, or "none"; by rank it is retrained, too.
        layers: pattern of the layers that it sits on; empty: all of the toy's.
        against: the method that it is compared with: a LoRA on the same layers; itself: with none.
        table: of the paper, whose comparisons are corrected together; empty: the toy's first.
    """

    placement: str
    rank: int | tuple[int, ...]
    match: str = "rank"
    family: str = "lora"
    layers: str = ""
    against: str = "lora"
    table: str = ""

    def key(self) -> dict[str, Any]:
        """Return what the trained numbers depend on."""
        return {key: value for key, value in asdict(self).items() if key not in {"against", "table"} and value}

    def on(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the layers that it sits on."""
        return tuple(name for name in names if re.fullmatch(self.layers or ".*", name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One toy's experiment.

    Attributes:
        name: of the study.
        title, paper: for people: what is done, and which table of the paper does it; empty: none.
        replicates, seeds: what a seed is, and how many there are.
        measure, margin: what is compared (lower is better), and the difference that does not matter.
        related: targets made from the source, of which the paper's claim speaks.
        exact: targets that compute the source's function with other weights -> the method that must be exact there.
        strangers: targets trained apart.
        methods: by row.
        rule: see ``Rule``.
        also: further measures, lower is better, that are recorded and not judged.
        cases: worlds of one seed that are judged as one table, such as two directions; by default there is one.
        tuned: how many seeds choose the learning rates; 0: all.
        carried: whether LoRA is also carried by weights alone.
        world: the module in ``toys`` with its World; by default of its name.
        script: in ``toys`` with its options; by default of its name.
        twins: target -> one that computes the same by the same layers, whose retraining is its own, too.
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
    twins: Mapping[str, str] = field(default_factory=dict)
    world: str = ""
    script: str = ""

    def __post_init__(self) -> None:
        """Take what is not said from the name."""
        for key, value in (("world", self.name), ("script", f"{self.name}.py")):
            object.__setattr__(self, key, getattr(self, key) or value)

    @property
    def command(self) -> str:
        """Return the command that runs it."""
        return f"python toys/{self.script}"

    @property
    def targets(self) -> tuple[str, ...]:
        """Return all targets, in the order of the table."""
        return (*self.related, *self.exact, *self.strangers)

    @property
    def tables(self) -> dict[str, dict[str, Method]]:
        """Return table of the paper -> its methods, the toy's first table first."""
        found: dict[str, dict[str, Method]] = {self.paper: {}}
        for row, method in self.methods.items():
            found.setdefault(method.table or self.paper, {})[row] = method
        return found


def protocol(name: str) -> Protocol:
    """Return the protocol of a toy, as written in the file."""
    stored = tomllib.loads(FILE.read_text(encoding="utf-8"))
    own = {key: _frozen(value) for key, value in stored[name].items()}
    rule = Rule(**{key: own.pop(key, _frozen(value)) for key, value in stored["rule"].items()})
    methods = {
        key: Method(**{option: _frozen(value) for option, value in one.items()})
        for key, one in own.pop("methods").items()
    }
    return Protocol(name=name, methods=methods, rule=rule, **own)


def names() -> tuple[str, ...]:
    """Return the toys that have a protocol, in the order of the file."""
    stored = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(name for name, own in stored.items() if isinstance(own, dict) and "methods" in own)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
