"""What a comparison is asked for and what it answers; `compare.compare` fills it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, count
from pathlib import PurePath

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.errors import printable
from ioadapt_theory.null import Null
from ioadapt_theory.similarity.matching import Layer, Match, Skipped
from ioadapt_theory.similarity.measures import means
from ioadapt_theory.similarity.measures.cosine import Values
from ioadapt_theory.similarity.measures.means import Entry, Mean
from ioadapt_theory.similarity.measures.space import Space

Pair = tuple[int, int]

SHARED = 3.0
"""Standard deviations of its null beyond which a space is not one of unrelated weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the paper leaves open, with our defaults; see the help of the command for each.

    Example:
        >>> from ioadapt_theory.similarity.comparison import Options
        >>> from ioadapt_theory.similarity.measures.spaces import Space
        >>> str(Options(lowest=0.1, space=Space.INPUT).space)
        'input'
    """

    match: Match = Match.NAME
    space: Space = Space.WEIGHT
    lowest: float = 0.2
    only: frozenset[str] = frozenset({"weight", "norm", "bias"})
    modules: bool = False
    weighted: bool = False
    shared: bool = False
    baseline: bool = False
    subspace: int | None = None
    strict: bool = False
    workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One compared layer: a tensor, or all tensors of a module."""

    name: str
    kind: str
    block: str
    shape: tuple[int, ...]
    members: tuple[Layer, ...]
    values: dict[Pair, Values] = field(default_factory=dict)

    def parameters(self, pair: Pair) -> int:
        """Number of elements that both models have."""
        return sum(x.numel for x in self.members if set(pair) <= set(x.models))

    def entry(self, pair: Pair) -> Entry:
        """What this layer adds to the pair's means."""
        v = self.values[pair]
        if v.null is None:
            return Entry(v.cosine, self.parameters(pair), v.baseline, v.subspace)
        known = (v.null.mean, v.null.sd)
        return Entry(v.cosine, self.parameters(pair), known, v.subspace, v.null.excess)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that was found; positions in ``models`` and ``labels`` are those in pairs.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.checkpoints import open_checkpoint
        >>> from ioadapt_theory.similarity.compare import compare
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> save_file({"a.weight": torch.randn(8, 16), "b.weight": torch.randn(8, 8)}, path)
        >>> with open_checkpoint(path) as one, open_checkpoint(path) as other:
        ...     found = compare([one, other])
        >>> found.pairs, [row.name for row in found.rows], round(found.mean((0, 1)).mean, 6)
        ([(0, 1)], ['a.weight', 'b.weight'], 1.0)
    """

    models: tuple[Checkpoint, ...]
    labels: tuple[str, ...]
    parent: str | None
    options: Options
    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]

    @property
    def pairs(self) -> list[Pair]:
        """All pairs, the earlier model first."""
        return list(combinations(range(len(self.labels)), 2))

    def entries(self, pair: Pair, keep: Callable[[Row], bool] = lambda _: True) -> list[Entry]:
        """The pair's layers, or those of a block or kind."""
        return [row.entry(pair) for row in self.rows if pair in row.values and keep(row)]

    def mean(self, pair: Pair, keep: Callable[[Row], bool] = lambda _: True) -> Mean:
        """Mean over the pair's layers: panel (b) of Fig. 2."""
        return means.mean(self.entries(pair, keep), weighted=self.options.weighted)

    def lowest(self, pair: Pair) -> Mean:
        """Mean over the pair's layers with the lowest cosine: panel (a) of Fig. 2."""
        return means.mean(means.lowest(self.entries(pair), self.options.lowest), weighted=self.options.weighted)

    def baseline(self, pair: Pair) -> Null | None:
        """The mean beside what it would be if all layers were unrelated; None where that was not asked for."""
        found = means.mean_baseline(self.entries(pair), weighted=self.options.weighted)
        mean = self.mean(pair).mean
        return None if found is None or mean is None else Null(mean, *found)

    def excess(self, pair: Pair) -> float | None:
        """Mean over layers of what a space's cosine has beyond chance, uniform."""
        found = [e.excess for e in self.entries(pair) if e.excess is not None]
        return math.fsum(found) / len(found) if found else None

    def shared(self, pair: Pair) -> int:
        """Number of the pair's layers whose spaces have something in common: their cosine is beyond chance."""
        nulls = [v.null for row in self.rows if (v := row.values.get(pair)) is not None]
        return sum(null is not None and null.z is not None and null.z >= SHARED for null in nulls)

    def subspace(self, pair: Pair) -> float | None:
        """Mean overlap of the leading subspaces, uniform over layers."""
        found = [e.subspace for e in self.entries(pair) if e.subspace is not None]
        return math.fsum(found) / len(found) if found else None


def role(kind: str) -> str:
    """Norms and biases are set apart from the weights."""
    return kind if kind in ("norm", "bias") else "weight"


def labels_of(checkpoints: Sequence[Checkpoint]) -> tuple[str, ...]:
    """Short and distinct names: equal ones get their folders, then a number; none holds the separator of a pair."""
    own = [printable(c.name).replace("|", "_") for c in checkpoints]
    names = list(own)
    parts = [PurePath(printable(c.source)).parts for c in checkpoints]
    for i, name in enumerate(own):
        twins = [k for k, other in enumerate(own) if other == name]
        depth = next((d for d in range(1, 9) if len({parts[k][-d:] for k in twins}) == len(twins)), None)
        if len(twins) > 1 and depth is not None:
            names[i] = "/".join(parts[i][-depth:]).replace("|", "_")
    taken: list[str] = []
    for name in names:
        numbered = (f"{name}#{n}" for n in count(1))
        taken.append(
            name if names.count(name) == 1 and name not in taken else next(x for x in numbered if x not in taken)
        )
    return tuple(taken)
