"""Counts of what is paired, what is not and why, on the real names of SD-1.5, LCM and the BK-SDM students."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.similarity.matching import Match, Matching, paired
from tests.similarity.memory import held
from tests.similarity.models import rows, weights

MODELS = ("sd15", "lcm", "bk-sdm-base", "bk-sdm-small", "bk-sdm-tiny")


class OnlyHeader(Checkpoint):
    """Names and true shapes, no values."""

    def __init__(self, model: str) -> None:
        self.name = self.source = model
        self.revision, self.metadata = None, {}
        shapes = {r["name"]: r["sd15"] if r[model] == "=" else r[model] for r in rows()}
        self.tensors = {n: TensorInfo(n, "F16", tuple(map(int, s.split("x")))) for n, s in shapes.items() if s != "-"}

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        raise AssertionError


def matched(*models: str, match: Match = Match.NAME) -> Matching:
    return paired([OnlyHeader(m) for m in models], models, match)


def common(matching: Matching, count: int) -> tuple[int, float]:
    layers = [x for x in matching.layers if len(x.models) == count]
    return len(layers), round(sum(x.numel for x in layers) / 1e6, 1)


@pytest.mark.parametrize(
    ("models", "by_name", "by_origin"),
    [
        (("sd15", "lcm"), (686, 859.5), (686, 859.5)),
        (("sd15", "bk-sdm-base"), (434, 548.7), (442, 579.4)),
        (("sd15", "bk-sdm-tiny"), (148, 166.9), (358, 323.4)),
        (("bk-sdm-base", "bk-sdm-small"), (396, 482.3), (396, 482.3)),
        (MODELS, (148, 166.9), (358, 323.4)),
    ],
)
def test_common_layers_and_parameters(
    models: tuple[str, ...], by_name: tuple[int, float], by_origin: tuple[int, float]
):
    assert common(matched(*models), len(models)) == by_name
    assert common(matched(*models, match=Match.PROVENANCE), len(models)) == by_origin


@pytest.mark.parametrize(
    ("student", "told"),
    [
        ("bk-sdm-base", "118 of 434 common names (48 of them matrices, 119.9 M parameters)"),
        ("bk-sdm-tiny", "22 of 148 common names"),
    ],
)
def test_equal_names_of_different_origin_are_counted(student: str, told: str):
    (note,) = matched("sd15", student).notes
    assert told in note
    assert "--match provenance" in note
    assert matched("sd15", "lcm").notes == ()


def test_models_of_other_depths_are_paired_by_name_with_a_warning_and_not_by_provenance():
    some = [
        held(n, {f"layers.{k}.weight": torch.ones(2, 3) for k in range(count)}) for n, count in (("a", 4), ("b", 3))
    ]
    (note,) = paired(some, "ab", Match.NAME).notes
    assert "a has 4 numbered blocks and b 3: if blocks were removed" in note
    with pytest.raises(InvalidValueError, match=r"BK-SDM\) only; a has 4 numbered blocks"):
        paired(some, "ab", Match.PROVENANCE)


def test_every_tensor_is_paired_or_left_out_with_a_reason():
    matching = matched("sd15", "bk-sdm-tiny")
    reasons = Counter((*s.models, s.reason.split(":")[0]) for s in matching.skipped)
    both = ("sd15", "bk-sdm-tiny")
    assert reasons == {(both[0], "only there"): 380, (both[1], "only there"): 52, (*both, "shapes differ"): 158}
    assert len(matching.layers) + 380 + 158 == 686
    assert len(matching.layers) + 52 + 158 == 358


def test_shapes_are_compared_without_trailing_ones_and_never_broadcast():
    one = {"w": torch.ones(3, 2, 1, 1), "b": torch.ones(3), "c": torch.ones(2, 3), "n": torch.tensor(3)}
    two = {"w": torch.ones(3, 2), "b": torch.ones(1), "c": torch.ones(3, 2), "n": torch.tensor(3)}
    matching = paired([held(n, x | {"e": torch.ones(0, 4)}) for n, x in (("a", one), ("b", two))], "ab", Match.NAME)
    assert [(x.name, x.shape) for x in matching.layers] == [("w", (3, 2, 1, 1))]
    assert {s.name: s.reason for s in matching.skipped} == {
        "e": "no elements",
        "n": "not floating point (I64)",
        "b": "shapes differ: [3] in a, [1] in b",
        "c": "shapes differ: [2, 3] in a, [3, 2] in b",
    }


def test_one_name_may_be_two_layers_when_shapes_agree_in_pairs():
    checkpoints = [held(n, {"w": torch.ones(s)}) for n, s in (("a", 2), ("b", 2), ("c", 3), ("d", 3))]
    assert [x.models for x in paired(checkpoints, "abcd", Match.NAME).layers] == [(0, 1), (2, 3)]


def test_an_ldm_file_and_a_diffusers_folder_share_all_layers():
    pair = [held("file", weights("sd15", 0, ldm=True)), held("folder", weights("sd15", 0))]
    matching = paired(pair, ("file", "folder"), Match.NAME)
    assert (len(matching.layers), matching.skipped) == (686, ())


def test_a_convolution_of_one_tap_is_a_convolution():
    shapes = {"down_blocks.1.resnets.0.conv_shortcut.weight": (64, 32, 1, 1), "proj_in.weight": (32, 32)}
    pair = [held(n, {name: torch.ones(shape) for name, shape in shapes.items()}) for n in "ab"]
    assert [layer.kind for layer in paired(pair, "ab", Match.NAME).layers] == ["conv", "other"]
