"""The study's parts: the loss of SmolLM2 or of a target with one kind of adapter, on test rows; results are cached."""

import copy
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import adapt, disable, layers, parameters, scale
from ioadapt_theory.effect import record
from ioadapt_theory.effect.passes import cotangents
from ioadapt_theory.maps import map_models
from ioadapt_theory.maps.counterparts import counterparts
from ioadapt_theory.moving import transfer
from toys.llm.network import smollm2
from toys.llm.targets import target, weight_cosine
from toys.llm.text import rows
from toys.llm.training import losses, train
from toys.transfer.cache import figures, tensors
from toys.transfer.features import Features, bico, factors, install, theseus

REVISION: Final = 1
SOURCE, NONE, RETRAINED = "source", "no adapter", "LoRA, trained on the target"
CARRIED, FIFTY, ZERO = "LoRA, carried over", "LoRA, carried over, 50 steps", "LoRA, distilled from zero"
SCALED, THESEUS, BICO, MAPPED = "LoRA, at its best strength", "LoRA, Theseus", "LoRA, BiCo", "LoRA, by a map"
OVER: Final = (SCALED, THESEUS, BICO, MAPPED, CARRIED)
"""Ways to move a LoRA that need no other's time."""
METHODS: Final[dict[str, dict[str, Any]]] = {
    "LoRA": {"placement": "weight", "rank": 8},
    "LoRA on the first layers": {"placement": "weight", "rank": 24, "blocks": 10},
    "input": {"placement": "input", "rank": 7},
    "output": {"placement": "output", "rank": 10},
}
"""Placement and rank of each method on q_proj and v_proj."""
LAYERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "q and v": ("[qv]_proj", {"input": {"rank_pattern": {r".*\.v_proj$": 6}}}),
    "all": (".*_proj", {"input": {"rank": 8}, "output": {"rank": 8}}),
}
"""Adapted linear layers -> their names, and other ranks, so that the numbers of parameters differ by at most 3 %."""
RATE: Final = 3e-3
DRAWS: Final = 2
"""Number of random cotangents for published rules."""
RULES: Final = {THESEUS: theseus, BICO: bico}
STRENGTHS: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Part:
    """A measurement on one model: without an adapter, with an adapter copied from SmolLM2, or as ``row`` says.

    Attributes:
        model: SOURCE, or the name of a target.
        row: NONE, a method, RETRAINED, or how a LoRA is moved: SCALED, THESEUS, BICO, MAPPED, CARRIED, FIFTY or ZERO.
        task: the text that adapters are trained on.
        layers: the adapted layers, a key of ``LAYERS``.
        seed: seed of the training, the target and the rows.
        steps: number of training steps of adapters.
        tested, unlabelled: number of rows to measure the loss, and to move an adapter.
    """

    model: str
    row: str
    task: str
    layers: str = "q and v"
    seed: int = 0
    steps: int = 100
    tested: int = 128
    unlabelled: int = 40

    def result(self, cache: Path) -> Mapping[str, Any]:
        """Return the loss on each test row and, where an adapter was carried over, what was predicted, and the time."""
        key = {**asdict(self), "toy": "smollm", "revision": REVISION}
        return figures(cache, key, lambda: self._compute(cache))

    def _compute(self, cache: Path) -> dict[str, Any]:
        torch.set_num_threads(1)
        begin = time.process_time()
        model, found = self._model(cache), dict[str, Any]()
        if self.row == NONE:
            found["cosine"] = weight_cosine(model)
        elif self.row == RETRAINED:
            _trained(model, "LoRA", self)
        elif self.model == SOURCE:
            self._source(cache, model, self.row)
        else:
            method = self.row if self.row in METHODS else "LoRA"
            found |= self._moved(cache, self._source(cache, copy.deepcopy(smollm2()), method), model)
        spent = time.process_time() - begin
        return {"losses": losses(model, rows(self.task, "test", self.tested, 0)), "seconds": spent, **found}

    def _model(self, cache: Path) -> nn.Module:
        return copy.deepcopy(smollm2()) if self.model == SOURCE else target(self.model, self.seed, cache)

    def _source(self, cache: Path, model: nn.Module, method: str) -> nn.Module:
        """Put the adapter of a method, trained on the source, on ``model``, which is the source."""

        def compute() -> dict[str, Tensor]:
            return dict(parameters(_trained(copy.deepcopy(model), method, self)))

        key = {"method": method, "task": self.task, "layers": self.layers, "seed": self.seed, "steps": self.steps}
        stored = tensors(cache, {**key, "toy": "smollm", "revision": REVISION}, compute)
        adapted(model, method, self.layers, self.seed)
        with torch.no_grad():
            for name, p in parameters(model):
                p.copy_(stored[name])
        return model

    def _moved(self, cache: Path, source: nn.Module, there: nn.Module) -> dict[str, Any]:
        common: dict[str, Any] = {"match": "provenance" if "removed" in self.model else "name"}
        unlabelled = rows(self.task, "unlabelled", self.unlabelled, self.seed)
        if self.row in METHODS or self.row == SCALED:
            transfer(source, there, **common, strict=False)
            return _scaled(there, unlabelled) if self.row == SCALED else {}
        if self.row in RULES:
            return self._by_features(source, there, common["match"])
        budget: dict[str, Any] = {FIFTY: {"steps": 50}}.get(self.row, {})
        if self.row == ZERO:  # as long as the default took
            budget = {"starts": ("zero",), "rank": 8, "seconds": replace(self, row=CARRIED).result(cache)["moving"]}
        inputs = {"input_ids": unlabelled}
        begin = time.process_time()
        if self.row == MAPPED:
            about: dict[str, Any] = {"need": "labels", "batch": 8, "seed": self.seed}
            made = map_models(source, there, inputs, layers=layers(source), placements=("weight",), **common, **about)
            outcome: Any = transfer(source, there, map=made, strict=False)
            return {"moving": time.process_time() - begin, "predicted": outcome.kept}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the result has the predicted share
            outcome = transfer(
                source, there, **common, **budget, strict=False, inputs=inputs, need="labels", batch=8, seed=self.seed
            )
        return {
            "moving": time.process_time() - begin, "predicted": outcome.kept, "interval": outcome.interval,
            "chosen": outcome.chosen, "copied": outcome.kept_copied,
        }  # fmt: skip

    def _by_features(self, source: nn.Module, there: nn.Module, match: str) -> dict[str, Any]:
        """Move a LoRA by a published rule; gradients are in the Fisher metric, as those of ``transfer``."""
        begin = time.process_time()
        found, inputs = factors(source), {"input_ids": rows(self.task, "unlabelled", self.unlabelled, self.seed)}
        places = {name: some[0] for name, some in counterparts(source, there, [*found], None, match)[0].items()}
        along = cotangents(DRAWS, self.seed, lambda y: y.float().softmax(-1))
        both = []
        with disable(source):
            for model, names in ((source, {name: f"{name}.base_layer" for name in places}), (there, places)):
                watched = {name: model.get_submodule(own) for name, own in names.items()}
                both.append(record(model, watched, inputs, directions=along).rows)
        moved = RULES[self.row](Features({n: found[n] for n in places}, "weight", both))
        install(there, {places[name]: pair for name, pair in moved.items()}, "weight")
        return {"moving": time.process_time() - begin}


def _scaled(model: nn.Module, rows: Tensor) -> dict[str, Any]:
    """Scale an adapter by the factor with the least loss on rows."""
    found = {}
    for factor in STRENGTHS:
        scale(model, factor)
        found[factor] = sum(losses(model, rows))
        scale(model, 1 / factor)
    best = min(found, key=lambda factor: found[factor])
    scale(model, best)
    return {"strength": best}


def adapted(model: nn.Module, method: str, layers: str, seed: int) -> nn.Module:
    """Put the untrained adapter of a method on a model."""
    names, ranks = LAYERS[layers]
    options = {**METHODS[method], **ranks.get(method, {})}
    blocks = f"[0-{options.pop('blocks') - 1}]" if "blocks" in options else "[0-9]+"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return adapt(model, target_modules=rf".*\.layers\.{blocks}\..*\.{names}", **options)


def _trained(model: nn.Module, method: str, part: Part) -> nn.Module:
    adapted(model, method, part.layers, part.seed)
    weights = [p for _, p in parameters(model)]
    train(model, weights, rows(part.task, "training", 20_000, 0), part.steps, RATE, part.seed)
    return model
