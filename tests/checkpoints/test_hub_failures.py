"""What can go wrong with a hub is one sentence that names repository, file, cause and way out; nothing half-written."""

import socket
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import hf_hub_download
from safetensors.torch import save

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.hub.errors import Request, explain
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import InvalidValueError
from tests.checkpoints.hub import LoopbackHub, Repo
from tests.similarity.models import sharded, weights

FILE = "unet/diffusion_pytorch_model.safetensors"
TINY = {FILE: save(weights("bk-sdm-tiny", 1))}


def refusal(source: str, cache: Path, **options: object) -> str:
    with pytest.raises(SourceError) as caught:
        open_checkpoint(source, cache=cache, **options).prepare()  # type: ignore[arg-type]
    assert not list(cache.rglob("*.incomplete"))
    assert not list(cache.rglob("*.safetensors"))
    return str(caught.value)


def test_gated(hub: LoopbackHub, hub_cache: Path):
    hub.repos["black-forest-labs/FLUX.1-dev"] = Repo(
        {"transformer/diffusion_pytorch_model.safetensors": b"x"}, gated=True
    )
    page = f"{hub.url}/black-forest-labs/FLUX.1-dev"
    assert refusal("flux-dev", hub_cache) == (
        f"black-forest-labs/FLUX.1-dev is gated: accept its licence at {page}, then run hf auth login or set HF_TOKEN."
    )


def test_unknown_repository(hub: LoopbackHub, hub_cache: Path):
    assert f"{hub.url} has no repository some/model. Check the spelling" in refusal("some/model", hub_cache)


def test_a_deleted_repository_is_answered_with_the_new_one(hub: LoopbackHub, hub_cache: Path):
    said = refusal("runwayml/stable-diffusion-v1-5", hub_cache)
    assert said.endswith("It moved to stable-diffusion-v1-5/stable-diffusion-v1-5 (alias sd15).")


def test_unknown_revision(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY)
    assert "some/model has no revision 'v9'; see " in refusal("some/model@v9", hub_cache)


def test_unknown_folder(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY)
    assert "some/model has no vae/; see " in refusal("some/model:vae", hub_cache)


def test_unknown_file(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY)
    said = refusal("some/model:unet/other.safetensors", hub_cache)
    assert said == "some/model (unet) has no other.safetensors; it has diffusion_pytorch_model.safetensors."


def test_a_repository_without_weights(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo({"README.md": b"", "unet/model.onnx": b""})
    assert "some/model (unet) holds no weights that can be read (it holds model.onnx)" in refusal(
        "some/model", hub_cache
    )


def test_only_a_variant(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo({"model.fp16.safetensors": b"x"})
    hub.repos["some/model"].files["model.int8.safetensors"] = b"x"
    assert "holds only the variants fp16, int8: choose one, as in --variant fp16" in refusal("some/model", hub_cache)


def test_offline_and_not_cached(hub: LoopbackHub, hub_cache: Path):
    said = refusal("sd15", hub_cache, offline=True)
    repo = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert said == (
        f"Offline mode is on and {repo} is not in the cache {hub_cache}. Run once online: hf download {repo}"
        " --include 'unet/*.safetensors' --exclude '*.fp16.*' '*.non_ema.*'."
    )
    assert hub.log == []


def test_offline_and_only_another_file_cached(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo({f"transformer/{n}": b for n, b in sharded(weights("bk-sdm-tiny", 1)).items()})
    with open_checkpoint("some/model", cache=hub_cache):
        pass  # the index is here, the shards are not
    said = refusal("some/model", hub_cache, offline=True)
    assert (
        "Offline mode is on and transformer/diffusion_pytorch_model-00001-of-00002.safetensors of some/model is" in said
    )


def test_offline_and_no_weights_cached(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY | {"unet/config.json": b"{}"})
    with open_checkpoint("some/model", cache=hub_cache) as model:
        hf_hub_download("some/model", "unet/config.json", cache_dir=hub_cache, endpoint=hub.url)
        assert model.pending() > 0
    said = refusal("some/model", hub_cache, offline=True)
    assert "unet/*.safetensors of some/model is not in the cache" in said
    assert said.endswith("hf download some/model --include 'unet/*.safetensors' --exclude '*.fp16.*' '*.non_ema.*'.")


@pytest.mark.parametrize(
    ("status", "way_out"), [(403, "Check HF_TOKEN"), (429, "Try again later"), (500, "Try again"), (503, "Try again")]
)
def test_an_error_of_the_hub(hub: LoopbackHub, hub_cache: Path, status: int, way_out: str):
    hub.repos["some/model"] = Repo(TINY, status=status)
    assert f"{hub.url} answered with status {status} for some/model. {way_out}" in refusal("some/model", hub_cache)


def test_a_hub_that_is_not_there_is_told_at_once(hub_cache: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    before = time.monotonic()
    assert f"The connection to {url} failed while asking for some/model" in refusal("some/model", hub_cache)
    assert time.monotonic() - before < 5, "no retries for half a minute"


def test_a_name_that_does_not_resolve(hub_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://no-such-hub.invalid")
    assert "The connection to http://no-such-hub.invalid failed" in refusal("some/model", hub_cache)


def test_an_endpoint_that_is_no_hub(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY, plain_server=True)
    said = refusal("some/model", hub_cache)
    assert "X-Repo-Commit" in said
    assert FILE in said


def test_an_endpoint_that_answers_with_web_pages(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY, web_page=True)
    assert f"{hub.url} cannot give some/model: JSONDecodeError" in refusal("some/model", hub_cache)


def test_a_commit_that_is_a_path_is_not_followed(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(TINY, commit="../../../elsewhere")
    assert f"{hub.url} is no hub: it names '../../../elsewhere' as the commit" in refusal("some/model", hub_cache)


@pytest.mark.parametrize("part", ["../other", "unet/../../x.safetensors", "/etc"])
def test_a_part_outside_the_repository_is_refused(hub: LoopbackHub, hub_cache: Path, part: str):
    hub.repos["some/model"] = Repo(TINY)
    with pytest.raises(InvalidValueError, match=rf"{part!r} is no place within some/model"):
        open_checkpoint(f"some/model:{part}", cache=hub_cache)


def test_a_connection_that_is_always_cut(hub: LoopbackHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.repos["some/model"] = Repo(TINY, cut_after={FILE: 150_000})
    said = refusal("some/model", hub_cache)
    assert said.startswith(
        f"The connection to {hub.url} failed while asking for {FILE} of some/model (RemoteProtocolError"
    )
    assert "Nothing half-written is kept: try again" in said


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
    with pytest.raises(
        ValueError, match=r"names the shard '\.\./\.\./other/secret\.safetensors', which is no plain name"
    ):
        open_checkpoint("evil/model", cache=hub_cache)
    assert not any("secret" in path for _, path, _ in hub.log)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is cut within its first 8 bytes (0 bytes)"),
        (TINY[FILE][:5000], "is cut within its header: 5000 bytes"),
        (b"x" * 99, "announces a header of 8680820740569200760 bytes"),
    ],
    ids=["empty", "cut", "text"],
)
def test_a_broken_header_on_the_hub(hub: LoopbackHub, hub_cache: Path, content: bytes, reason: str):
    hub.repos["some/model"] = Repo({FILE: content})
    said = refusal("some/model", hub_cache)
    assert said.startswith(f"{FILE} of some/model has a broken safetensors header (")
    assert reason in said
    assert said.endswith("). Take another file or revision.")


def test_a_header_that_changes_between_asking_and_downloading(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(dict(TINY))
    with open_checkpoint("some/model", cache=hub_cache) as model:
        hub.repos["some/model"].files[FILE] = save({"other": torch.ones(2)})
        with pytest.raises(ValueError, match="has other tensors than its header said before the download"):
            model.prepare()


def test_a_repository_that_moves_on_while_it_is_read(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(dict(TINY))
    with open_checkpoint("some/model", cache=hub_cache) as model:
        hub.repos["some/model"].commit = "d" * 40
        with pytest.raises(SourceError, match=r"some/model changed while it was read \(no longer c0ffee00\)"):
            model.prepare()


def test_errors_that_nobody_foresaw_keep_their_type_and_text():
    said = explain(RuntimeError("odd\nsecond line"), Request("some/model", None, "http://hub", "f"))
    assert str(said) == "http://hub cannot give f of some/model: RuntimeError: odd"
