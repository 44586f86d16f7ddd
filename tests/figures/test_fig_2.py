from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import figures.fig_2 as fig_2
from toys.common.style import styled


def test_a_given_family_is_what_is_compared_and_drawn(tmp_path: Path):
    w = torch.randn(12, 8, dtype=torch.float32)
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("base", "tuned")]
    save_file({"a.weight": w, "b.weight": w + 0}, paths[0])
    save_file({"a.weight": w, "b.weight": -w}, paths[1])
    data = fig_2.compute(families={"mine": paths})
    (family,) = data["families"]
    assert family["labels"] == ("base", "tuned")
    np.testing.assert_allclose(family["all"], np.eye(2), atol=1e-15)  # the mean of 1 and -1 is 0
    np.testing.assert_allclose(family["lowest"], [[1, -1], [-1, 1]], atol=1e-12)
    assert family["spaces"]["weight"] == {(0, 1): pytest.approx(0, abs=1e-12)}
    assert family["spaces"]["input"] == {(0, 1): pytest.approx(1, abs=1e-12)}  # a sign does not change the space
    with styled():
        axes = fig_2.draw(data).axes
    texts = [text.get_text() for one in axes for text in one.texts]
    assert [one.get_xlabel() for one in axes] == ["", "", "mean cosine", "mean cosine of (a) and (b)"]
    assert texts.count("-1.000") == 2


def test_fine_tuned_networks_stay_near_what_they_came_from_and_others_do_not():
    family = fig_2.compute(quick=True, families={"torchani": fig_2.FAMILIES["torchani"]})["families"][0]
    assert family["labels"] == ("ani-1x:0", "ani-1ccx:0", "ani-1x:1")
    for space, values in family["spaces"].items():
        assert values[0, 1] > 0.75
        unrelated = max(values[0, 2], values[1, 2])
        assert 0.2 < unrelated < 0.4 if space == "input" else unrelated < 0.1  # all read the same features of atoms
    assert (family["lowest"] <= family["all"] + 1e-15).all()
