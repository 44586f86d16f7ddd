"""Sketches keep distances, the shortest tree over them has the parents, and direction comes from norms."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.cli import MISUSE, OK, main
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.similarity.many import kept
from ioadapt_theory.similarity.many.distances import exact, of_checkpoints, of_sketches
from ioadapt_theory.similarity.many.sketch import buckets_for, merge, sketch
from ioadapt_theory.similarity.many.tree import Node, tree
from tests.similarity.memory import Held, held

SHAPES = {"a.weight": (96, 80), "b.weight": (80, 96), "b.bias": (80,), "conv.weight": (24, 16, 3, 3)}


def weights(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {k: torch.randn(s, generator=generator, dtype=torch.float32) for k, s in SHAPES.items()}


def plus(base: dict[str, torch.Tensor], size: float, seed: int) -> dict[str, torch.Tensor]:
    return {k: v + size * weights(seed)[k] for k, v in base.items()}


def flat(values: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([v.flatten() for v in values.values()]).double()


def test_a_sketch_is_linear_and_keeps_small_tensors_and_norms_exactly():
    a, b = weights(1), weights(2)
    one, two, both = (sketch(held("m", v), 100) for v in (a, b, {k: a[k] - 2 * b[k] for k in a}))
    for key, part in both.parts.items():
        np.testing.assert_allclose(part.buckets, one.parts[key].buckets - 2 * two.parts[key].buckets, atol=1e-4)
        assert part.square == pytest.approx(float((a[key.split()[0]] - 2 * b[key.split()[0]]).double().square().sum()))
    np.testing.assert_array_equal(one.parts["b.bias 80"].buckets, a["b.bias"].numpy())


def test_pieces_of_any_length_give_the_same_sketch(monkeypatch: pytest.MonkeyPatch):
    from ioadapt_theory.similarity.many import sketch as module

    monkeypatch.setattr(module, "_signs", lambda key, number, n: torch.ones(n))
    whole = sketch(held("m", weights(1)), 50)
    read = module.read_chunks
    monkeypatch.setattr(module, "read_chunks", lambda c, info: read(c, info, 37))
    for key, part in sketch(held("m", weights(1)), 50).parts.items():
        np.testing.assert_allclose(part.buckets, whole.parts[key].buckets, atol=1e-4)


@pytest.mark.parametrize("what", ["noise", "low rank", "a column", "a few entries"])
def test_distances_of_sketches_are_those_of_weights_within_their_deviation(what: str):
    base = weights(0)
    errors = []
    for seed in range(30):
        change = weights(seed + 10)
        if what == "low rank":
            change = {
                k: (v.flatten(1)[:, :1] @ v.flatten(1)[:1]).view(v.shape) if v.ndim > 1 else 0 * v
                for k, v in change.items()
            }
        elif what == "a column":
            change = {
                k: v * (torch.arange(v.shape[1]) == seed).view(1, -1, *[1] * (v.ndim - 2)) if v.ndim > 1 else 0 * v
                for k, v in change.items()
                if k != "conv.weight"
            }
        elif what == "a few entries":
            change = {k: v * (torch.rand(v.shape) < 0.002) for k, v in change.items()}
        other = {k: v + 0.01 * change.get(k, 0 * v) for k, v in base.items()}
        found = of_sketches([sketch(held(n, v), 64) for n, v in (("a", base), ("b", other))])
        true = float((flat(base) - flat(other)).norm())
        errors.append(found.distance[0, 1] / true - 1)
        assert found.norm[0, 1] == pytest.approx(float(flat(base).norm()))
    assert abs(np.mean(errors)) < 0.08
    assert np.std(errors) < (0.1 if what in ("noise", "low rank") else 0.2)


def test_exact_distances_are_those_of_numpy_in_one_pass_or_pair_by_pair():
    models = [weights(0), plus(weights(0), 1e-4, 1), weights(2)]
    opened = [held(f"m{i}", v) for i, v in enumerate(models)]
    found = of_checkpoints(opened)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        d = float((flat(models[i]) - flat(models[j])).norm())
        assert found.distance[i, j] == pytest.approx(d, rel=1e-7)
        assert exact(opened[i], opened[j]) == pytest.approx(
            (d, float(flat(models[i]).norm()), float(flat(models[j]).norm()))
        )
    assert found.cosine[0, 1] > 0.99999
    assert abs(found.cosine[0, 2]) < 0.05


def family(count: int, seed: int) -> tuple[list[Held], list[int | None]]:
    """Fine-tunes of fine-tunes of two strangers."""
    rng = np.random.default_rng(seed)
    models, parents = [weights(1), weights(2)], [None, None]
    for i in range(2, count):
        parents.append(int(rng.integers(0, i)))
        models.append(plus(models[parents[-1]], float(np.exp(rng.uniform(np.log(0.02), np.log(0.3)))), 1000 * seed + i))
    order = rng.permutation(count)
    place = {int(old): new for new, old in enumerate(order)}
    moved = [None if parents[old] is None else place[parents[old]] for old in order]
    return [held(f"m{old}", models[old]) for old in order], moved


@pytest.mark.parametrize("seed", [1, 2])
def test_parents_of_fine_tunes_of_fine_tunes_are_found_from_sketches(seed: int):
    models, parents = family(120, seed)
    sketches = [sketch(m, 700) for m in models]
    assert sum(s.nbytes for s in sketches) < 120 * 12_000
    found = tree(of_sketches(sketches))
    right = sum(node.parent == parent for node, parent in zip(found, parents, strict=True))
    assert right >= 117
    assert sum(node.parent is None for node in found) == 2


def test_near_pairs_are_measured_exactly_and_only_those():
    models, parents = family(40, 3)
    asked = []

    def measure(i: int, j: int) -> tuple[float, float, float]:
        asked.append((i, j))
        return exact(models[i], models[j])

    found = tree(of_sketches([sketch(m, 16) for m in models]), measure)
    assert sum(node.parent == parent for node, parent in zip(found, parents, strict=True)) >= 38
    assert len(asked) == len(set(asked)) < 400
    assert all(node.exact for node in found if node.parent is not None)
    for node in found:
        if node.parent is not None:
            d, norm, _ = exact(models[node.parent], models[[n.name for n in found].index(node.name)])
            assert node.distance == pytest.approx(d / norm)


def test_the_parent_is_the_end_from_which_norms_grow():
    base = weights(0)
    child = plus(base, 0.2, 5)
    for models in ([("p", base), ("c", child)], [("c", child), ("p", base)]):
        nodes = {n.name: n for n in tree(of_checkpoints([held(*m) for m in models]))}
        assert nodes["p"].parent is None
        assert nodes["c"].evidence == pytest.approx(1, abs=0.2)


def test_copies_have_no_distance_and_no_direction():
    nodes = tree(of_checkpoints([held(n, weights(0)) for n in "abc"]))
    assert sum(node.parent is None for node in nodes) == 1
    assert {node.distance for node in nodes} == {0.0}


def test_models_of_other_shapes_are_families_of_their_own():
    other = held("x", {"other.weight": torch.randn(4, 4, dtype=torch.float32)})
    nodes = tree(
        of_sketches([sketch(m, 64) for m in (held("a", weights(0)), other, held("b", plus(weights(0), 0.1, 1)))])
    )
    assert [node.parent is None for node in nodes].count(True) == 2
    assert nodes[1].next is None


def test_parts_of_a_model_merge_and_unlike_sketches_do_not():
    whole, v = sketch(held("m", weights(0)), 64), weights(0)
    names = list(v)
    parts = [sketch(held("m", {k: v[k] for k in some}), 64) for some in (names[:2], names[2:])]
    merged = merge(*parts)
    assert merged.parts.keys() == whole.parts.keys()
    assert all(np.array_equal(merged.parts[k].buckets, whole.parts[k].buckets) for k in whole.parts)
    with pytest.raises(InvalidValueError, match=r"both hold a.weight"):
        merge(whole, parts[0])
    with pytest.raises(InvalidValueError, match="64 and of 65 buckets"):
        merge(whole, sketch(held("n", {}), 65))
    with pytest.raises(InvalidValueError, match="64, 65 buckets"):
        of_sketches([whole, sketch(held("n", v), 65)])
    with pytest.raises(InvalidValueError, match="at least 8"):
        sketch(held("m", v), 2)


def test_a_sketch_is_as_large_as_it_is_told_to_be():
    checkpoint = held("m", weights(0))
    for kilobytes in (2, 8, 30):
        made = sketch(checkpoint, buckets_for(checkpoint, kilobytes))
        assert 0.7 * kilobytes * 1000 < made.nbytes < 1.05 * kilobytes * 1000


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    base = weights(0)
    models = {
        "base": base,
        "tuned": plus(base, 0.1, 1),
        "again": plus(plus(base, 0.1, 1), 0.05, 2),
        "other": weights(9),
    }
    for name, values in models.items():
        save_file(values, tmp_path / f"{name}.safetensors")
    return [str(tmp_path / f"{name}.safetensors") for name in models]


def parents_of(text: str) -> dict[str, str | None]:
    stem = {m["name"]: Path(m["name"]).stem for m in json.loads(text)["models"]}
    return {stem[m["name"]]: m["parent"] and stem[m["parent"]] for m in json.loads(text)["models"]}


TRUE = {"base": None, "tuned": "base", "again": "tuned", "other": None}


def test_the_command_tells_the_family_exactly_or_by_sketches_that_it_keeps(files, tmp_path, capsys):
    folder = tmp_path / "kept"
    assert main(["similarity", "tree", *files, "--format", "json"]) == OK
    assert parents_of(capsys.readouterr().out) == TRUE
    assert main(["similarity", "sketch", *files[:2], "--sketches", str(folder), "--buckets", "500"]) == OK
    assert capsys.readouterr().out.count("kB") == 2
    before = {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    figure = tmp_path / "d.svg"
    command = ["similarity", "tree", *files, "--sketches", str(folder), "--format", "json", "--figure", str(figure)]
    assert main(command) == OK
    assert parents_of(capsys.readouterr().out) == TRUE
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert len(list(folder.iterdir())) == 4
    assert "<svg" in figure.read_text(encoding="utf-8")
    for file in files:
        Path(file).unlink()  # the folder alone is enough
    assert main(["similarity", "tree", "--sketches", str(folder), "--no-recheck"]) == OK
    out = capsys.readouterr().out
    assert "4 models in 2 families" in out
    assert "by sketches" in out


def test_reading_can_be_spread_over_any_executor(files, tmp_path):
    with ThreadPoolExecutor(2) as executor:
        paths = kept.sketch_all(files, tmp_path / "kept", executor=executor)
    alone = kept.sketch_all(files, tmp_path / "alone")
    for one, two in zip(paths, alone, strict=True):
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("damage", [lambda b: b[:40], lambda b: b"{}", lambda b: b.replace(b"buckets", b"bukkets")])
def test_a_broken_sketch_is_one_sentence_and_is_made_anew_from_its_model(damage, files, tmp_path):
    (path,) = kept.sketch_all(files[:1], tmp_path / "kept", 64)
    good = path.read_bytes()
    path.write_bytes(damage(good))
    with pytest.raises(FileFormatError, match="sketch"):
        kept.load(path)
    assert kept.sketch_all(files[:1], tmp_path / "kept", 64) == [path]
    assert kept.load(path).parts.keys()


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["tree"], "two models or more, got 0"),
        (["tree", "ani-1x:0"], "two models or more, got 1"),
        (["sketch", "ani-1x:0"], "--sketches FOLDER"),
        (["tree", *["x"] * 33], "33 models are too many to read side by side"),
        (["tree", "a", "b", "--figure", "x.gif"], "A figure is written as"),
    ],
)
def test_mistakes_are_one_sentence(args, sentence, capsys):
    assert main(["similarity", *args]) == MISUSE
    assert sentence in capsys.readouterr().err


def test_a_node_says_what_it_is():
    assert {"name", "parent", "distance", "evidence", "exact", "next"} == set(Node.__slots__)
