"""Reading and writing of the records of full runs in ``toys/data``."""

import json
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch

from ioadapt_theory.outputs import replacing
from ioadapt_theory.results import record
from toys.transfer.code import PACKAGE, code
from toys.transfer.protocol import names

DATA: Final = Path(__file__).parents[1] / "data"


def recorded(name: str) -> dict[str, Any] | None:
    path = DATA / f"{name}_record.json"
    return read(path) if path.exists() else None


@cache
def every() -> Mapping[str, dict[str, Any]]:
    return {name: one for name in names() if (one := recorded(name))}


def carried_over(name: str) -> dict[str, Any] | None:
    """Return the record of moving a study's LoRA with ``transfer``, or None."""
    path = DATA / "carried" / f"{name}.json"
    return read(path) if path.exists() else None


def cases(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the results of a study by case; a study with a single case, "", has its results at the top level."""
    return dict(result["cases"]) if "cases" in result else {"": result}


def read(path: Path) -> dict[str, Any]:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {"config": stored["config"], "versions": stored["versions"], **stored["results"]}


def write(path: Path, name: str, command: str, seeds: Any, results: Mapping[str, Any], depends: Sequence[str]) -> None:
    """Write a record, with facts about this machine and a digest of the code, atomically.

    Args:
        path: file of the record.
        name: name of the study.
        command: command that makes the record.
        seeds: a list, or lists by family.
        results: what was measured.
        depends: the study's own folders and files, see ``code``.
    """
    here = machine()
    config = {
        "command": command,
        "seeds": seeds,
        "python": ".".join(map(str, sys.version_info[:2])),
        "processor": here["processor"],
        "kernels": here["kernels"],
        "code": code(*PACKAGE, *depends),
    }
    with replacing(path) as temporary:
        temporary.write_text(compact(record(name, config=config, results=results)), encoding="utf-8")


def compact(content: Any) -> str:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return re.sub(r"\[[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n"


def rounded(value: Any, digits: int = 6) -> Any:
    """Round the floats in nested dicts and lists to ``digits`` significant digits; tuples become lists."""
    match value:
        case float():
            return float(f"{value:.{digits}g}")
        case dict():
            return {key: rounded(inner, digits) for key, inner in value.items()}
        case list() | tuple():
            return [rounded(inner, digits) for inner in value]
        case _:
            return value


def machine() -> dict[str, str]:
    """Return the processor, torch's CPU kernels, and the versions of torch and Python, which affect rounding."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
