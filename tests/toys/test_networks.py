"""The published networks for molecules: energies, tasks, and digests of weights."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from toys.ani.molecules import KCAL_PER_MOL, Molecules, Task, molecules, split, wanted
from toys.ani.networks import Batch, Potential, features_of, potential
from toys.data import weights


@pytest.fixture(scope="module")
def data() -> Molecules:
    return molecules()


@pytest.fixture(scope="module")
def batch(data: Molecules) -> Batch:
    return features_of(data)


@pytest.fixture(scope="module")
def source() -> Potential:
    return potential("1x", 2)


def test_energies_are_those_of_torchani_from_the_coordinates(data: Molecules, batch: Batch, float32: None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torchani

        folder = Path(torchani.__file__).parent / "resources" / "ani-1ccx_8x"
        constants = torchani.neurochem.Constants(str(folder / "rHCNO-5.2R_16-3.5A_a4-8.params"))
        whole = torchani.nn.Sequential(
            torchani.SpeciesConverter(constants.species),
            torchani.AEVComputer(**constants),
            torchani.neurochem.load_model(constants.species, str(folder / "train3" / "networks")),
        )
    network, first = potential("1ccx", 3), np.concatenate([[0], np.cumsum(data.atoms)])
    for g in (0, 17, 500, len(data.atoms) - 1):
        here = slice(first[g], first[g + 1])
        species = torch.from_numpy(data.numbers[here].astype(np.int64))[None]
        theirs = whole((species, torch.from_numpy(data.places[here])[None])).energies
        torch.testing.assert_close(network(batch.take(torch.tensor([g]))) / KCAL_PER_MOL, theirs)


def test_water_asks_the_same_change_of_every_network_and_gfn2_does_not(data, batch, source):
    parts = split(data, seed=0)
    with torch.no_grad():
        bases = [network(batch).double().numpy() for network in (source, potential("1ccx", 2))]
    water, gfn2 = ([wanted(data, task, b, parts.train) - b for b in bases] for task in (Task.WATER, Task.GFN2))
    np.testing.assert_allclose(water[0], water[1], atol=1e-9)
    assert np.sqrt(np.mean((gfn2[0] - gfn2[1]) ** 2)) > 2
    for change in (*water, *gfn2):  # since constants per element were fitted on the training molecules
        left = np.linalg.lstsq(data.composition[parts.train], change[parts.train], rcond=None)[0]
        np.testing.assert_allclose(left, 0, atol=1e-8)


def test_weights_that_are_not_those_of_the_study_are_refused(tmp_path, monkeypatch):
    (tmp_path / "of").mkdir()
    (tmp_path / "of" / "a.bin").write_bytes(b"1")
    table = tmp_path / "weights.toml"
    monkeypatch.setattr(weights, "FILE", table)
    table.write_text(f'[box]\nof = "{weights.digest(tmp_path / "of")}"\n"a.bin" = "{"0" * 64}"\n')
    assert weights.verified(tmp_path / "of", "box") == tmp_path / "of"
    with pytest.raises(weights.ChangedWeightsError, match=r"a\.bin has the SHA-256 digest 6b86b273.*; reinstall box\."):
        weights.verified(tmp_path / "of" / "a.bin", "box")
    (tmp_path / "of" / "a.bin").rename(tmp_path / "of" / "b.bin")
    assert weights.digest(tmp_path / "of") not in table.read_text()
