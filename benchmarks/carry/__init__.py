"""The share of an adapter's gain that ``transfer`` and its peers keep on another model, and the predictions of it."""

import itertools
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.carry.models import FAMILIES, Move, loss, moves, require_digits
from benchmarks.carry.peers import OWN, PEERS, Both, by_peer, carried, closed, distilled
from benchmarks.carry.tables import table
from ioadapt_theory import results
from ioadapt_theory.adapters import disable
from ioadapt_theory.effect import Compared, whole
from ioadapt_theory.effect import measured as foretold
from toys.transfer.cache import figures
from toys.transfer.code import PACKAGE, code

__all__ = ["main", "table"]

DEPENDS: Final = (*PACKAGE, "benchmarks/carry", "toys/transfer/baselines.py", "toys/transfer/features.py")
"""Folders and files that the record depends on."""
FEWER: Final = (16, 64)
"""Numbers of inputs, besides all, from which shares are predicted."""


def main(
    *,
    quick: bool = False,
    seeds: int = 1,
    families: Sequence[str] = (*FAMILIES,),
    cache: Path = Path("out/bench/cache"),
) -> dict[str, Any]:
    """Train the networks, move adapters with every method, and measure the gain on labelled data.

    Args:
        quick: move only one adapter, to four targets.
        seeds: number of seeds per family.
        families: names of the families of networks, see ``models.FAMILIES``.
        cache: folder for the results of each family and seed, from which an interrupted run resumes.

    Returns:
        The benchmark record, with one entry per adapter and target.
    """
    require_digits()
    rows = []
    for seed in range(1 if quick else seeds):
        for family in ("mlp",) if quick else families:
            part = partial(_moves, family, seed, 4 if quick else None, cache)
            rows += figures(cache, _key(family, seed, quick), part)["moves"]
    command = f"python -m benchmarks carry{' --quick' * quick}"
    config = {"seeds": seeds, "families": [*families], "quick": quick, "command": command, "code": code(*DEPENDS)}
    return results.record("carry", config=config, results={"moves": rows})


def _key(family: str, seed: int, *which: Any) -> dict[str, Any]:
    return {"benchmark": "carry", "code": code(*DEPENDS)["digest"], "family": family, "seed": seed, "which": which}


def _moves(family: str, seed: int, count: int | None, cache: Path) -> dict[str, Any]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, move in enumerate(itertools.islice(moves(family, seed), count)):
            found.append(figures(cache, _key(family, seed, number), partial(measured, move)))
    return {"moves": found}


def measured(move: Move) -> dict[str, Any]:
    """Return the share of the gain (loss reduction on test rows) that each method keeps, with times and predictions."""
    with disable(move.source):
        before = loss(move.source, move)
    gain, plain = before - loss(move.source, move), loss(move.target, move)

    def share(model: torch.nn.Module | None) -> float | None:
        return None if model is None else (plain - loss(model, move)) / gain

    row: dict[str, Any] = {k: getattr(move, k) for k in ("family", "relation", "adapted", "placement", "seed", "need")}
    row |= {"explained": gain / before, "kept": {}, "seconds": {}, "predicted": []}
    both = Both(move)
    for name in PEERS:
        started = time.process_time()
        made = by_peer(both, name)
        row["seconds"][name], row["kept"][name] = time.process_time() - started, share(made)
        if name == "copy":
            copied = made
    x, started = move.rows[0], time.process_time()
    for name, made in closed(move).items():
        row["kept"][name] = share(made)
    row["seconds"] |= dict.fromkeys(OWN, time.process_time() - started)
    for name, rows, options in (
        ("closed form", x, {"steps": 0}), ("default", x, {}), ("50 steps", x, {"steps": 50}),
        *((f"default, {n} inputs", x[:n], {}) for n in FEWER),
    ):  # fmt: skip
        target, outcome, row["seconds"][name] = carried(move, rows, **options)
        row["kept"][name] = share(target)
        row["predicted"].append(_foretold(name, len(rows), outcome.prediction, row["kept"][name], put=outcome.matched))
    for name, start in (("plain, from zero", None), ("plain, from the copy", copied)):
        here = start is not None or name == "plain, from zero"
        row["kept"][name] = share(distilled(move, start, row["seconds"]["default"])) if here else None
    if copied is not None:
        with disable(move.source), disable(copied):
            compared = Compared.of(move.source, copied, (x, x), need=move.need)
        for n in (*FEWER, len(x)):
            found = foretold(move.source, copied, whole(x[:n]), disable, nullcontext, compared)
            row["predicted"].append(_foretold("copy", n, found, row["kept"]["copy"], put=True))
    return row


def _foretold(method: str, inputs: int, found: Any, kept: float | None, *, put: Any) -> dict[str, Any]:
    """Return a prediction and what its interval is computed from; the share is 0 if no adapter was added."""
    row = {"of": method, "inputs": inputs, "kept": kept, "share": found.kept if put and found else 0.0}
    if put and found is not None:
        doubt = found.doubt
        row |= {"interval": found.interval, "doubt": [doubt.sampling, doubt.unseen, doubt.guess]}
    return row
