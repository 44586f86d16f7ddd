"""Models from the hub are what the hub announced."""

from pathlib import Path

import huggingface_hub
import pytest

from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.models.sources import downloaded

ETAG = "b45ef6fec89518d314f546fd6c3025367b721684"
"""git's hash of the text "Hello, World!"."""


def test_a_new_file_with_a_flipped_byte_is_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    snapshot, blob = tmp_path / "snapshots" / "c0ffee", tmp_path / "blobs" / ETAG

    def snapshot_download(*_: object, **__: object) -> str:
        for folder in (snapshot, blob.parent):
            folder.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(text)
        (snapshot / "config.json").unlink(missing_ok=True)
        (snapshot / "config.json").symlink_to(blob)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda *_, **__: ["config.json"])
    text = b"Hello, World?"
    with pytest.raises(FileFormatError, match=rf"config\.json does not have the hash .* \({ETAG}\)"):
        downloaded("some/model", None)
    assert not blob.exists()
    text = b"Hello, World!"
    assert downloaded("some/model", None) == snapshot
