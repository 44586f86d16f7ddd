"""Layers of pruned and renumbered models are found by what they contain, each in its place or nowhere."""

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest

from ioadapt_theory.checkpoints.alignment import Alignment, Contents, _monotone, align

Model = dict[str, np.ndarray]
KINDS = {"attn.q": (8, 16), "attn.o": (16, 8), "mlp.up": (24, 16), "mlp.down": (16, 24)}


def numbers(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def transformer(depth: int, seed: int = 0) -> Model:
    g = numbers(seed)
    model = {f"model.layers.{i}.{k}.weight": g.normal(size=s) for i in range(depth) for k, s in KINDS.items()}
    return model | {"model.embed.weight": g.normal(size=(40, 16)), "head.weight": g.normal(size=(40, 16))}


def kept(model: Model, layers: Sequence[int], noise: float = 0.0, seed: int = 9) -> tuple[Model, dict[str, str]]:
    """The model with these layers alone, numbered from 0, and what each tensor was."""
    origin = {}
    for name in model:
        parts = name.split(".")
        if parts[1] == "layers":
            if int(parts[2]) not in layers:
                continue
            parts[2] = str(list(layers).index(int(parts[2])))
        origin[".".join(parts)] = name
    g = numbers(seed)
    return {new: model[old] + noise * g.normal(size=model[old].shape) for new, old in origin.items()}, origin


def contents(model: Model) -> Contents:
    return Contents({n: v.shape for n, v in model.items()}, lambda n: model[n].ravel())


def found(source: Model, target: Model) -> Alignment:
    return align(contents(source), contents(target))


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(20))
def test_no_layer_of_a_model_pruned_at_random_is_misplaced(seed, noise):
    depth = 16
    layers = sorted(random.Random(seed).sample(range(depth), random.Random(seed).randint(2, depth - 1)))
    source = transformer(depth, seed)
    target, origin = kept(source, layers, noise, seed + 1)
    assert found(source, target).origins == origin


def test_a_model_of_equal_depth_keeps_its_names():
    source = transformer(6)
    target, origin = kept(source, range(6), 0.5)
    aligned = found(source, target)
    assert aligned.origins == origin
    assert not aligned.moved
    assert all(r > 0.8 for r in aligned.correlations.values())


def test_a_stranger_is_by_its_names_alone_and_no_deeper_one_has_layers_in_it():
    aligned = found(transformer(6, 1), transformer(6, 2))
    assert not aligned.moved
    assert max(map(abs, aligned.correlations.values())) < 0.4
    deeper = found(transformer(9, 1), transformer(6, 2)).origins
    assert set(deeper) == {"model.embed.weight", "head.weight"}


def test_layers_that_were_added_come_from_nowhere():
    source = transformer(5)
    target, origin = kept(source, range(5))
    other = transformer(1, 7)
    grown = {n: v for n, v in target.items() if "layers" not in n}
    for new, old in enumerate([0, 1, None, 2, 3, 4]):
        for kind in KINDS:
            layer = (
                other[f"model.layers.0.{kind}.weight"] if old is None else source[f"model.layers.{old}.{kind}.weight"]
            )
            grown[f"model.layers.{new}.{kind}.weight"] = layer
    origins = found(source, grown).origins
    assert len(origins) == len(origin)
    assert all(np.array_equal(grown[new], source[old]) for new, old in origins.items())


def test_one_matrix_of_a_layer_that_was_trained_anew_goes_with_the_layer():
    source = transformer(8)
    target, origin = kept(source, [0, 3, 4, 7])
    target["model.layers.2.mlp.up.weight"] = numbers(3).normal(size=KINDS["mlp.up"])
    assert found(source, target).origins == origin


def test_lists_within_lists_are_aligned_too():
    """As SSD-1B: fewer transformer blocks in an attention, fewer attentions in a block."""
    g = numbers(1)
    source = {
        f"up.{b}.attn.{a}.blocks.{t}.{k}.weight": g.normal(size=(12, 16))
        for b in range(3)
        for a in range(3)
        for t in range(4)
        for k in "qv"
    }
    removed = {(0, 1, 2), (0, 1, 3), (1, 2, 0), (2, 0, 1)}
    target, origin = {}, {}
    for b in range(3):
        for new_a, a in enumerate([0, 2] if b == 1 else [0, 1, 2]):
            for new_t, t in enumerate(t for t in range(4) if (b, a, t) not in removed):
                for k in "qv":
                    old, new = (
                        f"up.{b}.attn.{a}.blocks.{t}.{k}.weight",
                        f"up.{b}.attn.{new_a}.blocks.{new_t}.{k}.weight",
                    )
                    target[new], origin[new] = source[old] + 0.2 * g.normal(size=(12, 16)), old
    assert found(source, target).origins == origin


def test_whole_levels_that_are_gone_move_the_rest():
    source = {
        f"up.{b}.r.{i}.w": numbers(10 * b + i).normal(size=(16, 16 + (b > 1))) for b in range(4) for i in range(3)
    }
    target = {f"up.{b - 1}.r.{j}.w": source[f"up.{b}.r.{i}.w"] for b in (1, 2, 3) for j, i in enumerate((0, 2))}
    assert found(source, target).origins == {
        f"up.{b - 1}.r.{j}.w": f"up.{b}.r.{i}.w" for b in (1, 2, 3) for j, i in enumerate((0, 2))
    }


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf])
def test_what_is_constant_or_not_finite_tells_nothing_and_breaks_nothing(value):
    source = transformer(6)
    target, origin = kept(source, [1, 4])
    for model in (source, target):
        for name in model:
            if "attn.o" in name:
                model[name] = np.full_like(model[name], value)
    aligned = found(source, target)
    assert aligned.origins == origin
    assert np.isnan(aligned.correlations["model.layers.0.attn.o.weight"])


def test_alike_layers_keep_their_numbers():
    one = transformer(1)
    model = {n.replace("layers.0", f"layers.{i}"): v for i in range(4) for n, v in one.items()}
    shorter = {n: v for n, v in model.items() if "layers.3" not in n}
    assert not found(model, shorter).moved
    assert not found(model, model).moved


def test_the_monotone_pairing_is_the_best_of_all():
    def best(gain: np.ndarray, i: int = 0, j: int = 0) -> float:
        if i == gain.shape[0] or j == gain.shape[1]:
            return 0.0
        return max(best(gain, i + 1, j), best(gain, i, j + 1), gain[i, j] + best(gain, i + 1, j + 1))

    for seed in range(30):
        g = numbers(seed)
        gain = np.where(g.random((4, 5)) < 0.6, g.random((4, 5)), 0)
        pairs = _monotone(gain)[::-1]
        assert all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(pairs))
        assert sum(gain[p] for p in pairs) == pytest.approx(best(gain), abs=1e-6)
