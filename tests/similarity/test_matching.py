"""Counts of what is paired, what is not and why, on the real names of SD-1.5, LCM and the BK-SDM students."""

from collections.abc import Callable

import pytest
import torch

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.similarity.assignment import match_by_similarity
from ioadapt_theory.similarity.matching import Match, Matching, match_by_names, reasons
from tests.similarity.memory import held, noisy
from tests.similarity.models import rows, weights

MODELS = ("sd15", "lcm", "bk-sdm-base", "bk-sdm-small", "bk-sdm-tiny")


class OnlyHeader(Checkpoint):
    """Names and true shapes, no values."""

    def __init__(self, model: str) -> None:
        self.name = self.source = model
        self.revision, self.metadata = None, {}
        shapes = {r["name"]: r["sd15"] if r[model] == "=" else r[model] for r in rows()}
        self.tensors = {n: TensorInfo(n, "F16", tuple(map(int, s.split("x")))) for n, s in shapes.items() if s != "-"}

    def filler(self, name: str, out: torch.Tensor) -> Callable[[int], None]:
        raise AssertionError

    def close(self) -> None: ...


def matched(models: tuple[str, ...], mode: Match) -> Matching:
    return match_by_names([OnlyHeader(m) for m in models], models, mode)


def common(matching: Matching, models: tuple[str, ...]) -> tuple[int, float]:
    found = [x for x in matching.layers if len(x.models) == len(models)]
    return len(found), round(sum(x.numel for x in found) / 1e6, 1)


@pytest.mark.parametrize(
    ("models", "by_name", "by_provenance"),
    [
        (("sd15", "lcm"), (686, 859.5), (686, 859.5)),
        (("sd15", "bk-sdm-base"), (434, 548.7), (442, 579.4)),
        (("lcm", "bk-sdm-small"), (388, 451.6), (396, 482.3)),
        (("sd15", "bk-sdm-tiny"), (148, 166.9), (358, 323.4)),
        (("bk-sdm-small", "bk-sdm-tiny"), (148, 166.9), None),
        (("bk-sdm-base", "bk-sdm-small"), (396, 482.3), (396, 482.3)),
        (MODELS, (148, 166.9), (358, 323.4)),
        (MODELS[:4], (388, 451.6), (396, 482.3)),
    ],
)
def test_common_layers_and_parameters(
    models: tuple[str, ...], by_name: tuple[int, float], by_provenance: tuple[int, float] | None
):
    assert common(matched(models, Match.NAME), models) == by_name
    if by_provenance is not None:
        assert common(matched(models, Match.PROVENANCE), models) == by_provenance


@pytest.mark.parametrize(
    ("student", "told"),
    [
        ("bk-sdm-base", "118 of 434 common names (48 of them matrices, 119.9 M parameters)"),
        ("bk-sdm-small", "118 of 388 common names (48 of them matrices, 119.9 M parameters)"),
        ("bk-sdm-tiny", "22 of 148 common names"),
    ],
)
def test_equal_names_of_different_origin_are_counted(student: str, told: str):
    (note,) = matched(("sd15", student), Match.NAME).notes
    assert told in note
    assert "--match provenance" in note


def test_nothing_is_said_where_names_are_origins():
    assert matched(("sd15", "lcm"), Match.NAME).notes == ()
    assert matched(("sd15", "lcm"), Match.PROVENANCE).notes == ("no model has the layout of a block-removed UNet",)


def test_every_tensor_is_paired_or_left_out_with_a_reason():
    matching = matched(("sd15", "bk-sdm-tiny"), Match.NAME)
    assert reasons(matching.skipped) == {"only in sd15": 380, "only in bk-sdm-tiny": 52, "shapes differ": 158}
    assert len(matching.layers) + 380 + 158 == 686
    assert len(matching.layers) + 52 + 158 == 358


def test_shapes_are_compared_without_trailing_ones_and_never_broadcast():
    one = held("a", {"w": torch.ones(3, 2, 1, 1), "b": torch.ones(3), "c": torch.ones(2, 3), "n": torch.tensor(3)})
    two = held("b", {"w": torch.ones(3, 2), "b": torch.ones(1), "c": torch.ones(3, 2), "n": torch.tensor(3)})
    matching = match_by_names([one, two], ("a", "b"), Match.NAME)
    assert [(x.name, x.shape) for x in matching.layers] == [("w", (3, 2, 1, 1))]
    assert {s.name: s.reason for s in matching.skipped} == {
        "n": "not floating point (I64)",
        "b": "shapes differ: [3] in a, [1] in b",
        "c": "shapes differ: [2, 3] in a, [3, 2] in b",
    }


def test_empty_tensors_are_left_out():
    pair = [held(n, {"w": torch.ones(2), "e": torch.ones(0, 4)}) for n in "ab"]
    assert [s.reason for s in match_by_names(pair, ("a", "b"), Match.NAME).skipped] == ["no elements"] * 2


def test_one_name_may_be_two_layers_when_shapes_agree_in_pairs():
    checkpoints = [held(n, {"w": torch.ones(s)}) for n, s in (("a", 2), ("b", 2), ("c", 3), ("d", 3))]
    matching = match_by_names(checkpoints, "abcd", Match.NAME)
    assert [x.models for x in matching.layers] == [(0, 1), (2, 3)]


def test_an_ldm_file_and_a_diffusers_folder_share_all_layers():
    pair = [held("file", weights("sd15", 0, ldm=True)), held("folder", weights("sd15", 0))]
    matching = match_by_names(pair, ("file", "folder"), Match.NAME)
    assert len(matching.layers) == 686
    assert not matching.skipped


@pytest.mark.parametrize(
    ("name", "shape", "kind"),
    [
        ("down_blocks.1.resnets.0.conv_shortcut.weight", (640, 320, 1, 1), "conv"),
        ("mid_block.resnets.0.conv1.weight", (64, 64, 1, 1), "conv"),
        ("down_blocks.0.attentions.0.proj_in.weight", (320, 320), "other"),
        ("scale", (64, 1, 1), "other"),
    ],
)
def test_a_convolution_of_one_tap_is_a_convolution(name: str, shape: tuple[int, ...], kind: str):
    pair = [held(n, {name: torch.ones(shape)}) for n in "ab"]
    (layer,) = match_by_names(pair, "ab", Match.NAME).layers
    assert layer.kind == kind


def student_of(teacher: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    from ioadapt_theory.checkpoints.provenance import origins

    names = [r["name"] for r in rows() if r["bk-sdm-base"] != "-"]
    traced = origins(names)
    assert traced is not None
    return {new: teacher[old] for new, old in traced.items()}


def test_the_assignment_recovers_the_provenance_of_a_student_from_values_alone():
    teacher = weights("sd15", 0)
    student = noisy(student_of(teacher), 0.05, 1)
    big = {k for k, v in teacher.items() if v.numel() >= 64}
    pair = [held("t", {k: v for k, v in teacher.items() if k in big}), held("s", student)]
    notes = match_by_similarity(pair, ("t", "s")).notes
    told = dict(zip(("name", "provenance"), notes, strict=True))
    right, of = map(int, told["provenance"].split(": ")[1].split(" pairs")[0].split(" of "))
    assert right == of > 150
    wrong, of = map(int, told["name"].split(": ")[1].split(" pairs")[0].split(" of "))
    assert of - wrong >= 48


def test_the_assignment_says_what_found_no_partner():
    torch.manual_seed(0)
    one = held("a", {"x": torch.randn(9), "only": torch.randn(4)})
    two = held("b", {"y": one.values["x"] + 0.01, "z": torch.randn(9), "nan": torch.full((9,), torch.nan)})
    matching = match_by_similarity([one, two], ("a", "b"))
    assert [x.tensors for x in matching.layers] == [("x", "y")]
    assert {s.name: s.reason for s in matching.skipped} == {
        "only": "only there",
        "nan": "no partner of this shape left: [9] in a",
        "z": "no partner of this shape left: [9] in a",
    }


def test_three_models_by_assignment_meet_in_the_first():
    values = {f"{k}.weight": torch.randn(5, 7) for k in range(4)}
    renamed = {f"r{k}": v for k, v in zip("3210", list(values.values())[::-1], strict=True)}
    matching = match_by_similarity([held("a", values), held("b", renamed), held("c", values)], "abc")
    assert {x.tensors for x in matching.layers} == {(f"{k}.weight", f"r{k}", f"{k}.weight") for k in range(4)}


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_the_assignment_does_not_depend_on_the_scale_of_the_weights(scale: float):
    values = {f"{k}.weight": scale * torch.randn(5, 7) for k in range(6)}
    turned = {f"r{5 - k}": v for k, v in enumerate(values.values())}
    matching = match_by_similarity([held("a", values), held("b", dict(sorted(turned.items())))], "ab")
    assert {x.tensors for x in matching.layers} == {(f"{k}.weight", f"r{5 - k}") for k in range(6)}
