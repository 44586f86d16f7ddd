"""A failure of the hub raises one sentence with repository, file, cause and remedy, and leaves no partial file."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save

from ioadapt_theory.checkpoints import SourceError, open_checkpoint
from ioadapt_theory.cli import MISUSE, main
from ioadapt_theory.errors import InvalidValueError
from tests.checkpoints.hub import COMMIT, LoopbackHub, Repo
from tests.similarity.models import weights

FILE = "unet/diffusion_pytorch_model.safetensors"
TINY = {FILE: save(weights("bk-sdm-tiny", 1))}
FLUX = "black-forest-labs/FLUX.1-dev"
GATED = Repo({"transformer/diffusion_pytorch_model.safetensors": b"x"}, gated=True)


def refusal(source: str, cache: Path, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        open_checkpoint(source, cache=cache, **options)
    assert not list(cache.rglob("*.safetensors"))
    assert str(caught.value).isprintable()
    return str(caught.value)


REFUSALS: dict[str, tuple[str, Repo | None, str, str]] = {
    "gated": (FLUX, GATED, f".safetensors of {FLUX} (GatedRepoError", "accept its licence on its page, then run `hf"),
    "unknown": ("some/model", None, "not give some/model (RepositoryNotFoundError", "check the spelling; if the repos"),
    "revision": ("some/model@v9", Repo(TINY), "not give some/model (RevisionNotFoundError", "check the revision"),
    "file": ("some/model:unet/x.safetensors", Repo(TINY), "some/model has no file or folder 'unet/x.safetensors'", ""),
    "folder": (f"some/model@{COMMIT}:vae", Repo(TINY), f"folder 'vae' at {COMMIT}", "check the name."),
    "403": ("some/model", Repo(TINY, status=403), "not give some/model (", "403"),
    "500": ("some/model", Repo(TINY, status=500), "(", "later or, if the model is in the cache, with --offline (offl"),
    "cut": ("some/model", Repo(TINY, cut_after={FILE: 150_000}), f"not give {FILE} of some/model (", "try again"),
    "file's name": ("some/model", Repo({"unet/a\x1b]0;P\x07.safetensors": b"", "unet/x": b""}), "only x;", ""),
}  # fmt: skip
"""Name -> (source, repository, expected parts of the message)."""


@pytest.mark.parametrize(("source", "repo", "said", "way"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_one_sentence(source, repo, said, way, hub: LoopbackHub, hub_cache: Path, monkeypatch, capsys):
    monkeypatch.setattr("time.sleep", lambda _: None)
    if repo is not None:
        hub.repos[source.partition("@")[0].partition(":")[0]] = repo
    told = refusal(source, hub_cache)
    assert said in told
    assert way in told
    assert main(["similarity", source, source, "--cache", str(hub_cache)]) == MISUSE
    assert capsys.readouterr().err.splitlines()[-1] == f"ioadapt similarity: {told}"


def test_offline_and_not_cached(hub: LoopbackHub, hub_cache: Path):
    repo = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    way = f"run `hf download {repo}` while online."
    assert refusal("sd15", hub_cache, offline=True) == f"{repo} is not in the cache, and offline mode is on; {way}"
    assert hub.log == []


def test_a_hub_that_is_not_there_is_told_at_once(hub_cache: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    before = time.monotonic()
    assert "The hub does not give some/model (" in refusal("some/model", hub_cache)
    assert time.monotonic() - before < 5, "no retries for half a minute"


@pytest.mark.parametrize("part", ["../other", "unet/../../x.safetensors", "/etc"])
def test_a_part_outside_the_repository_is_refused(hub: LoopbackHub, hub_cache: Path, part: str):
    with pytest.raises(InvalidValueError, match=rf"{part!r} is not a path in some/model"):
        open_checkpoint(f"some/model:{part}", cache=hub_cache)
    assert hub.log == []
