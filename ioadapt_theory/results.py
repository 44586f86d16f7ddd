"""One JSON record a run: what was computed, with which seed and versions; written whole or not at all."""

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

JSON = Mapping[str, Any]


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it when the block ends well, and is removed when not.

    Folders that are missing are made, and removed with it.
    """
    path = Path(path)
    made = [folder for folder in path.parents if not folder.exists()]  # innermost first
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        with suppress(OSError):  # they are not empty where all went well
            for folder in made:
                folder.rmdir()


def write_json(path: Path | str, content: JSON) -> None:
    """Write indented JSON atomically; NaN and infinities are refused, they are not JSON."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def record(what: str, *, config: JSON, results: JSON) -> dict[str, Any]:
    """What a run leaves behind: its name, its configuration (seed included), its figures, and the versions used."""
    versions = {name: metadata.version(name) for name in ("ioadapt-theory", "torch", "numpy")}
    return {
        "schema": 1,
        "what": what,
        "config": dict(config),
        "results": dict(results),
        "versions": {"python": platform.python_version(), **versions},
    }


def fingerprint(config: JSON) -> str:
    """A short name for a configuration: equal configurations have equal names."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:16]


def cached(folder: Path | str, config: JSON, compute: Callable[[], JSON]) -> JSON:
    """Return what ``compute`` returned for this configuration, computing it only once; a broken file is redone."""
    path = Path(folder) / f"{fingerprint(config)}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["config"] == json.loads(json.dumps(config, default=str)):
            return dict(stored["results"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    results = compute()
    write_json(path, {"config": json.loads(json.dumps(config, default=str)), "results": results})
    return results
