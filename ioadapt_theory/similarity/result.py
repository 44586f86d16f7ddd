"""Settings and result of a comparison."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from pathlib import PurePath
from typing import Any

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, printable
from ioadapt_theory.similarity.matching import Layer, Skipped, Space
from ioadapt_theory.similarity.weights import Values

Pair = tuple[int, int]
ROLES = ("weight", "norm", "bias")
"""The roles of layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of ``compare`` by which a comparison was made."""

    space: Space
    lowest: float
    only: frozenset[str]
    threads: int | None

    def __post_init__(self) -> None:
        for name in self.only - {*ROLES}:
            kind = "role"
            raise UnknownNameError(kind, name, ROLES)
        if not 0 < self.lowest <= 1:
            msg = f"lowest must be a fraction of the layers, above 0 and at most 1, not {self.lowest}."
            raise InvalidValueError(msg)
        if self.threads is not None and self.threads < 1:
            msg = f"threads must be a whole number, at least 1, not {self.threads}."
            raise InvalidValueError(msg)


@dataclass(frozen=True, slots=True)
class Row:
    """One compared layer, and its similarity for each pair of models for which it is defined."""

    layer: Layer
    values: dict[Pair, Values] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.layer.name


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over layers, with the numbers of layers and parameters; the mean is None if there are no layers."""

    layers: int
    parameters: int
    mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison; a pair (i, j) indexes ``models`` and ``labels``.

    Attributes:
        models, labels: The checkpoints, and short and distinct names for them.
        options: The options of the comparison.
        rows: The compared layers.
        skipped: The skipped tensors, with reasons.
        notes: Remarks on the pairing.

    Example:
        >>> import tempfile, safetensors.torch, torch
        >>> from ioadapt_theory.similarity import compare
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> safetensors.torch.save_file({"a.weight": torch.randn(8, 16)}, path)
        >>> compare(path, path).pairs
        [(0, 1)]
    """

    models: tuple[Checkpoint, ...]
    labels: tuple[str, ...]
    options: Settings
    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """Return the table that ``ioadapt similarity`` prints."""
        from ioadapt_theory.similarity.report.output import to_table

        return to_table(self).rstrip("\n")

    def to_json(self, by: Sequence[str] = ()) -> dict[str, Any]:
        """Return the comparison as data for JSON; ``by`` are the groupings to include, "kind" or "block"."""
        from ioadapt_theory.similarity.report.output import to_json

        return to_json(self, by)

    def to_html(self) -> str:
        """Return the comparison as a self-contained HTML page; requires matplotlib."""
        from ioadapt_theory.similarity.report.output import to_html

        return to_html(self)

    @property
    def pairs(self) -> list[Pair]:
        """All pairs (i, j) of models with i < j."""
        return list(combinations(range(len(self.labels)), 2))

    def layers_of(self, pair: Pair) -> list[Row]:
        """Return the rows of the layers for which the pair's similarity is defined."""
        return [row for row in self.rows if pair in row.values]

    def mean(self, pair: Pair, keep: Callable[[Row], bool] = lambda _: True) -> Mean:
        """Return the mean cosine of the layers that ``keep`` accepts; by default of all layers, as in Fig. 2 (b)."""
        return self._mean(pair, [row for row in self.layers_of(pair) if keep(row)])

    def lowest(self, pair: Pair) -> Mean:
        """Return the mean of the ⌈f n⌉ lowest of n cosines, with f = ``options.lowest``, as in Fig. 2 (a)."""
        rows = sorted(self.layers_of(pair), key=lambda row: row.values[pair].cosine)
        return self._mean(pair, rows[: count_of_lowest(self.options.lowest, len(rows))])

    def _mean(self, pair: Pair, rows: Sequence[Row]) -> Mean:
        parameters, total = sum(row.layer.numel for row in rows), math.fsum(row.values[pair].cosine for row in rows)
        return Mean(len(rows), parameters, total / len(rows) if rows else None)


def count_of_lowest(fraction: float, layers: int) -> int:
    """Return ⌈fraction · layers⌉ in decimal arithmetic: 0.07 of 100 is 7, but in floating point 0.07 * 100 > 7."""
    return math.ceil(Fraction(repr(fraction)) * layers)


def role(kind: str) -> str:
    return kind if kind in ("norm", "bias") else "weight"


def heading(c: Comparison) -> str:
    space = c.options.space
    what = "weights" if space is Space.WEIGHT else f"{space}-side Gram matrices minus multiples of I"
    lowest = f"lowest {100 * c.options.lowest:.3g} % of the layers"
    return f"cosine of {what}; matched by name; uniform mean; {lowest}"


def labels_of(checkpoints: Sequence[Checkpoint]) -> tuple[str, ...]:
    """Return short, distinct names of checkpoints, without |. Equal names are extended by folders or by a number."""
    names = [printable(c.name).replace("|", "_") for c in checkpoints]
    parts = [PurePath(printable(c.source).replace("|", "_")).parts for c in checkpoints]
    for name in {name for name in names if names.count(name) > 1}:
        twins = [k for k, other in enumerate(names) if other == name]
        depth = next((d for d in range(1, 9) if len({parts[k][-d:] for k in twins}) == len(twins)), 0)
        for k in twins if depth else ():
            names[k] = "/".join(parts[k][-depth:])
    while len({*names}) < len(names):
        names = [f"{n}#{names[:k].count(n) + 1}" if names.count(n) > 1 else n for k, n in enumerate(names)]
    return tuple(names)
