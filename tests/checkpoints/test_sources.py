"""A source is an alias, a path or a hub id; networks in packages are opened without importing the packages."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ioadapt_theory.checkpoints import open_checkpoint
from ioadapt_theory.checkpoints.aliases import Alias
from ioadapt_theory.checkpoints.sources import resolve
from ioadapt_theory.errors import MissingExtraError, UnknownNameError
from tests.similarity.models import value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sd15", ("stable-diffusion-v1-5/stable-diffusion-v1-5", None, "unet")),
        ("lcm@a85df6a:vae", ("SimianLuo/LCM_Dreamshaper_v7", "a85df6a", "vae")),
        ("a/b", ("a/b", None, None)),
        ("a/b@refs/pr/3", ("a/b", "refs/pr/3", None)),
        ("a/b:x/y.safetensors", ("a/b", None, "x/y.safetensors")),
        ("ani-1x:0", (None, None, "0")),
    ],
)
def test_names_revisions_and_parts(source: str, expected: tuple[str | None, ...]):
    alias = resolve(source)
    assert (alias.repo, alias.revision, alias.part) == expected


def test_an_existing_path_comes_before_a_hub_id_and_an_alias_before_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a/b", "lcm", "odd:name@x"):
        Path(folder).mkdir(parents=True)
    assert resolve("a/b:unet") == Alias(name="", path="a/b", part="unet")
    assert resolve("odd:name@x") == Alias(name="", path="odd:name@x")
    assert resolve("lcm").repo is not None
    assert resolve("./lcm").path == "lcm"
    assert resolve("no/such/model").path == "no/such/model"


def test_an_unknown_name_is_answered_with_near_ones_or_all():
    with pytest.raises(UnknownNameError, match=r"Unknown model or path 'sd1.5'\. Did you mean 'sd15'"):
        open_checkpoint("sd1.5")
    with pytest.raises(UnknownNameError, match=r"Unknown member 'ani-1x:8'.*Known: 0, 1, 2, 3, 4, 5, 6, 7"):
        open_checkpoint("ani-1x:8")


def test_without_the_hub_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ioadapt-theory\[hub\]'"):
        open_checkpoint("sd15")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("alias", "model"), [("ani-1x", "ANI1x"), ("ani-1ccx", "ANI1ccx")])
def test_ani_weights_are_those_that_torchani_itself_loads(alias: str, model: str):
    import torchani

    theirs = {
        f"{member}.{element}.{n}.{kind}": getattr(layer, kind).detach()
        for member, network in enumerate(getattr(torchani.models, model)().neural_networks)
        for element, layers in network.items()
        for n, layer in enumerate(layers[::2], start=1)  # an activation between any two layers
        for kind in ("weight", "bias")
    }
    with open_checkpoint(alias) as whole, open_checkpoint(f"{alias}:7") as one:
        assert len(whole.tensors) == 256
        assert {n: t.shape for n, t in whole.tensors.items()} == {n: tuple(w.shape) for n, w in theirs.items()}
        assert all(torch.equal(value(whole, n), w) for n, w in theirs.items())
        assert [f"7.{n}" for n in one.tensors] == [n for n in whole.tensors if n.startswith("7.")]
        assert torch.equal(value(one, "O.3.bias"), theirs["7.O.3.bias"])
        assert (one.name, one.revision) == (f"{alias}:7", "1.2")


def test_a_family_opens_without_importing_its_package():
    code = "import sys; from ioadapt_theory.checkpoints.sources import open_checkpoint as o; o('ani-1x').close()\n"
    code += "assert not {'torchani', 'torch', 'huggingface_hub'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
