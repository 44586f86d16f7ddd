import re
import time

import pytest
import torch
from torch import nn

from benchmarks.measure import peak
from ioadapt_theory.adapters import AdapterConfig, NoMatchError, adapt, layers, merge, patterns
from ioadapt_theory.adapters.patterns import first_fit
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, UnsupportedError


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = nn.Linear(12, 8), nn.Linear(12, 8), nn.Linear(12, 8)
        self.to_out = nn.ModuleList([nn.Linear(8, 12), nn.Dropout(0.0)])


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.ModuleDict({"attn": Attention(), "norm": nn.LayerNorm(12)}) for _ in range(2)])
        self.head = nn.Linear(12, 3)

    def get_output_embeddings(self) -> nn.Module:
        return self.head


def adapted(**options: object) -> list[str]:
    return list(layers(adapt(Net(), **{"placement": "input", "rank": 2} | options)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"target_modules": ["to_q", "attn.to_k"]}, [f"blocks.{i}.attn.to_{n}" for i in (0, 1) for n in "qk"]),
        ({"target_modules": r"blocks\.1\.attn\.to_[qv]"}, ["blocks.1.attn.to_q", "blocks.1.attn.to_v"]),
        ({"target_modules": ["to_q"], "exclude_modules": r"blocks\.0\..*"}, ["blocks.1.attn.to_q"]),
        ({"target_modules": "blocks.0.attn.to_[qk]", "exclude_modules": ["to_k"]}, ["blocks.0.attn.to_q"]),
    ],
)
def test_a_list_matches_by_suffix_at_a_dot_and_a_string_is_a_regular_expression_for_the_whole_name(options, expected):
    assert adapted(**options) == expected


def test_all_linear_leaves_the_output_head_out():
    names = adapted(target_modules="all-linear")
    assert len(names) == 8
    assert "head" not in names


def test_all_linear_leaves_convolutions_with_their_own_forward_out():
    class Quantised(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x)

    model = adapt(nn.Sequential(Quantised(3, 4, 1), nn.Linear(4, 5)), target_modules="all-linear", placement="input")
    assert list(layers(model)) == ["1"]


def test_what_matches_nothing_or_cannot_be_adapted_is_named():
    for wanted, hint in ((["o_q"], "no module"), ("to_q", r"must match the whole name; give \['to_q'\] for")):
        with pytest.raises(NoMatchError, match=hint):  # a suffix that does not start after a dot; not the whole name
            adapted(target_modules=wanted)
    with pytest.raises(NoMatchError, match=r"'to_queue' matches no module.*Similar names: to_q.*end in: 0, head, to_k"):
        adapted(target_modules="to_queue")
    with pytest.raises(NoMatchError, match="matches only excluded modules; change target_modules or exclude_modules"):
        adapted(target_modules=["to_q"], exclude_modules=["to_q", "norm"])
    with pytest.warns(UserWarning, match=r"\['query'\] match no module"):
        adapted(target_modules=["to_q", "query"])
    with pytest.raises(UnsupportedError, match=r"blocks\.0\.norm: LayerNorm cannot be adapted"):
        adapted(target_modules=["norm"])


def test_overrides_by_pattern():
    placements = {"to_out.0": "output", "blocks.1.*to_q": "weight"}
    overrides = {"placement_pattern": placements, "rank_pattern": {r"0\.attn\.to_q": 4}, "alpha_pattern": {"to_k": 6}}
    model = adapt(Net(), target_modules=["to_q", "to_k", "to_out.0"], placement="input", rank=2, **overrides)
    expected = {"0.attn.to_q": ("input", 4, 1.0), "1.attn.to_q": ("weight", 2, 1.0), "1.attn.to_k": ("input", 2, 3.0)}
    for name, plan in {**expected, "0.attn.to_out.0": ("output", 2, 1.0)}.items():
        ((placement, phi),) = layers(model)[f"blocks.{name}"].adapters["default"].parts()
        assert (placement, phi.rank, phi.scaling) == plan


def test_merging_refuses_a_non_finite_result_and_leaves_every_layer_as_it_was():
    model = adapt(Net(), target_modules=["to_q", "to_v"], placement="input", init="random")
    layers(model)["blocks.1.attn.to_v"].adapters["default"]["input"].B.data[0, 0] = float("inf")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(InvalidValueError, match=r"blocks\.1\.attn\.to_v: The merged weight contains NaN or infinity"):
        merge(model)
    assert not any(layer.merged for layer in layers(model).values())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


MISSING = object()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rank": 0}, "rank must be a whole number from 1 to 268,435,456, not 0"),
        ({"dropout": "0.1"}, "dropout must be a probability.*not '0.1'"),
        ({"dtype": torch.int8}, r"dtype must be one of torch.bfloat16,"),
        ({"placement": "inptu"}, "Unknown placement 'inptu'. Did you mean 'input'"),
        ({"placement": "input+input"}, "must not contain a side twice"),
        ({"placement": "input+weight", "rank": (1, 2, 3)}, "one per part of placement 'input\\+weight', not"),
        ({"placement": MISSING}, "placement is missing: give 'input' or 'output'"),
        ({"rank_pattern": {"(": 2}}, "not a valid regular expression"),
        ({"target_modules": None}, "target_modules must be a list of module names"),
        ({"target_modules": MISSING}, "target_modules is missing: give module names"),
        ({"config": {"target_modules": ["0"]}}, "config must be an AdapterConfig, not dict; pass one, or its"),
        ({"model": "model"}, "model must be a torch.nn.Module, not str"),
        ({"r": 2, "rank": 4}, "'r' and 'rank' set the same option"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights must be True, False"),
        ({"lora_aplha": 1}, "'lora_aplha'. Did you mean 'lora_alpha'"),
        ({"name": "has.dot"}, "is not a valid adapter name"),
        ({"name": "items"}, "is not a valid adapter name"),
    ],
)
def test_mistakes_in_adapt_are_one_sentence_and_change_nothing(options, sentence):
    model = Net()
    whole = {"target_modules": ["to_q"], "placement": "input", **options}
    given = {name: value for name, value in whole.items() if value is not MISSING}
    with pytest.raises((InvalidValueError, UnknownNameError), match=sentence):
        adapt(given.pop("model", model), given.pop("config", None), **given)
    assert not layers(model)
    assert all(p.requires_grad for p in model.parameters())


def test_peft_s_names_are_taken():
    options = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.1, "init_lora_weights": False, "use_dora": True}
    model = adapt(Net(), target_modules=["to_q"], placement="input", **options)
    adapter = layers(model)["blocks.0.attn.to_q"].adapters["default"]
    phi = adapter["input"]
    assert (phi.rank, phi.scaling, phi.spec.dropout, phi.spec.init) == (4, 2.0, 0.1, "random")
    assert adapter.family == "dora"


def test_merging_for_good_takes_the_memory_of_one_layer():
    def built() -> nn.Module:
        model = nn.Sequential(*(nn.Linear(200, 200) for _ in range(8)))
        return adapt(
            model, target_modules=[str(i) for i in range(8)], placement="input", family="dora", init="random", rank=2
        )

    one = 8 * 200 * 201
    assert peak(lambda: merge(built())) - peak(built) > 7 * one
    assert peak(lambda: merge(built(), unload=True)) - peak(built) < 1.5 * one


# patterns for names

NAMES = [
    "model.layers.0.self_attn.q_proj", "model.layers.10.self_attn.q_proj", "q_proj", "my_q_proj", "a.b", "aXb", "c.a.b",
    "c.aXb", "to_out.0", "x.to_out.0", "x.to_out-0", "layers.1", "a+b", "x.a+b",
]  # fmt: skip
PATTERNS = [
    "q_proj", "^q_proj", r"a\.b", "a.b", "^a.b", "to_out.0", r"^x\.to_out\.0", r"layers\.\d+", "layers.*q_proj",
    "(a|my_q_proj)", r"a\+b", r"layers\.0\..*", "^model", ".*", "", "layers.1$", r"^(?:(?!self|lm_head).)*(q_proj)$",
    r"(?:.*?(?:layers|text).*?(?:attn|mlp).*?(?:q_proj|k_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:mlp))",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_first_that_fits_is_peft_s(name):
    for some in (PATTERNS, PATTERNS[::-1], PATTERNS[3:9], *([p] for p in PATTERNS)):
        theirs = next((p for p in some if re.match(rf"(.*\.)?({p})$", name)), None)  # as PEFT's get_pattern_key
        assert first_fit(some, name) == theirs, some


@pytest.mark.parametrize("pattern", ["(a|a)" * 40 + "c", "((a{1000}){1000}){1000}"])
def test_a_pattern_that_runs_for_ever_or_fills_the_memory_is_one_sentence(pattern):
    start, name = time.process_time(), "a" * 60 + "b"
    with pytest.raises(InvalidValueError, match=r"^Pattern .* (takes too long to match|product above)"):
        first_fit([pattern], name)
    with pytest.raises(InvalidValueError, match=r"^Pattern"):
        AdapterConfig(target_modules=["q"], placement="input", rank_pattern={pattern: 2}).resolve(name)
    assert time.process_time() - start < 8


@pytest.mark.slow
def test_one_slow_pattern_does_not_refuse_others_and_long_alternations_are_not_slow():
    names = [f"transformer.single_transformer_blocks.{i}.attn.to_{side}" for i in range(114) for side in "qkv"]
    with pytest.raises(InvalidValueError, match="takes too long to match"):
        patterns.fits("(a|aa)+c", "a" * 60)
    for k in range(60):  # each takes more than 10 ms to compile
        assert patterns.fits("|".join(re.escape(name) for name in names[k:]), names[-1])
    assert patterns.fits("(a|aa)+b", "aab")
