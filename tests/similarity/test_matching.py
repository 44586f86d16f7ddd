"""How many tensors are paired or skipped, and why, for the names of SD-1.5, LCM and the BK-SDM students."""

from collections import Counter

import pytest
import torch

from ioadapt_theory.checkpoints.checkpoint import InMemory
from ioadapt_theory.similarity.matching import Matching, paired
from tests.similarity.models import held, rows

MODELS = ("sd15", "lcm", "bk-sdm-base", "bk-sdm-small", "bk-sdm-tiny")


def without_values(model: str) -> InMemory:
    """Return a checkpoint with names and real shapes."""
    shapes = {r["name"]: r["sd15"] if r[model] == "=" else r[model] for r in rows()}
    return held(
        model, {n: torch.empty([*map(int, s.split("x"))], device="meta") for n, s in shapes.items() if s != "-"}
    )


def matched(*models: str) -> Matching:
    return paired([without_values(m) for m in models], models)


def common(matching: Matching, count: int) -> tuple[int, float]:
    layers = [x for x in matching.layers if len(x.models) == count]
    return len(layers), round(sum(x.numel for x in layers) / 1e6, 1)


@pytest.mark.parametrize(
    ("models", "layers"),
    [
        (("sd15", "lcm"), (686, 859.5)),
        (("sd15", "bk-sdm-base"), (434, 548.7)),
        (("sd15", "bk-sdm-tiny"), (148, 166.9)),
        (MODELS, (148, 166.9)),
    ],
)
def test_common_layers_and_parameters(models: tuple[str, ...], layers: tuple[int, float]):
    assert common(matched(*models), len(models)) == layers


def test_models_of_other_depths_are_paired_with_a_warning():
    (note,) = matched("sd15", "bk-sdm-base").notes
    assert "sd15 has 132 numbered modules, and bk-sdm-base has 88." in note
    assert "the same name may refer to different layers; `ioadapt transfer --match provenance`" in note
    assert matched("sd15", "lcm").notes == ()


def test_every_tensor_is_paired_or_left_out_with_a_reason():
    matching = matched("sd15", "bk-sdm-tiny")
    reasons = Counter((*s.models, s.reason.split(":")[0]) for s in matching.skipped)
    both = ("sd15", "bk-sdm-tiny")
    alone = "in no other model"
    assert reasons == {(both[0], alone): 380, (both[1], alone): 52, (*both, "shapes differ"): 158}
    assert len(matching.layers) + 380 + 158 == 686
    assert len(matching.layers) + 52 + 158 == 358


def test_shapes_are_compared_without_trailing_ones_and_never_broadcast():
    one = {"w": torch.ones(3, 2, 1, 1), "b": torch.ones(3), "c": torch.ones(2, 3), "n": torch.tensor(3)}
    two = {"w": torch.ones(3, 2), "b": torch.ones(1), "c": torch.ones(3, 2), "n": torch.tensor(3)}
    matching = paired([held(n, x | {"e": torch.ones(0, 4)}) for n, x in (("a", one), ("b", two))], "ab")
    assert [(x.name, x.shape) for x in matching.layers] == [("w", (3, 2, 1, 1))]
    assert {s.name: s.reason for s in matching.skipped} == {
        "e": "no elements",
        "n": "not floating point (I64)",
        "b": "shapes differ: [3] in a, [1] in b",
        "c": "shapes differ: [2, 3] in a, [3, 2] in b",
    }


def test_one_name_may_be_two_layers_when_shapes_agree_in_pairs():
    checkpoints = [held(n, {"w": torch.ones(s)}) for n, s in (("a", 2), ("b", 2), ("c", 3), ("d", 3))]
    assert [x.models for x in paired(checkpoints, "abcd").layers] == [(0, 1), (2, 3)]


def test_a_convolution_of_one_tap_is_a_convolution():
    shapes = {"down_blocks.1.resnets.0.conv_shortcut.weight": (64, 32, 1, 1), "proj_in.weight": (32, 32)}
    pair = [held(n, {name: torch.ones(shape) for name, shape in shapes.items()}) for n in "ab"]
    assert [layer.kind for layer in paired(pair, "ab").layers] == ["conv", "other"]
