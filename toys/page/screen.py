"""The output of ``make demo``: the crescent, real networks, their similarity, and the page."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import mean
from tempfile import TemporaryFile
from typing import Any, Final

from ioadapt_theory.checkpoints import open_checkpoint
from ioadapt_theory.outputs import write_json
from ioadapt_theory.results import record
from ioadapt_theory.similarity import Space, compare
from toys import crescent
from toys.common.style import styled, write
from toys.page import front
from toys.plane import picture as plane_picture
from toys.plane.table import number
from toys.transfer import command
from toys.transfer.output import page, picture
from toys.transfer.protocol import protocol
from toys.transfer.records import cases
from toys.transfer.study import NONE

OUT: Final = Path("out/demo")
NETWORKS: Final = ("ani-1x:0", "ani-1ccx:0", "ani-1x:1")
MEMBERS: Final = 2
PLACES: Final = {"source": 10, "kin": 12, "apart": 14}
"""Model -> width of its column in the table of networks."""
TITLE: Final = "Does an adapter trained on one model still work on another?"


def spaces() -> dict[str, dict[str, float]]:
    """Return the mean cosine of ANI-1x:0 with ANI-1ccx:0 (fine-tuned from it) and with ANI-1x:1, in each space."""
    found: dict[str, dict[str, float]] = {}
    for space in Space:
        with ExitStack() as stack:
            models = [stack.enter_context(open_checkpoint(name)) for name in NETWORKS]
            comparison = compare(*models, space=space, only=frozenset({"weight"}))
        means = {NETWORKS[j]: comparison.mean((0, j)).mean for j in (1, 2)}
        found[str(space)] = {name: m for name, m in means.items() if m is not None}
    return found


def screen(plane: dict[str, Any], ani: dict[str, Any], alike: dict[str, dict[str, float]]) -> str:
    rows = plane["rows"]
    lines = [
        TITLE,
        "LoRA changes the weights, Y = X(W + AB); an input adapter the inputs, Y = X(I + AB)W; an output adapter the",
        "outputs, Y = XW(I + AB). All are trained on a source model, then put unchanged on a target model.",
        "",
        "1. A crescent in the plane, two maps; the target has the same function, different weights. Loss (best: 0):",
        f"   {'':24}{'source':>10}{'target':>10}",
        *(f"   {r['label']:24}{number(r['loss_source']):>10}{number(r['loss_target']):>10}" for r in rows.values()),
        "",
    ]
    plan, rows = protocol("molecules"), cases(ani)[protocol("molecules").cases[0]]["rows"]
    lines += [
        "2. Real networks learn the effect of water on the energies of molecules; error in kcal/mol, mean over"
        f" {len(rows['lora']['source'])} of 8 members.",
        "   Trained on ANI-1x, copied to ANI-1ccx (fine-tuned from it) and to an independently trained ANI-1x:",
        f"   {'':24}{'source':>10}{'ANI-1ccx':>12}{'other ANI-1x':>14}",
        *(
            f"   {page.label(row):24}" + "".join(f"{mean(rows[row][at]):{w}.2f}" for at, w in PLACES.items())
            for row in (NONE, *plan.methods)
        ),
        "   These are too few members for conclusions; the recorded run with all is in docs/molecules.md.",
        "",
        f"3. Mean cosine of {NETWORKS[0]} with          {NETWORKS[1]:>12}{NETWORKS[2]:>12}    evidence for",
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


def run(out: Path = OUT) -> str:
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=out):  # fails before the computation if the folder is not writable
        pass
    sys.stderr.write("1/3 crescent (a few seconds)\n")
    plane = crescent.run(crescent.Config())
    sys.stderr.write("2/3 molecules (under a minute the first time)\n")
    plan, seeds, jobs = protocol("molecules"), tuple(range(MEMBERS)), min(os.cpu_count() or 1, MEMBERS)
    ani = command.run(plan, quick=True, seeds=seeds, cache=Path("out/molecules/cache"), jobs=jobs)
    sys.stderr.write("3/3 weight similarity (a few seconds)\n")
    alike = spaces()
    with styled():
        drawn = {
            "crescent": plane_picture.draw(plane),
            "molecules": picture.draw(plan, ani),
        }
        pictures = [write(figure, out, name)[1] for name, figure in drawn.items()]
    kept = {"crescent": plane["rows"], "molecules": ani["cases"], "similarity": alike}
    config = {"crescent": plane["config"], "molecules": {"quick": True, "seeds": list(seeds)}}
    write_json(out / "demo.json", record("demo", config=config, results=kept))
    shown = front.write(out / "index.html", plane)
    took = f"{time.monotonic() - began:.0f} s"
    seen = f"Pictures: {', '.join(map(str, pictures))}; numbers: {out / 'demo.json'}  ({took})"
    return f"{screen(plane, ani, alike)}{seen}\nExplanation for the browser (ten minutes): {shown}\n"
