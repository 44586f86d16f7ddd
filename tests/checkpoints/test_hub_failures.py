"""What can go wrong with a hub is one sentence that names repository, file, cause and way out; nothing half-written."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import hf_hub_download
from safetensors.torch import save

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.hub.errors import Request, explain
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import InvalidValueError
from tests.checkpoints.hub import LoopbackHub, Repo
from tests.similarity.models import weights

FILE = "unet/diffusion_pytorch_model.safetensors"
TINY = {FILE: save(weights("bk-sdm-tiny", 1))}
FLUX, OLD = "black-forest-labs/FLUX.1-dev", "runwayml/stable-diffusion-v1-5"
GATED = Repo({"transformer/diffusion_pytorch_model.safetensors": b"x"}, gated=True)


def refusal(source: str, cache: Path, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        open_checkpoint(source, cache=cache, **options).prepare()
    assert not list(cache.rglob("*.incomplete"))
    assert not list(cache.rglob("*.safetensors"))
    return str(caught.value)


REFUSALS: dict[str, tuple[str, Repo | None, str]] = {
    "gated": (FLUX, GATED, f"{FLUX} is gated: accept its licence at HUB/{FLUX}, then run hf auth login"),
    "unknown": ("some/model", None, "HUB has no repository some/model. Check the spelling"),
    "moved": (OLD, None, "It moved to stable-diffusion-v1-5/stable-diffusion-v1-5 (alias sd15)."),
    "revision": ("some/model@v9", Repo(TINY), "some/model has no revision 'v9'; see "),
    "file": ("some/model:unet/x.safetensors", Repo(TINY), "some/model (unet) has no x.safetensors; it has diff"),
    "403": ("some/model", Repo(TINY, status=403), "HUB answered with status 403 for some/model. Check HF_TOKEN"),
    "429": ("some/model", Repo(TINY, status=429), "HUB answered with status 429 for some/model. Try again later"),
    "503": ("some/model", Repo(TINY, status=503), "HUB answered with status 503 for some/model. Try again later"),
    "no hub": ("some/model", Repo(TINY, plain_server=True), "X-Repo-Commit"),
    "web pages": ("some/model", Repo(TINY, web_page=True), "HUB cannot give some/model: JSONDecodeError"),
    "path": ("some/model", Repo(TINY, commit="../../../elsewhere"), "HUB is no hub: it names '../../../elsewhere' as"),
    "cut": ("some/model", Repo(TINY, cut_after={FILE: 150_000}), f"HUB failed while asking for {FILE} of some/model ("),
    "empty": ("some/model", Repo({FILE: b""}), f"{FILE} of some/model has a broken safetensors header ("),
    "short": ("some/model", Repo({FILE: TINY[FILE][:5000]}), "). Take another file or revision."),
    "text": ("some/model", Repo({FILE: b"x" * 99}), f"{FILE} of some/model has a broken safetensors header ("),
}  # fmt: skip
"""What is asked for, what is there, and what is said."""


@pytest.mark.parametrize(("source", "repo", "said"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_one_sentence(
    source: str, repo: Repo | None, said: str, hub: LoopbackHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("time.sleep", lambda _: None)
    if repo is not None:
        hub.repos[source.partition("@")[0].partition(":")[0]] = repo
    assert said.replace("HUB", hub.url) in refusal(source, hub_cache)


def test_offline_and_not_cached(hub: LoopbackHub, hub_cache: Path):
    said = refusal("sd15", hub_cache, offline=True)
    repo = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert said == (
        f"Offline mode is on and {repo} is not in the cache {hub_cache}. "
        f"Run once online: hf download {repo} --include 'unet/*.safetensors'."
    )
    assert hub.log == []


def test_offline_and_no_weights_cached(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY | {"unet/config.json": b"{}"})
    with open_checkpoint("some/model", cache=hub_cache) as model:
        hf_hub_download("some/model", "unet/config.json", cache_dir=hub_cache, endpoint=hub.url)
        assert model.pending() > 0
    assert "unet/*.safetensors of some/model is not in the cache" in refusal("some/model", hub_cache, offline=True)


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
    hub.repos["some/model"] = Repo(TINY)
    with pytest.raises(InvalidValueError, match=rf"{part!r} is no place within some/model"):
        open_checkpoint(f"some/model:{part}", cache=hub_cache)


@pytest.mark.filterwarnings("ignore:Not enough free disk space:UserWarning")
def test_a_disk_that_fills_up_meanwhile(hub: LoopbackHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    hub.repos["some/model"] = Repo(TINY)
    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    said = refusal("some/model", hub_cache)
    assert said == f"Cannot store {FILE} of some/model: No space left on device. Nothing half-written is kept."


def test_a_pickle_on_the_hub_is_not_executed(hub: LoopbackHub, hub_cache: Path, tmp_path: Path):
    from tests.checkpoints.broken import PICKLES

    PICKLES["code"][0](tmp_path / "x.bin")
    hub.repos["evil/model"] = Repo({"pytorch_model.bin": (tmp_path / "x.bin").read_bytes()})
    with pytest.raises(ValueError, match=r"pytorch_model\.bin contains code \(posix\.system\)"):
        open_checkpoint("evil/model", cache=hub_cache)
    assert not (tmp_path / "executed").exists()


def test_an_index_on_the_hub_cannot_name_files_elsewhere(hub: LoopbackHub, hub_cache: Path):
    index = b'{"weight_map": {"a": "../../other/secret.safetensors"}}'
    hub.repos["evil/model"] = Repo({"model.safetensors.index.json": index})
    with pytest.raises(ValueError, match=r"names the shard '\.\./\.\./other/secret\.safetensors', which is no plain"):
        open_checkpoint("evil/model", cache=hub_cache)
    assert not any("secret" in path for _, path, _ in hub.log)


def test_a_header_that_changes_between_asking_and_downloading(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(dict(TINY))
    with open_checkpoint("some/model", cache=hub_cache) as model:
        hub.repos["some/model"].files[FILE] = save({"other": torch.ones(2)})
        with pytest.raises(ValueError, match="differ from the header read before"):
            model.prepare()


def test_a_repository_that_moves_on_while_it_is_read(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(dict(TINY))
    with open_checkpoint("some/model", cache=hub_cache) as model:
        hub.repos["some/model"].commit = "d" * 40
        with pytest.raises(SourceError, match=r"some/model changed while it was read \(no longer c0ffee00\)"):
            model.prepare()


def test_errors_that_nobody_foresaw_keep_their_type_and_text():
    said = explain(RuntimeError("odd\nsecond line"), Request("some/model", None, "http://hub", Path(), "f"))
    assert str(said) == "http://hub cannot give f of some/model: RuntimeError: odd"
