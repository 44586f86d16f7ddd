"""Trials of candidates on the target, which predict from unlabelled rows what share of the gain each one keeps."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.adapters.model import disable, install, layers, remove
from ioadapt_theory.effect.batches import Pair, Parts
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.goal import Goal
from ioadapt_theory.effect.outputs import NEEDS
from ioadapt_theory.effect.passes import Call, run
from ioadapt_theory.effect.retained import Prediction, RowSums, predict, trust
from ioadapt_theory.errors import InvalidValueError

Adapters = Mapping[str, Adapter]
"""Layer of the target -> its adapter."""
MOST_KEPT = 1 << 27
"""Largest number of output entries that are cached; further outputs are computed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options that ``transfer`` accepts together with inputs.

    Attributes:
        target_inputs: the samples of ``inputs`` as the target takes them, row for row and token for token; by default
            ``inputs``.
        call: function; ``call(model, batch)`` returns the outputs to compare, if ``model(batch)`` does not.
        need: "labels" if outputs are logits and both models should predict the same labels, "change" if the
            outputs of both should change in the same way; by default inferred from the outputs.
        refine: number of gradient steps without labels from the best candidate; by default 10, or 0 for few rows. If
            a positive number is given, Gauss-Newton passes come first in small problems, and a new adapter is trained
            for as many steps, for comparison.
        placement: "weight", "input" or "output" on the target, or "best" to choose one for each layer; by default the
            placement on the source.
        rank: maximum rank of the LoRA that replaces an adapter of another family or the change of a tuned model.
        rank_share: without ``rank``, the minimum share of each layer's squared effect that this LoRA keeps.
        size: maximum number of rows per batch.
        memory: gigabytes for the Gram matrices of the fit; layers beyond this limit are fitted in further passes.
        draws: number of random cotangents per batch; by default from 4 for few rows to 1 for 1,000 or more
            (n tokens count as √n rows).
        seed: seed of the split of the rows, the cotangents, the bootstrap, and random numbers in the models.
    """

    target_inputs: Any = None
    call: Call | None = None
    need: str | None = None
    refine: int | None = None
    placement: str | None = None
    rank: int | None = None
    rank_share: float = 0.98
    size: int = 32
    memory: float = 4.0
    draws: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.need not in {None, *NEEDS}:
            msg = f"need must be 'labels' (for outputs that are logits), 'change' or 'outputs', not {self.need!r}."
            raise InvalidValueError(msg)
        if self.placement not in {None, "best", *Placement}:
            msg = f"placement must be 'best', 'weight', 'input' or 'output', not {self.placement!r}."
            raise InvalidValueError(msg)
        for key, least in (("refine", 0), ("size", 1), ("rank", 1), ("draws", 1)):
            value = getattr(self, key)
            if value is not None and (type(value) is not int or value < least):
                msg = f"{key} must be a whole number, at least {least}, not {value!r}."
                raise InvalidValueError(msg)
        if not isinstance(self.rank_share, int | float) or not 0 < self.rank_share <= 1:
            msg = f"rank_share must be a share of the squared effect, above 0 and at most 1, not {self.rank_share!r}."
            raise InvalidValueError(msg)
        if not isinstance(self.memory, int | float) or not self.memory > 0:
            msg = f"memory must be a number of gigabytes above 0, not {self.memory!r}."
            raise InvalidValueError(msg)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        if unknown := sorted(given.keys() - {*cls.__slots__}):
            msg = f"Unknown option {unknown[0]!r}; with inputs=, use one of tuned, {', '.join(cls.__slots__)}."
            raise InvalidValueError(msg)
        return cls(**given)


class Trial:
    """A source and a target model, with rows and options to compare them; ``tuned`` replaces the adapted source.

    Attributes:
        need: "labels" or "change": as given, or inferred from the source's outputs.
        weight: weight of the target in the guessed labels, see ``effect.retained.trust``.
        positions: number of independent rows that a sample counts as, see ``spread``.
    """

    def __init__(
        self,
        source: nn.Module,
        target: nn.Module,
        name: str,
        rows: Parts,
        options: Options,
        tuned: nn.Module | None = None,
    ) -> None:
        """Set ``need`` and ``weight`` from ``rows.fit``; raise InvalidValueError if its first batch shows no effect."""
        self.source, self.target, self.name, self.rows = source, target, name, rows
        self.options, self.tuned = options, tuned
        self.kept: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        with disable(source), disable(target):
            asked: Any = {"call": options.call, "need": options.need, "seed": options.seed}
            self.compared = Compared.of(source, target, rows.fit[0], **asked)
        self.need, self.weight = self.compared.need, 0.0
        s, sa, _ = self.outputs(rows.fit[0], 0)
        self.positions = spread(1, s)
        if torch.equal(s, sa):
            what = "tuned model gives the same outputs as" if tuned else "adapter does not change the outputs of"
            way = f"give different inputs, or {'a model' if tuned else 'an adapter'} that is trained further"
            msg = f"The {what} the source on the first batch of inputs; {way}."
            raise InvalidValueError(msg)
        if self.need == "labels":
            both = [Goal(*self.outputs(pair, n), self.need).divergences() for n, pair in enumerate(rows.fit)]
            self.weight = trust(sum(differing for differing, _ in both), sum(changed for _, changed in both))

    def run(self, model: nn.Module, batch: object, number: int) -> Tensor:
        """Return a model's output for the batch of this number, which determines the random numbers in the model."""
        return run(model, batch, self.compared.call, self.options.seed + number)

    def outputs(self, pair: Pair, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs of the source without and with the adapter (or of ``tuned``), and of the bare target."""
        if id(pair[0]) in self.kept:
            return self.kept[id(pair[0])]
        with torch.no_grad(), disable(self.source):
            s = self.run(self.source, pair[0], number)
        with torch.no_grad(), only(layers(self.source), self.name):
            sa = self.run(self.tuned or self.source, pair[0], number)
        with torch.no_grad(), disable(self.target):
            t = self.run(self.target, pair[1], number)
        if sum(one.numel() for one, _, _ in self.kept.values()) + s.numel() < MOST_KEPT // 3:
            self.kept[id(pair[0])] = s, sa, t
        return s, sa, t

    def predicted(self, candidates: Mapping[str, Adapters], pairs: Iterable[Pair]) -> dict[str, Prediction]:
        """Predict what share of the gain each candidate keeps on the rows of ``pairs``; leave the target unchanged."""
        parts: dict[str, list[RowSums]] = {name: [] for name in candidates}
        with tried(self.target, candidates) as active:
            for number, pair in enumerate(pairs):
                goal = Goal(*self.outputs(pair, number), self.need, self.weight)
                for candidate in candidates:
                    with active(candidate), torch.no_grad():
                        ta = self.run(self.target, pair[1], number)
                    parts[candidate].append(goal.sums(ta))
        options: dict[str, Any] = {"inputs": self.rows.rows, "seed": self.options.seed}
        return {name: predict(RowSums.joined(rows), self.need, **options) for name, rows in parts.items()}

    def scores(self, candidates: Mapping[str, Adapters]) -> dict[str, float]:
        """Return the share of the gain that each candidate keeps on the selection rows, or -∞ if it is not finite."""
        predicted = self.predicted(candidates, self.rows.select)
        return {n: one.kept if math.isfinite(one.kept) else -math.inf for n, one in predicted.items()}


def spread(count: int, output: Tensor) -> float:
    """Return how many independent rows ``count`` samples are worth: √n each, for n positions (tokens, pixels)."""
    return count * math.sqrt(math.prod(output.shape[2:] if output.ndim > 3 else output.shape[1:-1]))


@contextmanager
def tried(target: nn.Module, candidates: Mapping[str, Adapters]) -> Iterator[Callable[[str], Any]]:
    """Put candidates on the target inside the block; yield a context manager that activates only the named one."""
    before = {layer: layer.active for layer in layers(target).values()}
    free = "_" * max((len(key) for layer in before for key in layer.adapters), default=0)  # as long as the longest name
    names: dict[str, str] = {}
    try:
        for number, (candidate, adapters) in enumerate(candidates.items()):
            name = f"carried{free}{number}"
            install(target, adapters, name, trainable=None)
            names[candidate] = name
        adapted = layers(target)
        with only(adapted, ""):
            yield lambda candidate: only(adapted, names[candidate])
    finally:
        for name in names.values():
            remove(target, name)
        for layer, active in before.items():
            layer.activate(*active)


@contextmanager
def only(adapted: Mapping[str, AdaptedLayer], name: str) -> Iterator[None]:
    """Activate only the adapter of this name inside the block; merged layers are left as they are."""
    before = {layer: layer.active for layer in adapted.values() if not layer.merged}
    for layer in before:
        layer.activate(*({name} & {*layer.adapters}))
    try:
        yield
    finally:
        for layer, active in before.items():
            layer.activate(*active)


def put(target: nn.Module, adapters: Adapters, name: str, *, trainable: bool = False) -> None:
    """Put adapters on a model; its other parameters stay trainable or frozen as before."""
    if adapters:
        flags = {p: p.requires_grad for p in target.parameters()}
        install(target, adapters, name, trainable=trainable)
        for p, flag in flags.items():
            p.requires_grad_(flag)
