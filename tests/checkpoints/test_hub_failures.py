"""A failure of the hub raises one sentence with repository, file, cause and remedy, and leaves no partial file."""

import hashlib
import io
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from ioadapt_theory.checkpoints import SourceError, open_checkpoint
from ioadapt_theory.checkpoints.hub import repository
from ioadapt_theory.cli import MISUSE, main
from ioadapt_theory.errors import InvalidValueError
from tests.checkpoints.hub import COMMIT, LoopbackHub, Repo
from tests.similarity.models import value, weights

FILE = "unet/diffusion_pytorch_model.safetensors"
TINY = {FILE: save(weights("bk-sdm-tiny", 1))}
FLUX = "black-forest-labs/FLUX.1-dev"
GATED = Repo({"transformer/diffusion_pytorch_model.safetensors": b"x"}, gated=True)


def refusal(source: str, cache: Path, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        open_checkpoint(source, cache=cache, **options)
    assert not list(cache.rglob("*.incomplete"))
    assert not list(cache.rglob("*.safetensors"))
    assert str(caught.value).isprintable()
    return str(caught.value)


REFUSALS: dict[str, tuple[str, Repo | None, str]] = {
    "gated": (FLUX, GATED, f"{FLUX} is gated or private: accept its licence at HUB/{FLUX}, then run `hf auth"),
    "unknown": ("some/model", None, "HUB has no public repository some/model. Check the spelling"),
    "revision": ("some/model@v9", Repo(TINY), "some/model has no revision 'v9'; its commits are at "),
    "file": ("some/model:unet/x.safetensors", Repo(TINY), "some/model has no file or folder 'unet/x.safetensors' at"),
    "folder": (f"some/model@{COMMIT}:vae", Repo(TINY), f"folder 'vae' at revision {COMMIT}; see HUB/some"),
    "403": ("some/model", Repo(TINY, status=403), "HUB returned status 403 for some/model. Check HF_TOKEN"),
    "path": ("some/model", Repo(TINY, commit="../../../elsewhere"), "HUB is not a hub: it sent '../../../elsewhere'"),
    "cut": ("some/model", Repo(TINY, cut_after={FILE: 150_000}), f"HUB failed while asking for {FILE} of some/model ("),
    "file's name": ("some/model", Repo({"unet/a\x1b]0;P\x07.safetensors": b"", "unet/x": b""}), ".pth.tar), only x;"),
    "hash is a path": ("some/model", Repo(TINY, etag="../../../../../escaped"), f"an invalid hash of {FILE} of some"),
}  # fmt: skip
"""Name -> (source, repository, expected message)."""


@pytest.mark.parametrize(("source", "repo", "said"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_one_sentence(
    source: str, repo: Repo | None, said: str, hub: LoopbackHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("time.sleep", lambda _: None)
    if repo is not None:
        hub.repos[source.partition("@")[0].partition(":")[0]] = repo
    assert said.replace("HUB", hub.url) in refusal(source, hub_cache)
    assert not list(hub_cache.parent.rglob("*escaped*"))


def test_offline_and_not_cached(hub: LoopbackHub, hub_cache: Path):
    repo = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert refusal("sd15", hub_cache, offline=True) == (
        f"Offline mode is on, but unet/*.safetensors of {repo} is not in the cache. Download it while online:"
        f" `hf download {repo} --include 'unet/*.safetensors' --cache-dir '{hub_cache}'`."
    )
    assert hub.log == []


def test_a_hub_that_is_not_there_is_told_at_once(hub_cache: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    before = time.monotonic()
    assert f"The connection to {url} failed while asking for some/model" in refusal("some/model", hub_cache)
    assert time.monotonic() - before < 5, "no retries for half a minute"


@pytest.mark.parametrize("part", ["../other", "unet/../../x.safetensors", "/etc"])
def test_a_part_outside_the_repository_is_refused(hub: LoopbackHub, hub_cache: Path, part: str):
    with pytest.raises(InvalidValueError, match=rf"{part!r} is not a path in some/model"):
        open_checkpoint(f"some/model:{part}", cache=hub_cache)
    assert hub.log == []


@pytest.mark.filterwarnings("ignore:Not enough free disk space:UserWarning")
def test_a_disk_that_fills_up_meanwhile(hub: LoopbackHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    hub.repos["some/model"] = Repo(TINY)
    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    said = refusal("some/model", hub_cache)
    assert (
        said
        == f"Cannot store {FILE} of some/model in {hub_cache}: No space left on device. Partial files were removed."
    )


def git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("etag", [lambda data: hashlib.sha256(data).hexdigest(), git], ids=["SHA-256", "git"])
@pytest.mark.parametrize("file", [FILE, "unet/diffusion_pytorch_model.bin"])
def test_a_file_with_a_flipped_byte_is_refused_and_not_kept(etag, file, hub: LoopbackHub, hub_cache: Path, capsys):
    values = weights("bk-sdm-tiny", 1)
    torch.save(values, stream := io.BytesIO())
    data = TINY[FILE] if file == FILE else stream.getvalue()
    flipped = bytearray(data)
    at = data.index(values["conv_in.weight"].numpy().tobytes())
    flipped[at] ^= 1
    hub.repos["some/model"] = repo = Repo({file: bytes(flipped)}, etag=etag(data))
    assert main(["similarity", "some/model", "some/model:unet", "--quiet", "--cache", str(hub_cache)]) == MISUSE
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{file} of some/model does not have the hash that the hub announced ({etag(data)})" in told.err
    assert not [p for p in hub_cache.rglob("*") if "blobs" in p.parts and p.is_file()]
    repo.files = {file: data}
    with open_checkpoint("some/model", cache=hub_cache) as model:
        assert torch.equal(value(model, "conv_in.weight"), values["conv_in.weight"])


def test_a_commit_in_the_middle_of_a_download_is_told(hub: LoopbackHub, hub_cache: Path, monkeypatch):
    hub.repos["some/model"] = repo = Repo(TINY)
    newest = repository.newest

    def then_push(*arguments: Any) -> Any:
        before = newest(*arguments)
        repo.commit = "d" * 40
        return before

    monkeypatch.setattr(repository, "newest", then_push)
    with pytest.raises(SourceError, match="some/model got a new commit while commit c0ffee00 was being read"):
        open_checkpoint("some/model", cache=hub_cache)
