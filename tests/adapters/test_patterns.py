"""Patterns choose as PEFT's do, for one layer as for thousands, and none of them runs for ever."""

import re
import time

import pytest

from ioadapt_theory.adapters import AdapterConfig
from ioadapt_theory.adapters.rules.patterns import first_fit
from ioadapt_theory.errors import InvalidValueError

NAMES = [
    "model.layers.0.self_attn.q_proj", "model.layers.10.self_attn.q_proj", "q_proj", "my_q_proj", "a.b", "aXb", "c.a.b",
    "c.aXb", "to_out.0", "x.to_out.0", "x.to_out-0", "layers.1", "a+b", "x.a+b",
]  # fmt: skip
PATTERNS = [
    "q_proj", "^q_proj", r"a\.b", "a.b", "^a.b", "to_out.0", r"^x\.to_out\.0", r"layers\.\d+", "layers.*q_proj",
    "(a|my_q_proj)", r"a\+b", r"layers\.0\..*", "^model", ".*", "", "layers.1$",
]  # fmt: skip


def as_peft(patterns: list[str], name: str) -> str | None:
    """get_pattern_key of PEFT, for a name without a line's end."""
    return next((p for p in patterns if re.match(rf"(.*\.)?({p})$", name)), None)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_that_fits_is_peft_s(name):
    for patterns in (PATTERNS, PATTERNS[::-1], PATTERNS[3:9], *([p] for p in PATTERNS)):
        assert first_fit(patterns, name) == as_peft(patterns, name), patterns


@pytest.mark.parametrize("escaped", [True, False])
def test_a_pattern_for_each_of_twenty_thousand_layers_is_found_in_no_time(escaped):
    names = [f"blocks.{i}.attn.to_q" for i in range(20_000)]
    patterns = {re.escape(n) if escaped else n: i for i, n in enumerate(names)}
    start = time.process_time()
    assert all(patterns[str(first_fit(patterns.keys(), name))] == i for i, name in list(enumerate(names))[::100])
    assert time.process_time() - start < 10


ENDLESS = {
    "alternatives one after the other": ("(a|a)" * 40 + "c", "a" * 60 + "b"),
    "any length thrice in a long name": (".*.*.*x", "a." * 480 + "to_q"),
    "a group that repeats": ("(a+)+c", "a" * 60 + "b"),
    "a counted group that repeats": ("((a{1000}){1000}){1000}", "b"),
    "optional letters": ("a?" * 30 + "a" * 30, "a" * 30),
    "nested alternatives": ("(a|(a|(a|b)))" * 12 + "c", "a" * 60),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_a_pattern_that_could_run_for_ever_is_refused_at_once(case):
    pattern, name = ENDLESS[case]
    start = time.process_time()
    with pytest.raises(InvalidValueError, match=rf"could run for ever.*at most {MOST_REPEATS}"):
        first_fit([pattern], name)
    assert time.process_time() - start < 1
    config = AdapterConfig(target_modules=["q"])
    with pytest.raises(InvalidValueError, match="could run for ever"):
        AdapterConfig(target_modules=["q"], rank_pattern={pattern: 2}).resolve(name)
    assert config.resolve(name)


@pytest.mark.parametrize(
    "pattern",
    [
        r"model\.layers\.(\d|1\d)\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj",
        "down_blocks.*(to_q|to_k).*",
        r"^(?!.*vision).*q_proj",
    ],
)
def test_what_people_write_is_not_refused(pattern):
    check([pattern])
    first_fit([pattern], "model.language_model.layers.31.self_attn.q_proj")


def test_a_plain_pattern_before_one_that_could_run_for_ever_is_taken():
    assert first_fit(["q", ".*.*.*x"], "a." * 480 + "q") == "q"


@pytest.mark.parametrize("name", ["target_modules", "exclude_modules"])
@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(x|xx)*y", r"(?:\.?\w)*z", "((.*)q)*", "(?P<n>(a*))+", "([ab]?c?){9,}d"]
)
def test_a_pattern_for_names_repeats_no_group_that_repeats(name, pattern):
    with pytest.raises(InvalidValueError, match="could run for ever: it repeats a group"):
        AdapterConfig(**{"target_modules": ["a"], name: pattern})


@pytest.mark.parametrize(
    "pattern",
    [
        "all-linear",
        r"^(?:(?!visual|lm_head).)*(q_proj|v_proj)$",
        r"(?:.*?(?:vision|text).*?(?:attn|mlp).*?(?:q_proj|k_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:mlp)\.(?:up))",
        r".*layers\.(4|5)\..*(q|k)_proj",
        r"(down_|mid_)?block[s+*]+(\.attn)*",
        r"x\(a+\)+",
    ],
)
def test_a_pattern_for_names_that_people_of_peft_write_is_taken(pattern):
    assert AdapterConfig(target_modules=pattern).target_modules == pattern
