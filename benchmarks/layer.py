"""Adapted layers, compared with the frozen base layer, with PEFT's layers, and with PEFT on an identity layer.

Each section of ``cells`` runs in a separate process in which glibc returns freed pages to the system; on a CPU, the
sections that are not in ``ONCE`` also run in a process that keeps freed pages.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from benchmarks import bars
from benchmarks.cells import ONCE, SECTIONS
from benchmarks.measure import MALLOC
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.results import record
from toys.transfer.code import code

table = bars.markdown


def main(
    quick: bool = False,
    part: Collection[str] | None = None,
    device: str = "cpu",
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure the sections in ``part`` (default: all) on one thread, and copy the others from ``before``, if given.

    Returns:
        The record; its ``results`` contain the cells, by treatment of freed pages and by section, and the targets.

    Raises:
        InvalidValueError: torch finds no CUDA device, or ``before`` has a different configuration.
    """
    if device != "cpu" and not torch.cuda.is_available():
        msg = f"torch finds no CUDA device, so that --device must be cpu, not {device}."
        raise InvalidValueError(msg)
    versions = {name: metadata.version(name) for name in ("torch", "peft")}
    where = torch.cuda.get_device_name() if device != "cpu" else cpu()
    made = {"command": "python -m benchmarks layer", "code": code("ioadapt_theory/adapters", "benchmarks")}
    config = {
        "quick": quick,
        "device": device,
        "where": where,
        "threads": 1,
        "cpus": os.cpu_count(),
        **versions,
        **made,
    }
    results: dict[str, Any] = {pages: {} for pages in MALLOC}
    if part is not None and before is not None:
        if before["config"] != config:
            name = next(k for k in {**before["config"], **config} if before["config"].get(k) != config.get(k))
            was, now = before["config"].get(name), config.get(name)
            msg = f"The record in --out has {name} {was!r}, not {now!r}; leave out --part, or use a different --out."
            raise InvalidValueError(msg)
        results = {pages: dict(before["results"][pages]) for pages in MALLOC}
    for section in part or SECTIONS:
        for pages, environment in MALLOC.items():
            if pages == "returned" or (section not in ONCE and device == "cpu"):
                results[pages][section] = run(section, quick=quick, device=device, environment=environment)
    found = {"load": round(os.getloadavg()[0], 1), "bars": [asdict(b) for b in bars.bars(results)]}
    return record("layer", config=config, results={**results, **found})


def run(section: str, *, quick: bool, device: str, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.cells", section, "--device", device]
    done = subprocess.run(
        [*command, *(["--quick"] if quick else [])],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
