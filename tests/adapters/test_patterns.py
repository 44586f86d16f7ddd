"""Patterns choose as PEFT's do, for one layer as for thousands, and a slow one ends."""

import re
import time

import pytest

from ioadapt_theory.adapters import AdapterConfig
from ioadapt_theory.adapters.rules import patterns
from ioadapt_theory.adapters.rules.patterns import first_fit
from ioadapt_theory.errors import InvalidValueError

NAMES = [
    "model.layers.0.self_attn.q_proj", "model.layers.10.self_attn.q_proj", "q_proj", "my_q_proj", "a.b", "aXb", "c.a.b",
    "c.aXb", "to_out.0", "x.to_out.0", "x.to_out-0", "layers.1", "a+b", "x.a+b",
]  # fmt: skip
PATTERNS = [
    "q_proj", "^q_proj", r"a\.b", "a.b", "^a.b", "to_out.0", r"^x\.to_out\.0", r"layers\.\d+", "layers.*q_proj",
    "(a|my_q_proj)", r"a\+b", r"layers\.0\..*", "^model", ".*", "", "layers.1$", r"^(?:(?!self|lm_head).)*(q_proj)$",
    r"(?:.*?(?:layers|text).*?(?:attn|mlp).*?(?:q_proj|k_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:mlp))",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr(patterns, "_spent", 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_that_fits_is_peft_s(name):
    for some in (PATTERNS, PATTERNS[::-1], PATTERNS[3:9], *([p] for p in PATTERNS)):
        theirs = next((p for p in some if re.match(rf"(.*\.)?({p})$", name)), None)  # get_pattern_key of PEFT
        assert first_fit(some, name) == theirs, some


def test_a_pattern_for_each_of_twenty_thousand_layers_is_found_in_no_time():
    names = [f"blocks.{i}.attn.to_q" for i in range(20_000)]
    places = {("^" if i % 2 else "") + re.escape(n): i for i, n in enumerate(names)}
    start = time.process_time()
    assert all(places[str(first_fit(places, name))] == i for i, name in list(enumerate(names))[::100])
    assert time.process_time() - start < 10


@pytest.mark.parametrize("pattern", ["(a|a)" * 40 + "c", "((a{1000}){1000}){1000}"])
def test_a_pattern_that_runs_for_ever_or_fills_the_memory_is_one_sentence(pattern):
    start, name = time.process_time(), "a" * 60 + "b"
    with pytest.raises(InvalidValueError, match=r"^Pattern .* (takes more than 1 s: repeat nothing|repeats more)"):
        first_fit([pattern], name)
    with pytest.raises(InvalidValueError, match=r"^Pattern"):
        AdapterConfig(target_modules=["q"], rank_pattern={pattern: 2}).resolve(name)
    assert time.process_time() - start < 8
