"""What a report says of pairs of every history: rules were fixed on some networks and are counted on others."""

import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.report.histories import pairs, write
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.report.assemble import Report, report
from ioadapt_theory.report.stored import by_names
from ioadapt_theory.results import record

FIXED: Final = (("llama", 0), ("gpt2", 0), ("qwen2", 0), ("bert", 0), ("vit", 0), ("resnet", 0), ("unet", 0))
"""Architectures and seeds whose pairs were looked at while the rules were made."""
WITHHELD: Final = (("opt", 1), ("vit", 1), ("bert", 1), ("convnext", 1), ("llama", 1))
"""Those that were looked at once, afterwards."""


def compared(source: Path, target: Path) -> Report:
    """The report on two folders, without an adapter."""
    with open_checkpoint(str(source)) as one, open_checkpoint(str(target)) as two:
        return report(*by_names(one, two))


def said(folder: Path, name: str, seed: int) -> Iterator[dict[str, Any]]:
    """A row for every pair that the architecture has."""
    place = folder / f"{name}-{seed}"
    write(place, name, seed)
    for pair in pairs():
        if (place / pair.source).is_dir() and (place / pair.target).is_dir():
            found = compared(place / pair.source, place / pair.target)
            yield {
                "network": f"{name}-{seed}",
                "source": pair.source,
                "target": pair.target,
                "history": str(pair.kin),
                "said": str(found.kinship.kin),
                "why": found.kinship.why,
                "right": pair.kin in found.kinship.kin.covers,
                "coarse": pair.kin in found.kinship.kin.covers and found.kinship.kin is not pair.kin,
                "alike": bool(found.kinship.kin.covers & {*pair.leaves}),
                "advice": str(found.advice[0].action),
            }


HALVES: Final[Mapping[str, Sequence[tuple[str, int]]]] = {"withheld": WITHHELD, "fixed": FIXED}


def main(quick: bool = False, models: Path | None = None, half: str | None = None) -> dict[str, Any]:
    """Train the networks that are not in the folder yet, and report on all pairs, or on those of one half."""
    torch.set_num_threads(1)
    halves = {name: some for name, some in HALVES.items() if half in (None, name)}
    with tempfile.TemporaryDirectory() as own, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = {
            half: [row for name, seed in some[: 1 if quick else None] for row in said(models or Path(own), name, seed)]
            for half, some in halves.items()
        }
    return record("report", config={"quick": quick, "half": half, "cpus": os.cpu_count()}, results={"pairs": rows})


def table(content: Mapping[str, Any]) -> str:
    """Hit rates by history and half, and what was said instead."""
    rows = content["results"]["pairs"]
    lines = []
    for half, what in (("withheld", "pairs that the rules were not made on"), ("fixed", "pairs they were made on")):
        if not (some := rows.get(half, [])):
            continue
        right, coarse = (sum(row[key] for row in some) for key in ("right", "coarse"))
        lines.append(
            f"{what}, of {len({row['network'] for row in some})} networks: the word is right in {right} of {len(some)},"
            f" in {coarse} of them with others that two models do not tell apart"
        )
    lines += ["", f"{'history (withheld)':<20}{'pairs':>6}{'right':>7}{'coarse':>8}  said instead"]
    for history in dict.fromkeys(str(pair.kin) for pair in pairs()):
        some = [row for row in rows.get("withheld", []) if row["history"] == history]
        other = Counter(row["said"] for row in some if not row["right"])
        instead = ", ".join(f"{word} {n}" for word, n in other.most_common())
        right, coarse = (sum(row[key] for row in some) for key in ("right", "coarse"))
        lines.append(f"{history:<20}{len(some):>6}{right:>7}{coarse:>8}  {instead}")
    wrong = [row for row in rows.get("withheld", []) if not row["right"]]
    lines.append("")
    for r in wrong:
        alike = " (it hardly left the base, whose traces these are)" if r["alike"] else ""
        lines.append(f"wrong{alike}: {r['network']}, {r['source']} -> {r['target']}: {r['said']}, {r['why']}")
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
