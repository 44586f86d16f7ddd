"""What the molecules experiment rests on: torchani's energies, the paper's formulas, splits by molecule."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from toys.ani.molecules import KCAL_PER_MOL, Molecules, Task, molecules, split, wanted
from toys.ani.networks import Batch, Potential, features_of, potential
from toys.ani.training import rmse, train
from toys.transfer.protocol import protocol
from toys.transfer.rows import adapted

PLAN = protocol("molecules")
METHODS = PLAN.methods
LAYERS = tuple(f"{element}.{k}" for element in "HCNO" for k in (0, 2, 4, 6))


@pytest.fixture(scope="module")
def data() -> Molecules:
    return molecules()


@pytest.fixture(scope="module")
def batch(data: Molecules) -> Batch:
    return features_of(data)


@pytest.fixture(scope="module")
def source() -> Potential:
    return potential("1x", 2)


def few(batch: Batch, n: int = 40) -> Batch:
    return batch.take(torch.arange(0, batch.size, batch.size // n)[:n])


def put(network: Potential, method: str) -> Potential:
    """The network with a fresh adapter."""
    return adapted(network, METHODS[method], METHODS[method].on(LAYERS), 0)  # type: ignore[return-value]


def test_energies_are_those_of_torchani_from_the_coordinates(data: Molecules, batch: Batch):
    torch.set_default_dtype(torch.float32)
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


def test_water_asks_the_same_change_of_every_network_and_gfn2_does_not(
    data: Molecules, batch: Batch, source: Potential
):
    parts = split(data, seed=0)
    with torch.no_grad():
        bases = [network(batch).double().numpy() for network in (source, potential("1ccx", 2))]
    water, gfn2 = ([wanted(data, task, b, parts.train) - b for b in bases] for task in (Task.WATER, Task.GFN2))
    np.testing.assert_allclose(water[0], water[1], atol=1e-9)
    assert np.sqrt(np.mean((gfn2[0] - gfn2[1]) ** 2)) > 2
    for change in (*water, *gfn2):  # nothing is left to a constant per element on the training molecules
        left = np.linalg.lstsq(data.composition[parts.train], change[parts.train], rcond=None)[0]
        np.testing.assert_allclose(left, 0, atol=1e-8)


def test_training_only_touches_the_adapter_and_ends_at_its_best(data: Molecules, batch: Batch, source: Potential):
    parts = split(data, seed=0)
    goal = source(batch).detach() + torch.from_numpy(data.solvation).float()
    network = put(source, "output")
    before = {k: v.clone() for k, v in network.state_dict().items() if "adapters" not in k}
    found = train(network, batch, goal, parts, lr=3e-3, steps=30, every=10, size=16, seed=0)
    look = torch.from_numpy(parts.validation)
    assert rmse(network(batch.take(look)), goal[look]) == pytest.approx(found["validation"], rel=1e-5)
    assert found["validation"] < rmse(source(batch.take(look)), goal[look])
    assert all(torch.equal(network.state_dict()[k], v) for k, v in before.items())
