"""What is compared and how, and the result; `comparing.compare` fills it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, count
from pathlib import PurePath

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.errors import UnknownNameError, printable
from ioadapt_theory.null import STANDS_OUT, Null
from ioadapt_theory.similarity import means
from ioadapt_theory.similarity.matching import Layer, Match, Skipped, Space
from ioadapt_theory.similarity.means import Entry, Mean
from ioadapt_theory.similarity.measures.cosine import Values

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the paper leaves open, with our defaults.

    Attributes:
        match: Pair layers by name and shape, or by provenance: block-removed and pruned models by their origin.
        space: Compare weights, or the Grams on their input or output side.
        lowest: Fraction of a pair's layers in the mean over the lowest.
        only: Roles that count, of "weight", "norm" and "bias".
        modules: A layer is a module and not a tensor.
        weighted: Layers count by their parameters and not alike.
        in_all_models: Leave out layers that one of the models lacks.
        null: Weights too beside what unrelated ones would give: their entries shuffled. Spaces always are.
        strict: A layer that is not finite is an error.
        threads: How many share the work.

    Raises:
        UnknownNameError: ``match`` or ``space`` is none of its kind.

    Example:
        >>> from ioadapt_theory.similarity import Options
        >>> Options(lowest=0.1, space="input").space
        <Space.INPUT: 'input'>
    """

    match: Match = Match.NAME
    space: Space = Space.WEIGHT
    lowest: float = 0.2
    only: frozenset[str] = frozenset({"weight", "norm", "bias"})
    modules: bool = False
    weighted: bool = False
    in_all_models: bool = False
    null: bool = False
    strict: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        """Take strings for their members."""
        for field_, kind in (("match", Match), ("space", Space)):
            value = getattr(self, field_)
            if value not in tuple(kind):
                raise UnknownNameError(field_, value, kind)
            object.__setattr__(self, field_, kind(value))


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
        """Return the number of elements that both models have."""
        return sum(x.numel for x in self.members if set(pair) <= set(x.models))

    def entry(self, pair: Pair) -> Entry:
        """Return what this layer adds to the pair's means."""
        v = self.values[pair]
        return Entry(v.cosine, self.parameters(pair), v.null)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison; a pair (i, j) are positions in ``models`` and ``labels``.

    Attributes:
        models: The models.
        labels: Their names, short and distinct.
        parent: Name of the parent, if updates were compared.
        options: What was asked for.
        rows: The layers.
        skipped: What was left out, and why.
        notes: What a user should know of the pairing.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.similarity import compare
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> save_file({"a.weight": torch.randn(8, 16), "b.weight": torch.randn(8, 8)}, path)
        >>> comparison = compare(path, path)
        >>> comparison.pairs, [row.name for row in comparison.rows], round(comparison.mean((0, 1)).mean, 6)
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
        """Return all pairs, the earlier model first."""
        return list(combinations(range(len(self.labels)), 2))

    def entries(self, pair: Pair, keep: Callable[[Row], bool] = lambda _: True) -> list[Entry]:
        """Return the pair's layers, or those of a block or kind."""
        return [row.entry(pair) for row in self.rows if pair in row.values and keep(row)]

    def mean(self, pair: Pair, keep: Callable[[Row], bool] = lambda _: True) -> Mean:
        """Return the mean over the pair's layers: panel (b) of Fig. 2."""
        return means.mean(self.entries(pair, keep), weighted=self.options.weighted)

    def lowest(self, pair: Pair) -> Mean:
        """Return the mean over the pair's layers with the lowest cosine: panel (a) of Fig. 2."""
        return means.mean(means.lowest(self.entries(pair), self.options.lowest), weighted=self.options.weighted)

    def null(self, pair: Pair) -> Null | None:
        """Return the mean beside what it would be if all layers were unrelated; None where that was not asked for."""
        return means.mean_null(self.entries(pair), weighted=self.options.weighted)

    def excess(self, pair: Pair) -> float | None:
        """Return the mean over layers of what their cosines have beyond chance, uniform."""
        known = [x for null in self._nulls(pair) if (x := null.excess) is not None]
        return math.fsum(known) / len(known) if known else None

    def beyond_chance(self, pair: Pair) -> int:
        """Count the pair's layers that have something in common: z is at least 3."""
        return sum((null.z or 0.0) >= STANDS_OUT for null in self._nulls(pair))

    def too_small(self, pair: Pair) -> int:
        """Count the pair's layers that are too small to tell related from unrelated."""
        return sum(null.too_small for null in self._nulls(pair))

    def _nulls(self, pair: Pair) -> list[Null]:
        return [null for e in self.entries(pair) if (null := e.null) is not None]


def role(kind: str) -> str:
    """Return the role of a layer: weight, norm or bias."""
    return kind if kind in ("norm", "bias") else "weight"


def labels_of(checkpoints: Sequence[Checkpoint]) -> tuple[str, ...]:
    """Return short and distinct names: equal ones get their folders, then a number; none holds a |."""
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
