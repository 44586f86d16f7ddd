"""JSON records of runs, with configuration, results and versions."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from ioadapt_theory.errors import InvalidValueError

JSON = Mapping[str, Any]


def as_json(content: Any) -> str:
    """Return indented JSON; raise InvalidValueError for NaN and infinities, which are not JSON."""
    try:
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        msg = f"The result cannot be written as JSON ({error}); use another format."
        raise InvalidValueError(msg) from error


def record(what: str, *, config: JSON, results: JSON) -> dict[str, Any]:
    """Return the record of a run: its name ``what``, configuration, results, and versions of Python and packages."""
    versions = {name: metadata.version(name) for name in ("ioadapt-theory", "torch", "numpy")}
    return {
        "schema": 1,
        "what": what,
        "config": dict(config),
        "results": dict(results),
        "versions": {"python": platform.python_version(), **versions},
    }


def fingerprint(config: JSON) -> str:
    """Return a short hash of a configuration; the order of its keys has no influence."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:16]
