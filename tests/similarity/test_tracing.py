"""Pruned and renumbered models are paired by what they contain; "equal names are equal layers" is said if checked."""

import random
from collections.abc import Sequence

import pytest
import torch

from ioadapt_theory.similarity import Options, compare
from ioadapt_theory.similarity.tracing import match_by_provenance
from tests.similarity.memory import held, noisy

Model = dict[str, torch.Tensor]
NAME, PROVENANCE = "name", "provenance"


def llm(depth: int, seed: int = 0, h: int = 32) -> Model:
    g = torch.Generator().manual_seed(seed)
    made = {"model.embed_tokens.weight": torch.randn(100, h, generator=g)}
    for i in range(depth):
        p = f"model.layers.{i}."
        made |= {f"{p}self_attn.{q}_proj.weight": torch.randn(h, h, generator=g) for q in "qkvo"}
        made |= {
            f"{p}mlp.{n}_proj.weight": torch.randn(s, generator=g)
            for n, s in (("up", (2 * h, h)), ("down", (h, 2 * h)))
        }
        made |= {f"{p}{n}_layernorm.weight": 1 + 0.1 * torch.randn(h, generator=g) for n in ("input", "post_attention")}
    return made | {"model.norm.weight": 1 + 0.1 * torch.randn(h, generator=g)}


def pruned(model: Model, kept: Sequence[int], noise: float = 0.1) -> tuple[Model, dict[str, str]]:
    origin = {n: n for n in model if "layers." not in n}
    for new, old in enumerate(kept):
        origin |= {n.replace(f"layers.{old}.", f"layers.{new}."): n for n in model if f"layers.{old}." in n}
    return noisy({new: model[old] for new, old in origin.items()}, noise, 5), origin


def mean(models: Sequence[Model], match: str) -> tuple[float, tuple[str, ...]]:
    c = compare(*(held(n, m) for n, m in zip("abc", models, strict=False)), options=Options(match=match))  # type: ignore[arg-type]
    return c.mean((0, 1)).mean or 0.0, c.notes


def test_a_pruned_language_model_is_compared_with_the_layers_it_was_made_from():
    base = llm(12)
    made, origin = pruned(base, [0, 1, 2, 3, 8, 9, 10, 11])
    wrapped = {f"module.{name}": w for name, w in made.items()}
    assert mean((base, wrapped), PROVENANCE)[0] > 0.99
    by_name, notes = mean((base, made), NAME)
    assert by_name < 0.8
    assert any("32 of 66 common names (24 of them matrices" in n and "see --match provenance" in n for n in notes)
    traced, notes = mean((base, made), PROVENANCE)
    assert traced > 0.99
    assert "b is traced back to a: 24 of 49 matrices have other numbers there" in notes
    assert not any("equal names are equal layers" in note for note in notes)
    matching = match_by_provenance([held("a", base), held("b", made)], "ab")
    assert {x.tensors[1]: x.tensors[0] for x in matching.layers} == origin


@pytest.mark.parametrize("seed", range(8))
def test_no_layer_is_misplaced_when_layers_are_removed_at_random(seed: int):
    rng, base = random.Random(seed), llm(10, seed)
    made, origin = pruned(base, sorted(rng.sample(range(10), rng.randint(2, 9))), rng.choice([0.0, 0.1, 0.5, 1.0]))
    for turned in (False, True):  # whichever comes first
        pair = [held("a", base), held("b", made)][:: -1 if turned else 1]
        layers = match_by_provenance(pair, "ba" if turned else "ab").layers
        assert {x.tensors[not turned]: x.tensors[turned] for x in layers} == origin


def test_equal_names_are_called_equal_layers_when_they_are():
    base = llm(4)
    _, notes = mean((base, noisy(base, 0.3, 1)), PROVENANCE)
    assert notes == ("equal names are equal layers: b has the layers of a in the same places",)
    assert mean((base, noisy(base, 0.3, 1)), NAME)[1] == ()


def test_of_strangers_nothing_is_claimed():
    _, notes = mean((llm(4), llm(4, 1)), PROVENANCE)
    assert notes == ("b has no layer of a, so layers of equal names were paired",)
    _, notes = mean((llm(6), llm(4, 1)), NAME)
    assert notes == ()


def test_three_models_are_traced_to_the_first():
    base = llm(8)
    one, first = pruned(base, [0, 2, 5])
    two, second = pruned(base, [2, 3, 5, 7])
    layers = match_by_provenance([held("a", base), held("b", one), held("c", two)], "abc").layers
    assert {x.tensors[1]: x.tensors[0] for x in layers if x.tensors[1]} == first
    assert {x.tensors[2]: x.tensors[0] for x in layers if x.tensors[2]} == second


def test_a_layer_that_the_first_does_not_have_has_no_partner():
    base, other = llm(4), llm(5, 3)
    grown = dict(base)
    for i in (4, 3, 2):  # a new layer 2
        for n in [n for n in base if f"layers.{i - 1}." in n]:
            grown[n.replace(f"layers.{i - 1}.", f"layers.{i}.")] = base[n] if i > 2 else other[n]
    matching = match_by_provenance([held("a", base), held("b", grown)], "ab")
    assert len(matching.layers) == len(base)
    assert {s.name for s in matching.skipped} >= {"model.layers.2.self_attn.q_proj.weight of b"}


def test_of_a_block_that_stands_twice_the_second_is_left_out_by_name():
    base = llm(4)
    made, _ = pruned(base, [0, 1, 1, 2, 3])
    matching = match_by_provenance([held("a", base), held("b", made)], "ab")
    assert len(matching.layers) == len(base)
    assert {s.name for s in matching.skipped} == {f"{n.replace('.1.', '.2.')} of b" for n in base if "layers.1." in n}
