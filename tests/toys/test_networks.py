"""The published networks: energies and embeddings, splits without overlap, exact reparametrisations."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.toys.first_steps import lost
from toys.ani.molecules import KCAL_PER_MOL, Molecules, Task, molecules, split, wanted
from toys.ani.networks import Batch, Potential, features_of, potential
from toys.data import weights
from toys.data.weights import MissingPackageError
from toys.embeddings import names
from toys.sentences import packages
from toys.sentences.model import HEADS, KINDS, Encoder, channels
from toys.sentences.training import measured
from toys.transfer import gauges
from toys.transfer.protocol import Method

SENTENCES = ([101, 7, 8, 102], [101, 9, 102], [101, 5, 6, 7, 8, 102])
BLOCKS = tuple(f"blocks.{name}.{kind}" for name in ("a", "b") for kind in KINDS)


@pytest.fixture(scope="module")
def data() -> Molecules:
    return molecules()


@pytest.fixture(scope="module")
def batch(data: Molecules) -> Batch:
    return features_of(data)


@pytest.fixture(scope="module")
def source() -> Potential:
    return potential("1x", 2)


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
    for change in (*water, *gfn2):  # since constants per element were fitted on the training molecules
        left = np.linalg.lstsq(data.composition[parts.train], change[parts.train], rcond=None)[0]
        np.testing.assert_allclose(left, 0, atol=1e-8)


@pytest.fixture(scope="module")
def network() -> Encoder:
    model, drawn = Encoder(("a", "b"), 110, 8).double(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=drawn, dtype=p.dtype) * (0.05 if p.ndim == 2 else 0.5))
    return model.requires_grad_(requires_grad=False)


def alike(model: torch.nn.Module) -> torch.Tensor:
    """Return the cosines of all pairs of sentences, which do not depend on the order of channels."""
    embedded = model(SENTENCES)
    return embedded @ embedded.mT


@pytest.mark.parametrize(
    ("turn", "exact"),
    [(lambda m: gauges.heads(m, 3, HEADS), "residual"), (lambda m: channels(m, 3), "opposite")],
    ids=["heads", "channels"],
)
def test_a_gauge_keeps_the_function_and_one_sides_adapters(network: Encoder, turn, exact: str):
    other = turn(network)
    torch.testing.assert_close(alike(other), alike(network))
    assert not torch.allclose(other.blocks.a.q.weight, network.blocks.a.q.weight)
    for placement in ("weight", "residual", "opposite"):
        method = Method(placement=placement, rank=2)
        assert (lost(network, other, method, BLOCKS, alike) < 1e-9) == (placement == exact)


def test_what_is_measured_is_known_for_a_perfect_a_blind_and_a_broken_network(monkeypatch):
    monkeypatch.setattr("toys.sentences.training.split", lambda sentence: int(sentence))
    some = [(str(k), str(k + 20)) for k in range(20)]
    assert measured(lambda texts: torch.eye(20)[[t % 20 for t in texts]], some)["missed"] == 0
    blind = measured(lambda texts: torch.ones(len(texts), 2), some)
    assert blind["loss"] == pytest.approx(math.log(20))
    broken = measured(lambda texts: torch.full((len(texts), 2), math.nan), some)
    assert (broken["missed"], broken["loss"]) == (1, math.inf)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(packages.NETWORKS, "no-such-network", "x")
    with pytest.raises(MissingPackageError, match=r"no-such-network, .* --requirement weights\.txt"):
        packages._installed("no-such-network")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("L3", [-0.0192543, -0.0281261, 0.0374316, -0.0512684]),  # by onnxruntime from the package's ONNX file
        ("L6", [-0.0050251, 0.1230385, -0.0474605, 0.0192056]),  # by transformers from the published files
    ],
)
def test_a_network_embeds_as_the_published_one_does(name: str, published: list[float]):
    try:
        embedded = packages.encoder(name, names(name))([packages.split("Return the sum of two numbers.")])
    except MissingPackageError as error:
        pytest.skip(str(error))
    assert embedded[0, :4].tolist() == pytest.approx(published, abs=1e-6)


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
