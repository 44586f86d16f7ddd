"""The parts of the study ``toys/two_tokenizers.py``: the loss of SmolLM2 or Gemma on texts, with one adapter."""

import copy
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import parameters
from ioadapt_theory.effect.pairing import paired
from ioadapt_theory.moving import transfer
from toys.llm.network import smollm2, tokenizer
from toys.llm.study import RATE, adapted
from toys.llm.text import LENGTH
from toys.llm.text import text as read
from toys.llm.training import train
from toys.transfer.cache import figures, tensors

REVISION: Final = 2
SMOLLM2, GEMMA = "SmolLM2", "Gemma"
NONE, OWN = "no adapter", "LoRA, trained on the source"
MOVED: Final[Mapping[str, dict[str, Any]]] = {
    "closed form": {"starts": ("two-way",), "steps": 0},
    "10 steps": {"steps": 10},
    "40 steps": {"steps": 40},
    "200 steps": {"steps": 200},
}
"""Row -> options of ``transfer``; steps start from zero."""
LABELLED: Final = {"40 steps with labels": 40, "200 steps with labels": 200}
"""Row -> number of training steps of a LoRA on the target with the next tokens of the unlabelled texts."""
LONG: Final = ("200 steps", "200 steps with labels")
TESTED, UNLABELLED, STEPS = 60, 160, 100
"""Numbers of texts of 64 tokens of SmolLM2 to measure losses and to move an adapter, and of training steps."""


@dataclass(frozen=True, slots=True)
class Part:
    """A measurement on one model.

    Attributes:
        source: SMOLLM2 or GEMMA; the other is the target.
        row: NONE (the plain target), OWN, or a key of ``MOVED`` or ``LABELLED``.
        task: the text that adapters are trained on.
        seed: seed of the training and of the texts that move an adapter.
        gemma: folder or hub id of Gemma 3 270M.
    """

    source: str
    row: str
    task: str
    seed: int
    gemma: str

    def result(self, cache: Path) -> Mapping[str, Any]:
        """Return the nats of each test text and their bytes and, if an adapter was moved, its prediction and time."""
        key = {**asdict(self), "toy": "two_tokenizers", "revision": REVISION}
        return figures(cache, key, lambda: self._compute(cache))

    def _compute(self, cache: Path) -> dict[str, Any]:
        torch.set_num_threads(1)
        target = GEMMA if self.source == SMOLLM2 else SMOLLM2
        (here, reads), (there, other) = self._model(self.source), self._model(target)
        tests, texts = cut(self.task, "test", TESTED, 0), cut(self.task, "unlabelled", UNLABELLED, self.seed)
        size = sum(len(text.encode()) for text in tests)
        if self.row == OWN:
            plain = nats(here, reads, tests)
            self._lora(cache, here, reads)
            return {"nats": nats(here, reads, tests), "plain": plain, "bytes": size}
        begin, found = time.process_time(), dict[str, Any]()
        if self.row in LABELLED:
            self._train(there, other, texts, LABELLED[self.row])
        elif self.row in MOVED:
            self._lora(cache, here, reads)
            begin = time.process_time()
            found = self._move(here, there, paired(texts, reads, other))
        spent = time.process_time() - begin
        return {"nats": nats(there, other, tests), "bytes": size, "seconds": spent, **found}

    def _model(self, name: str) -> tuple[Any, Any]:
        model, reads = (smollm2(), tokenizer()) if name == SMOLLM2 else _gemma(self.gemma)
        return copy.deepcopy(model), reads

    def _train(self, model: nn.Module, reads: Any, texts: list[str], steps: int) -> None:
        adapted(model, "LoRA", "q and v", self.seed)
        ids = torch.tensor([k for text in texts for k in reads(text, add_special_tokens=False)["input_ids"]])
        rows = ids[: len(ids) // LENGTH * LENGTH].reshape(-1, LENGTH)
        train(model, [p for _, p in parameters(model)], rows, steps, RATE, self.seed)

    def _lora(self, cache: Path, model: nn.Module, reads: Any) -> None:
        """Put the LoRA that is trained on the source on ``model``."""

        def compute() -> dict[str, Tensor]:
            made = copy.deepcopy(model)
            self._train(made, reads, cut(self.task, "training", 20_000, 0), STEPS)
            return dict(parameters(made))

        key = {"source": self.source, "task": self.task, "seed": self.seed, "steps": STEPS}
        stored = tensors(cache, {**key, "toy": "two_tokenizers", "revision": REVISION}, compute)
        adapted(model, "LoRA", "q and v", self.seed)
        with torch.no_grad():
            for name, p in parameters(model):
                p.copy_(stored[name])

    def _move(self, here: nn.Module, there: nn.Module, made: Any) -> dict[str, Any]:
        options: dict[str, Any] = {"starts": ("zero",), "match": "depth", "strict": False, "need": "labels"}
        both: Any = {"inputs": made.source, "target_inputs": made.target, "call": made.call, "seed": self.seed}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the result has the predicted share
            outcome: Any = transfer(here, there, **both, **options | MOVED[self.row])
        return {"predicted": outcome.kept, "interval": outcome.interval, "chosen": outcome.chosen}


@cache
def _gemma(name: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(name, dtype=torch.bfloat16, trust_remote_code=False)
    model.eval().requires_grad_(requires_grad=False)
    return model, AutoTokenizer.from_pretrained(name)


@cache
def cut(task: str, part: str, count: int, seed: int) -> list[str]:
    """Return at most ``count`` random pieces of a part of a text, each as long as 64 tokens of SmolLM2."""
    text = read(task, part)
    places = tokenizer()(text, verbose=False, return_offsets_mapping=True)["offset_mapping"]
    order = torch.randperm(len(places) // LENGTH, generator=torch.Generator().manual_seed(seed))[:count]
    return [text[places[k][0] : places[k + LENGTH - 1][1]] for k in (order * LENGTH).tolist()]


@torch.no_grad()
def nats(model: Any, reads: Any, texts: list[str]) -> list[float]:
    """Return the loss of all tokens of each text, in nats; the first token counts only after one for the beginning."""
    found = []
    for text in texts:
        ids = reads(text, return_tensors="pt")["input_ids"]
        logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
        found.append(float(nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")))
    return found
