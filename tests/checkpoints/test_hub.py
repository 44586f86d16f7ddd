"""Repositories of SD-1.5's form on a loopback hub: what is fetched, when, and that it arrives whole."""

import json
import logging
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.sources import open_checkpoint, prepare
from tests.checkpoints.hub import COMMIT, LoopbackHub, Repo
from tests.similarity.models import shapes, sharded, value, weights

SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
LCM = "SimianLuo/LCM_Dreamshaper_v7"
FILE = "unet/diffusion_pytorch_model.safetensors"
FP16 = "unet/diffusion_pytorch_model.fp16.safetensors"


def sd15_repo() -> Repo:
    full = weights("sd15", 1)
    half = {k: v.half() for k, v in full.items()}
    return Repo({FILE: save(full), FP16: save(half), "unet/config.json": b"{}", "v1-5-pruned.ckpt": b"never read"})


def left_behind(cache: Path) -> list[str]:
    return [p.name for p in cache.rglob("*.incomplete")]


def test_names_and_shapes_come_before_the_weights(hub: LoopbackHub, hub_cache: Path):
    hub.repos[SD15] = sd15_repo()
    with open_checkpoint("sd15", cache=hub_cache) as sd15:
        assert {n: t.shape for n, t in sd15.tensors.items()} == shapes("sd15")
        assert (sd15.name, sd15.revision) == ("sd15", COMMIT)
        assert hub.asked_for(FILE) == ["bytes=0-100000"]
        assert sd15.pending() == len(hub.repos[SD15].files[FILE])
        assert prepare([sd15], [None], hub_cache) == len(hub.repos[SD15].files[FILE])
        assert sd15.pending() == 0
        expected = weights("sd15", 1)
        assert all(torch.equal(value(sd15, n), expected[n]) for n in expected)
    assert not any(path.endswith((FP16, ".ckpt")) for _, path, _ in hub.log), "only the file that is needed"
    assert left_behind(hub_cache) == []


def test_of_a_sharded_model_only_the_shards_with_wanted_tensors_are_fetched(hub: LoopbackHub, hub_cache: Path):
    values = weights("lcm", 3, dtype=torch.bfloat16)
    files = {f"transformer/{n}": b for n, b in sharded(values, parts=3).items()}
    hub.repos["some/flux"] = Repo(files)
    with open_checkpoint("some/flux", cache=hub_cache) as flux:
        first, *_ = values
        assert flux.pending([first]) < flux.pending() == sum(len(b) for n, b in files.items() if "json" not in n)
        flux.prepare([first])
        assert len(list(hub_cache.rglob("*.safetensors"))) == 1
        assert all(torch.equal(value(flux, n), values[n]) for n in values), "read fetches the rest"


def test_cut_connections_are_resumed_where_they_broke(hub: LoopbackHub, hub_cache: Path):
    values = {"large": torch.randn(3_200_000, dtype=torch.float32)}  # the client keeps pieces of 10 MiB
    hub.repos["some/model"] = Repo({FILE: save(values)}, cut_after={FILE: 11_000_000}, cuts=1)
    with open_checkpoint("some/model", cache=hub_cache) as model:
        assert torch.equal(value(model, "large"), values["large"])
    assert hub.asked_for(FILE)[1:] == [None, "bytes=10485760-"]
    assert left_behind(hub_cache) == []


@pytest.mark.parametrize("how", ["option", "environment"])
def test_offline_works_from_the_cache_and_asks_nobody(
    hub: LoopbackHub, hub_cache: Path, how: str, monkeypatch: pytest.MonkeyPatch
):
    values = weights("bk-sdm-tiny", 7)
    hub.repos["some/model"] = Repo({f"transformer/{n}": b for n, b in sharded(values).items()})
    with open_checkpoint("some/model", cache=hub_cache) as model:
        model.prepare()
    hub.log.clear()
    if how == "environment":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with open_checkpoint("some/model", cache=hub_cache, offline=how == "option") as model:
        assert model.pending() == 0
        assert all(torch.equal(value(model, n), values[n]) for n in values)
    assert hub.log == []


@pytest.mark.parametrize("refusal", ["401", "403", "404", "429", "500", "gone", "gated", "no route", "tree"])
def test_whatever_the_hub_answers_a_cached_copy_is_used_with_a_warning(
    hub: LoopbackHub, hub_cache: Path, refusal: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    expected = weights("bk-sdm-tiny", 8)
    hub.repos["some/model"] = repo = Repo({FILE: save(expected)})
    with open_checkpoint("some/model", cache=hub_cache) as model:
        model.prepare()
    if refusal.isdigit():
        repo.status = int(refusal)
        repo.retry_after = "3600"
    elif refusal == "gone":
        del hub.repos["some/model"]
    elif refusal == "no route":
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    elif refusal == "gated":  # a newer commit, whose files we may not have
        repo.commit, repo.gated = "d" * 40, True
    else:
        repo.commit, repo.files = "d" * 40, {"README.md": b"moved"}
    before = time.monotonic()
    with caplog.at_level(logging.WARNING), open_checkpoint("some/model", cache=hub_cache) as model:
        assert model.pending() == 0
        assert torch.equal(value(model, "conv_in.weight"), expected["conv_in.weight"])
    assert time.monotonic() - before < 5
    (told,) = [r.getMessage() for r in caplog.records if r.name.startswith("ioadapt_theory")]
    assert "; the cached commit c0ffee00 of some/model is used" in told


def test_a_refusal_without_a_cached_copy_of_this_part_says_both(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo(
        {FILE: save(weights("bk-sdm-tiny", 8)), "vae/x.safetensors": save(weights("lcm", 1))}
    )
    with open_checkpoint("some/model", cache=hub_cache) as model:
        model.prepare()
    hub.repos["some/model"].status = 429
    told = r"answered with status 429 .* Try again later; and vae/\*\.safetensors of some/model is not in the cache"
    with pytest.raises(SourceError, match=told):
        open_checkpoint("some/model:vae", cache=hub_cache)


def test_a_hub_that_asks_to_wait_is_waited_for(
    hub: LoopbackHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    slept: list[float] = []
    monkeypatch.setattr("ioadapt_theory.checkpoints.hub.repository.time.sleep", slept.append)
    hub.repos["some/model"] = Repo({FILE: save(weights("bk-sdm-tiny", 8))}, statuses=[429, 503], retry_after="7")
    with caplog.at_level(logging.WARNING), open_checkpoint("some/model", cache=hub_cache) as model:
        assert len(model.tensors) == 358
    assert slept == [7, 7]
    assert "asks to wait 7 seconds" in caplog.text
    hub.repos["some/other"] = Repo({FILE: b""}, status=429, retry_after="99999")
    with pytest.raises(SourceError, match="answered with status 429"):
        open_checkpoint("some/other", cache=hub_cache)
    assert slept == [7, 7], "longer than anybody waits"


@pytest.mark.parametrize("etag", ["../../../../../escaped", "x" * 64, ""])
def test_a_hash_that_is_none_is_refused_before_it_becomes_a_path(hub: LoopbackHub, hub_cache: Path, etag: str):
    hub.repos["some/model"] = Repo({FILE: save(weights("bk-sdm-tiny", 8))}, etag=etag)
    with (
        open_checkpoint("some/model", cache=hub_cache) as model,
        pytest.raises(SourceError, match=r"as the hash of unet/diffusion.* of some/model: refused"),
    ):
        model.prepare()
    assert not list(hub_cache.rglob("*escaped*"))
    assert not list(hub_cache.parent.rglob("*escaped*"))


def test_a_cache_whose_reference_is_no_commit_knows_nothing(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo({FILE: save(weights("bk-sdm-tiny", 8))})
    with open_checkpoint("some/model", cache=hub_cache) as model:
        model.prepare()
    ref = hub_cache / "models--some--model" / "refs" / "main"
    ref.write_bytes(bytes(range(128, 256)))
    with pytest.raises(SourceError, match="Offline mode is on and some/model is not in the cache"):
        open_checkpoint("some/model", cache=hub_cache, offline=True)
    with open_checkpoint("some/model", cache=hub_cache) as model:
        assert model.pending() == 0


def test_names_that_would_drive_a_terminal_are_never_taken_from_a_repository(hub: LoopbackHub, hub_cache: Path):
    evil = "unet/a\x1b]0;PWNED\x07.safetensors"
    hub.repos["some/model"] = Repo({evil: save(weights("bk-sdm-tiny", 8)), "unet/config.json": b"{}"})
    with pytest.raises(SourceError, match=r"holds no weights that can be read \(it holds config\.json\)"):
        open_checkpoint("some/model", cache=hub_cache)
    entry = {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}
    for header in (
        {"\x1b[2J\x1b[31mPWNED": entry},
        {"a": entry | {"shape": None}},
        {"a": entry | {"shape": [1] * 30_000}},
    ):
        text = json.dumps(header).encode()
        hub.repos["some/model"] = Repo({FILE: len(text).to_bytes(8, "little") + text + bytes(64)})
        with pytest.raises(SourceError, match="has a broken safetensors header") as caught:
            open_checkpoint("some/model", cache=hub_cache)
        assert str(caught.value).isprintable()


def test_a_flipped_byte_is_found_by_verify(hub: LoopbackHub, hub_cache: Path):
    hub.repos["some/model"] = Repo({FILE: save(weights("bk-sdm-tiny", 10))}, flipped=frozenset({FILE}))
    with (
        open_checkpoint("some/model", cache=hub_cache, verify=True) as model,
        pytest.raises(ValueError, match=r"diffusion_pytorch_model.safetensors of some/model is damaged: .* Delete "),
    ):
        model.prepare()


def test_a_sum_that_does_not_fit_is_refused_before_anything_is_fetched(
    hub: LoopbackHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    hub.repos[SD15] = sd15_repo()
    hub.repos[LCM] = Repo({FILE: save(weights("lcm", 2))})
    size = len(hub.repos[SD15].files[FILE]) + len(hub.repos[LCM].files[FILE])
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": size - 1})())
    with open_checkpoint("sd15", cache=hub_cache) as sd15, open_checkpoint("lcm", cache=hub_cache) as lcm:
        with pytest.raises(SourceError, match=r"needs 7.0 MB, and the disk of .* has 7.0 MB free.*--variant fp16"):
            prepare([sd15, lcm], [None, None], hub_cache)
        assert not list(hub_cache.rglob("*.safetensors"))


@pytest.mark.parametrize("shown", [True, False])
def test_progress_is_shown_on_stderr_or_not_at_all(
    hub: LoopbackHub, hub_cache: Path, shown: bool, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TQDM_POSITION", "-1")  # the client takes stderr for a terminal
    hub.repos["some/model"] = Repo({FILE: save(weights("bk-sdm-tiny", 11))})
    with open_checkpoint("some/model", cache=hub_cache, progress=shown) as model:
        model.prepare()
    out, err = capfd.readouterr()
    assert out == ""
    assert ("100%" in err and "diffusion_pytorch_model.safetensors" in err) == shown


def test_an_interrupted_download_leaves_nothing_and_the_next_run_completes(hub: LoopbackHub, hub_cache: Path):
    values = {"large": torch.randn(3_200_000, dtype=torch.float32)}
    hub.repos["some/model"] = repo = Repo({FILE: save(values)}, hold_after={FILE: 11_000_000})
    code = "import sys; from pathlib import Path; from ioadapt_theory.checkpoints.sources import open_checkpoint as o\n"
    code += "o('some/model', cache=Path(sys.argv[1])).prepare()"
    with subprocess.Popen([sys.executable, "-c", code, str(hub_cache)], stderr=subprocess.PIPE) as process:
        assert repo.holding.wait(30)
        while not left_behind(hub_cache):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) != 0
    repo.resume.set()
    assert left_behind(hub_cache) == []
    assert not list(hub_cache.rglob("*.safetensors"))
    with open_checkpoint("some/model", cache=hub_cache) as model:
        assert torch.equal(value(model, "large"), values["large"])


def test_threads_that_read_at_once_cause_one_download(hub: LoopbackHub, hub_cache: Path):
    expected = weights("bk-sdm-tiny", 12)
    hub.repos["some/model"] = Repo({FILE: save(expected)})
    with open_checkpoint("some/model", cache=hub_cache) as model, ThreadPoolExecutor(4) as pool:
        found = dict(zip(expected, pool.map(lambda name: value(model, name), expected), strict=True))
    assert all(torch.equal(found[n], expected[n]) for n in expected)
    assert len(hub.asked_for(FILE)) == 2, "the header, then the file"
