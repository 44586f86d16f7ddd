"""``make demo``: the idea on a crescent, real networks, their weights, on one screen; and a page to play with.

Everything is computed here and now, offline, on a CPU, in about a minute; every number below comes from that run.
"""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.open import open_checkpoint
from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.results import record, write_json
from ioadapt_theory.similarity.compare import compare
from ioadapt_theory.similarity.comparison import Options
from ioadapt_theory.similarity.measures.spaces import Space
from ioadapt_theory.stats import Interval
from toys import crescent, molecules
from toys.ani import picture as ani_picture
from toys.ani import summary
from toys.ani.table import verdict
from toys.page import front
from toys.plane import picture as plane_picture
from toys.plane.table import number
from toys.style import styled, write

OUT: Final = Path("out/demo")
NETWORKS: Final = ("ani-1x:0", "ani-1ccx:0", "ani-1x:1")
TITLE: Final = "Does an adapter trained on one model still work on another?"


def spaces() -> dict[str, dict[str, float]]:
    """Mean cosine of ANI-1x:0 with a network made from it and with an unrelated one, by space."""
    found: dict[str, dict[str, float]] = {}
    for space in Space:
        with ExitStack() as stack:
            models = [stack.enter_context(open_checkpoint(name)) for name in NETWORKS]
            comparison = compare(models, Options(space=space, only=frozenset({"weight"})))
        means = {NETWORKS[j]: comparison.mean((0, j)).mean for j in (1, 2)}
        found[str(space)] = {name: m for name, m in means.items() if m is not None}
    return found


def screen(plane: dict[str, Any], ani: dict[str, Any], alike: dict[str, dict[str, float]]) -> str:
    """The one screen."""
    rows = plane["rows"]
    lines = [
        TITLE,
        "LoRA changes the weights, Y = X(W + AB); an input adapter the inputs, Y = X(I + AB)W; an output adapter the",
        "outputs, Y = XW(I + AB). All are trained on a source model, then put unchanged on a target model.",
        "",
        "1. A crescent in the plane, two maps; the target computes the same with other weights. Loss (0 is best):",
        f"   {'':24}{'source':>10}{'target':>10}",
        *(f"   {r['label']:24}{number(r['loss_source']):>10}{number(r['loss_target']):>10}" for r in rows.values()),
        "",
    ]
    (task,) = ani["tasks"].values()
    found = summary.rows(task)
    members = ani["config"]["members"]
    lines += [
        f"2. Real networks for energies of molecules; RMSE in kcal/mol, mean ± 95 % over {members} of 8 members.",
        "   Trained on ANI-1x, moved to ANI-1ccx (fine-tuned from it) and to another ANI-1x (trained apart):",
        f"   {'':24}{'source':>14}{'ANI-1ccx':>14}{'other ANI-1x':>14}",
    ]
    for row in found.values():
        cells = [row.errors.get(role) for role in ("source", *summary.TARGETS)]
        lines.append(f"   {row.label:24}" + "".join(f"{_cell(errors):>14}" for errors in cells))
    lines += [
        *(f"   {line}" for line in _reading(found)),
        "",
        f"3. Mean cosine of {NETWORKS[0]} with          {NETWORKS[1]:>12}{NETWORKS[2]:>12}    what it speaks for",
        *(
            f"   {WORDS[space][0]:32}{c[NETWORKS[1]]:12.3f}{c[NETWORKS[2]]:12.3f}    {WORDS[space][1]}"
            for space, c in alike.items()
        ),
        "",
    ]
    return "\n".join(lines)


WORDS: Final = {
    "weight": ("weights", "moving a LoRA"),
    "input": ("their input side, WWᵀ", "moving an input adapter"),
    "output": ("their output side, WᵀW", "moving an output adapter"),
}


def _cell(errors: list[float] | None) -> str:
    return "" if errors is None else str(Interval.of(errors))


def _reading(found: dict[str, summary.Row]) -> list[str]:
    """Paired differences on the related target, each with what the recorded full run says of it."""
    lines = [
        "On ANI-1ccx, minus LoRA on the same layers (paired, 95 %), and what the recorded full run says of the same,",
        "where all of its comparisons are to hold at once:",
    ]
    full = molecules.recorded_run()
    recorded = summary.rows(full["tasks"][molecules.QUICK.tasks[0]])
    for key, lora in summary.LORA_OF.items():
        gap = summary.difference(found, "related", key, lora, 0.95)
        word = verdict(summary.difference(recorded, "related", key, lora, summary.all_at_once(full)))
        lines.append(f"  {found[key].label:22}{gap.mean:+.2f} ± {gap.half_width:.2f}   full run: {word}")
    return lines


def run(out: Path = OUT) -> str:
    """Compute everything, write pictures and a record, return the screen."""
    began = time.monotonic()
    sys.stderr.write("1/3 crescent (seconds)\n")
    plane = crescent.run(crescent.Config())
    sys.stderr.write("2/3 molecules (under a minute the first time)\n")
    ani = molecules.run(molecules.QUICK, jobs=min(os.cpu_count() or 1, molecules.QUICK.members))
    sys.stderr.write("3/3 weight similarity (seconds)\n")
    alike = spaces()
    with styled():
        pictures = [
            write(draw.draw(data), out, name)[1]
            for draw, data, name in ((plane_picture, plane, "crescent"), (ani_picture, ani, "molecules"))
        ]
    kept = {"crescent": plane["rows"], "molecules": ani["tasks"], "similarity": alike}
    write_json(
        out / "demo.json",
        record("demo", config={"crescent": plane["config"], "molecules": ani["config"]}, results=kept),
    )
    page = front.write(out / "index.html", plane)
    seen = (
        f"Pictures: {', '.join(map(str, pictures))}; numbers: {out / 'demo.json'}  ({time.monotonic() - began:.0f} s)"
    )
    return f"{screen(plane, ani, alike)}{seen}\nTen minutes to understand it all, in a browser: {page}\n"


def main(argv: list[str] | None = None) -> int:
    """Print the screen; status 0, or 2 with one sentence."""

    def body() -> int:
        Parser(prog="python -m toys.demo", description=__doc__).parse_args(argv)
        sys.stdout.write(f"\n{run()}")
        return OK

    return guarded("demo", body)


if __name__ == "__main__":
    sys.exit(main())
