"""Layers of two models are matched by their contents, in any order; missing evidence is reported."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from ioadapt_theory.checkpoints.alignment import Contents, Origins, by_contents

Model = dict[str, np.ndarray]
KINDS = {"attn.q": (8, 16), "attn.o": (16, 8), "mlp.up": (24, 16), "mlp.down": (16, 24)}


def numbers(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def transformer(depth: int, seed: int = 0) -> Model:
    g = numbers(seed)
    model = {f"model.layers.{i}.{k}.weight": g.normal(size=s) for i in range(depth) for k, s in KINDS.items()}
    return model | {"model.embed.weight": g.normal(size=(40, 16)), "head.weight": g.normal(size=(40, 16))}


def kept(model: Model, layers: Sequence[int], noise: float = 0.0, seed: int = 9) -> tuple[Model, dict[str, str]]:
    """Return a model with only the given layers, renumbered from 0, and the original name of each of its tensors."""
    origin = {name: name for name in model if "layers" not in name}
    for new, old in enumerate(layers):
        origin |= {n.replace(f"layers.{old}.", f"layers.{new}."): n for n in model if f"layers.{old}." in n}
    g = numbers(seed)
    return {new: model[old] + noise * g.normal(size=model[old].shape) for new, old in origin.items()}, origin


def contents(model: Model) -> Contents:
    return Contents({n: v.shape for n, v in model.items()}, lambda n: model[n].ravel())


def traced(source: Model, target: Model) -> Origins:
    return by_contents(contents(source), contents(target)) or Origins()


ORDERS = {
    "the same": [0, 1, 2, 3, 4, 5, 6, 7],
    "pruned": [0, 2, 3, 7],
    "swapped": [2, 1, 0, 3, 4, 5, 6, 7],
    "doubled": [0, 1, 2, 3, 4, 2, 3, 4, 5, 6, 7],
    "shuffled, doubled, pruned": [5, 0, 5, 2, 1, 7],
}


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_every_layer_is_found_in_any_order(order, noise):
    source = transformer(8)
    target, origin = kept(source, order, noise)
    origins = traced(source, target)
    assert origins.of == origin
    assert origins.with_block == frozenset()
    assert origins.contradicted.keys() == {new for new, old in origin.items() if new != old and new in source}


def test_strangers_have_no_layer_in_common():
    """None of 5,000 unrelated pairs is similar by 6 standard errors, even with heavy tails or only 12 values."""
    for seed in range(8):
        for one, other in ((6, 6), (9, 6)):
            assert by_contents(contents(transformer(one, seed)), contents(transformer(other, seed + 100))) is None
    heavy = [{f"l.{i}.w": numbers(s + i).standard_cauchy((8, 8)) for i in range(20)} for s in (0, 50)]
    small = [{f"l.{i}.w": numbers(s + i).normal(size=(3, 4)) for i in range(40)} for s in (0, 50)]
    assert all(by_contents(*map(contents, pair)) is None for pair in (heavy, small))


def test_a_layer_without_evidence_is_told_from_one_that_the_contents_contradict():
    source = transformer(5)
    target, _ = kept(source, [0, 1, 2, 3, 3])
    for name in target:
        if ".layers.1." in name or ".layers.3." in name:
            target[name] = numbers(7).normal(size=target[name].shape)
    origins = traced(source, target)
    one, three, four = (f"model.layers.{i}.attn.q.weight" for i in (1, 3, 4))
    assert one not in origins.of
    assert one not in origins.contradicted
    assert three not in origins.of
    assert origins.contradicted[three] == f"is new, and the layer that had this name is now {four}"
    assert origins.contradicted[four] == f"has the weights of {three}"


def test_a_layer_trained_anew_goes_with_its_block_and_a_block_put_in_comes_from_nowhere():
    source, other = transformer(8), transformer(1, 7)
    target, origin = kept(source, [0, 3, 4, 7, 7])
    target["model.layers.2.mlp.up.weight"] = numbers(3).normal(size=KINDS["mlp.up"])
    for kind in KINDS:
        target[f"model.layers.4.{kind}.weight"] = other[f"model.layers.0.{kind}.weight"]
        del origin[f"model.layers.4.{kind}.weight"]
    origins = traced(source, target)
    assert origins.of == origin
    assert origins.with_block == {"model.layers.2.mlp.up.weight"}


def test_lists_within_lists_are_aligned_too():
    """A model like SSD-1B has fewer transformer blocks per attention and fewer attentions per block."""
    g, name = numbers(1), "up.{}.attn.{}.blocks.{}.{}.weight".format
    source = {name(*place): g.normal(size=(12, 16)) for place in product(range(3), range(3), range(4), "qv")}
    removed, origin = {(0, 1, 2), (0, 1, 3), (1, 2, 0), (2, 0, 1)}, {}
    for b in range(3):
        for new_a, a in enumerate([0, 2] if b == 1 else [0, 1, 2]):
            for new_t, t in enumerate(t for t in range(4) if (b, a, t) not in removed):
                origin |= {name(b, new_a, new_t, k): name(b, a, t, k) for k in "qv"}
    target = {new: source[old] + 0.2 * g.normal(size=(12, 16)) for new, old in origin.items()}
    assert traced(source, target).of == origin


def test_experts_of_a_moved_block_are_found_by_their_own_number(monkeypatch):
    g, name = numbers(1), "layers.{}.experts.{}.w".format
    source = {name(i, e): g.normal(size=(8, 8)) for i in range(4) for e in range(6)}
    target = {name(new, e): source[name(old, e)] for new, old in enumerate([0, 2, 3]) for e in range(6)}
    origin = {name(new, e): name(old, e) for new, old in enumerate([0, 2, 3]) for e in range(6)}
    for most in (10, 1000):
        monkeypatch.setattr("ioadapt_theory.checkpoints.alignment.MOST", most)
        assert traced(source, target).of == origin


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf])
def test_what_is_constant_or_not_finite_tells_nothing_and_breaks_nothing(value):
    source = transformer(6)
    target, origin = kept(source, [1, 4])
    for model in (source, target):
        for name in model:
            if "attn.o" in name:
                model[name] = np.full_like(model[name], value)
    aligned = traced(source, target)
    assert aligned.of == origin
    assert "model.layers.0.attn.o.weight" in aligned.with_block
