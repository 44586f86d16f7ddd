"""Trials of candidates on the target, which predict from unlabelled rows what share of the gain each one keeps."""

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.adapters.model import disable, install, layers, remove
from ioadapt_theory.effect.batches import Pair, Parts
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.goal import Goal
from ioadapt_theory.effect.likelihood import followed, read
from ioadapt_theory.effect.pairing import PLACES
from ioadapt_theory.effect.passes import Call, cotangents, require_finite, run
from ioadapt_theory.effect.retained import Prediction, RowSums, clear, predict, trust
from ioadapt_theory.errors import MOST_SEED, InvalidValueError, require_positive, require_whole
from ioadapt_theory.maps.solve import RULES, Rule

COPY, BLOCKS, ZERO = Rule("copy", 0.0), Rule("blocks"), Rule("zero", 0.0)
STARTS: Final = {"copy": COPY, **RULES, "blocks": BLOCKS, "zero": ZERO}
"""What training can start from: a copy, a map of the two models, a fit block by block, or a new adapter."""
Adapters = Mapping[str, Adapter]
"""Layer of the target -> its adapter."""
Progress = Callable[[str, int, int], Any]
"""Function that is called with the name of a stage, the number of its parts that are done, and their total number."""
ENOUGH = 8
"""Number of batches from which the ``weight`` of a trial, and whether it is ``labelled``, are estimated."""
POSITIONS, DRAWS = 1000, 4
"""Number of positions below which more than one cotangent is drawn per batch, and the largest number by default."""
OWN = 0.5
"""Weight of the target's own probabilities in the labels of paired texts, see ``Goal``."""
MOST_KEPT = 1 << 28
"""Bytes of the outputs of the target that are kept (and as many of the source, twice); more are computed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of ``transfer`` for given inputs; see there."""

    target_inputs: Any = None
    call: Call | None = None
    need: str | None = None
    starts: tuple[str, ...] | None = None
    steps: int | None = None
    seconds: float | None = None
    placement: str | None = None
    rank: int | None = None
    share: float = 0.98
    batch: int = 64
    memory: float = 4.0
    draws: int | None = None
    seed: int = 0
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if self.placement not in {None, "best", *Placement}:
            msg = f"placement must be 'best', 'weight', 'input' or 'output', not {self.placement!r}."
            raise InvalidValueError(msg)
        if odd := [n for n in self.starts or () if n not in STARTS]:
            msg = f"starts may contain {', '.join(STARTS)}, not {odd[0]!r}."
            raise InvalidValueError(msg)
        for key, least in (("steps", 0), ("batch", 1), ("rank", 1), ("draws", 1)):
            if (value := getattr(self, key)) is not None:
                require_whole(key, value, least)
        require_whole("seed", self.seed, 0, MOST_SEED)
        for key, what in (("seconds", "time"), ("memory", "number of gigabytes"), ("share", "share")):
            if (value := getattr(self, key)) is not None:
                require_positive(key, value, what, 1 if key == "share" else math.inf)
        if self.steps is not None and self.seconds is not None:
            msg = "steps and seconds are two limits of one budget; give one of them."
            raise InvalidValueError(msg)


class Trial:
    """A source and a target model, with rows and options to compare them; ``tuned`` replaces the adapted source.

    Attributes:
        weight: weight of the target in the guessed labels, see ``effect.retained.trust``.
        paired: whether the rows are texts that are paired for two tokenizers.
        labelled: whether they are also of the adapter's domain; then steps match their next tokens, too.
        fitted: number of positions (tokens, pixels) in the rows used to fit.
    """

    def __init__(
        self,
        source: nn.Module,
        target: nn.Module,
        name: str,
        rows: Parts,
        options: Options,
        compared: Compared,
        tuned: nn.Module | None = None,
        *,
        damaged: bool = False,
    ) -> None:
        """Set ``weight`` from ``rows.fit``, to 0 if the target is a damaged copy, whose answers add nothing."""
        self.source, self.target, self.name, self.rows = source, target, name, rows
        self.options, self.compared, self.tuned = options, compared, tuned
        self.goals: dict[int, Goal] = {}
        self.need, self.weight = compared.need, 0.0
        self.paired, self.labelled = isinstance(rows.fit[0][1], Mapping) and PLACES in rows.fit[0][1], False
        first = self.goal(rows.fit[0], 0)
        self.fitted = rows.counts[0] * (len(first.s) // first.shape[0])
        if torch.equal(first.s, first.sa):
            what = "tuned model gives the same outputs as" if tuned else "adapter does not change the outputs of"
            way = f"give different inputs, or {'a model' if tuned else 'an adapter'} that is trained further"
            msg = f"The {what} the source on the first batch of inputs; {way}."
            raise InvalidValueError(msg)
        if self.need == "labels" and not damaged:
            goals = (self.goal(pair, n) for n, pair in enumerate(rows.fit[:ENOUGH]))
            found = [(*goal.divergences(), goal.known) for goal in goals]
            self.weight = trust(sum(differing for differing, _, _ in found), sum(changed for _, changed, _ in found))
            gains = [known[1] - known[0] for *_, known in found if known and self.paired]
            self.labelled = bool(gains) and clear(torch.cat(gains))
            self.goals.clear()

    def run(self, model: nn.Module, batch: object, number: int) -> Tensor:
        """Return a model's output for the batch of this number, which determines the random numbers in the model."""
        return run(model, batch, self.compared.call, self.options.seed + number)

    def read(self, model: nn.Module, batch: Any, number: int, *, texts: bool) -> tuple[Tensor, Tensor | None]:
        """Return a model's output as ``run`` and, if ``texts``, the log-likelihood of each row of texts."""
        if not texts or self.need != "labels":
            return self.run(model, batch, number), None
        return read(model, batch, self.compared.call, self.options.seed + number)

    def progress(self, stage: str, done: int, total: int) -> None:
        if self.options.progress is not None:
            self.options.progress(stage, done, total)

    def recording(self, pair: Pair, number: int) -> dict[str, Any]:
        """Return the options with which ``record`` compares models on a pair of batches."""
        seed, draws = self.options.seed + number, self.options.draws or min(DRAWS, math.ceil(POSITIONS / self.fitted))
        chances = self.goal(pair, number).chances if self.need == "labels" else None
        return {"call": self.compared.call, "seed": seed, "directions": cotangents(draws, seed, chances)}

    def goal(self, pair: Pair, number: int, *, judged: bool = True) -> Goal:
        """Return what the target should do on a pair of batches; if it is ``judged``, it knows likelihoods of texts."""
        if id(pair[0]) in self.goals:
            return self.goals[id(pair[0])]
        spread = any(pair[0] is one for one, _ in self.rows.predict)  # scores need no interval
        wanted = spread or self.paired
        texts = judged and wanted
        with torch.no_grad(), disable(self.source):
            s, plain = self.read(self.source, pair[0], number, texts=texts)
        with torch.no_grad(), only(layers(self.source), self.name):
            sa, adapted = self.read(self.tuned or self.source, pair[0], number, texts=texts)
        t, other = s, plain
        if self.target is not self.source or pair[0] is not pair[1]:
            with torch.no_grad(), disable(self.target):
                t, other = self.read(self.target, pair[1], number, texts=texts)
            require_finite(t)
        known = None if plain is None or adapted is None or other is None else (plain, adapted, other)
        goal = Goal(s, sa, t, self.need, self.weight, spread=spread, own=OWN * self.paired, known=known)
        if self._has_room(goal.t) and (judged or not wanted):
            self.goals[id(pair[0])] = goal
        return goal

    def _has_room(self, outputs: Tensor) -> bool:
        return sum(one.t.nbytes for one in self.goals.values()) + outputs.nbytes < MOST_KEPT

    def loss(self, pair: Pair, number: int) -> Tensor:
        """Return the loss of the adapted target, see ``Goal.loss``; for texts, the mean with that of next tokens."""
        if self.labelled:
            adapted, likelihood = self.read(self.target, pair[1], number, texts=True)
            count = followed(pair[1]["attention_mask"]).sum().to(adapted)
            return (self.goal(pair, number, judged=False).loss(adapted) - likelihood.sum() / count) / 2  # type: ignore[union-attr]
        adapted = self.run(self.target, pair[1], number)
        if self.need != "labels" or self.paired or id(pair[0]) in self.goals or self._has_room(adapted):
            return self.goal(pair, number, judged=False).loss(adapted)
        with torch.no_grad(), only(layers(self.source), self.name):  # the plain models' outputs are not needed
            sa = self.run(self.tuned or self.source, pair[0], number).to(adapted.device)
        return Goal(sa, sa, sa, self.need).loss(adapted)

    def worse(self, loss: float, pair: Pair) -> float:
        """Return how many times as large a loss is as without an adapter, or 0 if this is unknown."""
        goal = None if self.labelled else self.goals.get(id(pair[0]))
        return goal.worse(loss) if goal else 0.0

    def predicted(
        self, candidates: Mapping[str, Adapters], pairs: Iterable[Pair], learned: Container[str] = ()
    ) -> dict[str, Prediction]:
        """Predict what share of the gain each candidate with finite outputs keeps; ``learned``: see ``Goal.sums``."""
        parts: dict[str, list[RowSums]] = {name: [] for name in candidates}
        with tried(self.target, candidates) as active:
            for number, pair in enumerate(pairs):
                goal = self.goal(pair, number)
                for candidate in candidates:
                    with active(candidate), torch.no_grad():
                        ta, known = self.read(self.target, pair[1], number, texts=goal.known is not None)
                    parts[candidate].append(goal.sums(ta, known, learned=candidate in learned))
        options: dict[str, Any] = {"inputs": self.rows.rows, "seed": self.options.seed}
        sums = {name: RowSums.joined(rows) for name, rows in parts.items()}
        return {name: predict(one, self.need, **options) for name, one in sums.items() if not one.useless}

    def score(self, adapters: Adapters) -> Prediction | None:
        """Return what is predicted for adapters on the selection rows, or None if their outputs are not finite."""
        return self.predicted({"": adapters}, self.rows.select).get("")


@contextmanager
def tried(target: nn.Module, candidates: Mapping[str, Adapters]) -> Iterator[Callable[[str], Any]]:
    """Put candidates on the target inside the block; yield a context manager that activates only the named one."""
    before = {layer: layer.active for layer in layers(target).values()}
    free = "_" * max((len(key) for layer in before for key in layer.adapters), default=0)  # as long as the longest name
    names: dict[str, str] = {}
    try:
        for number, (candidate, adapters) in enumerate(candidates.items()):
            names[candidate] = f"carried{free}{number}"
            install(target, adapters, names[candidate], trainable=None)
        adapted = layers(target)
        with only(adapted, ""):
            yield lambda candidate: only(adapted, names[candidate])
    finally:
        for name in names.values():
            if any(name in layer.adapters for layer in layers(target).values()):
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


def require_free(target: nn.Module, name: str) -> None:
    if any(name in layer.adapters for layer in layers(target).values()):
        msg = f"The target already has an adapter {name!r}; remove it first."
        raise InvalidValueError(msg)


def put(target: nn.Module, adapters: Adapters, name: str, *, trainable: bool = False) -> None:
    """Put adapters on a model; its other parameters stay trainable or frozen as before."""
    flags = {p: p.requires_grad for p in target.parameters()}
    install(target, adapters, name, trainable=trainable)
    for p, flag in flags.items():
        p.requires_grad_(flag)
