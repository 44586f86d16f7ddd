"""What a run says on the screen: a table for each task, and the sentences that its figures allow."""

import textwrap
from statistics import mean
from typing import Any, Final

from ioadapt_theory.stats import Interval, paired
from toys.ani import summary
from toys.ani.molecules import Task
from toys.ani.summary import LORA_OF, TARGETS, Row

TASKS: Final = {
    Task.WATER: "add what water does (the same change is asked of every network)",
    Task.GFN2: "give the energies of another method, GFN2-xTB (each network needs its own change)",
}
WIDTHS: Final = (22, 9, 14, 14, 15, 15, 15)
WIDTH: Final = sum(WIDTHS)
VERDICTS: Final = {"better": "holds", "worse": "is contradicted", "undecided": "is not decided"}


def text(result: dict[str, Any]) -> str:
    """The whole screen."""
    lines = [
        "Adapters trained on networks of ANI-1x, then put unchanged on ANI-1ccx (made from them) and on other ANI-1x.",
        likeness(result["similarity"]),
        "Error: RMSE in kcal/mol on molecules not trained on, mean ± half of the 95 % interval over "
        f"{result['config']['members']} members,",
        "each with its own split of the molecules. Differences are paired by member; negative is better.",
    ]
    for task, figures in result["tasks"].items():
        found = summary.rows(figures)
        table = [*_head(), *(_line(row, found["none"]) for row in found.values())]
        lines += ["", f"Task {task}: {TASKS[Task(task)]}", *table, *rates(figures), "", *reading(found)]
    all_of_them = len(result["tasks"]) * len(TARGETS) * len(LORA_OF)
    at_once = summary.decided(result, summary.all_at_once(result))
    lines += [
        "",
        f"Of all {all_of_them} differences from LoRA on the same layers {summary.decided(result, 0.95)} are decided at",
    ]
    lines.append(f"95 % each, {at_once} if the intervals are widened so that all hold at once (Bonferroni).")
    return "\n".join(lines) + "\n"


def likeness(similarity: dict[str, list[list[float]]]) -> str:
    """How like the source's weights the targets' are, layer by layer."""
    says = (f"{TARGETS[role]} {', '.join(f'{mean(c):.2f}' for c in layers)}" for role, layers in similarity.items())
    return f"Cosine of the four layers' weights with the source's: {'; '.join(says)}."


def _head() -> list[str]:
    return [
        _cells("", "", "trained on", "moved to", "minus", "moved to", "minus"),
        _cells("", "numbers", "ANI-1x", TARGETS["related"], "no adapter", TARGETS["unrelated"], "no adapter"),
    ]


def _cells(*cells: str) -> str:
    first, *others = cells
    return first.ljust(WIDTHS[0]) + "".join(c.rjust(w) for c, w in zip(others, WIDTHS[1:], strict=True))


def _line(row: Row, none: Row) -> str:
    cells = [row.label, "" if row.numbers is None else f"{row.numbers}"]
    cells.append(f"{Interval.of(row.errors['source'])}" if "source" in row.errors else "")
    for role in TARGETS:
        cells.append(f"{Interval.of(row.errors[role])}")
        gap = paired(row.errors[role], none.errors[role])
        cells.append("" if row is none else f"{gap.mean:+.2f} ± {gap.half_width:.2f}")
    return _cells(*cells)


def reading(found: dict[str, Row]) -> list[str]:
    """What the figures show, in words that the intervals choose."""
    says = []
    for role, name in TARGETS.items():
        loras = {key: summary.difference(found, role, key, lora) for key, lora in LORA_OF.items()}
        none = {key: summary.difference(found, role, key, "none") for key in ("lora", "lora_first", *LORA_OF)}
        says.append(
            f"Moved to {name}: the paper's claim that input and output adapters do better than LoRA {claim(loras)}."
        )
        says.append(f"Differences from LoRA on the same layers: {_differences(found, loras)}.")
        lost = {key: summary.lost_in_the_move(found, role, key, lora) for key, lora in LORA_OF.items()}
        says.append(f"Lost in the move (moved minus source), minus LoRA's loss: {_differences(found, lost)}.")
        if (best := summary.best_strength(found, role)) != "lora":
            scaled = {key: summary.difference(found, role, key, best) for key in ("input", "output")}
            says.append(f"From {found[best].label}, LoRA's best strength in hindsight: {_differences(found, scaled)}.")
        groups = {w: [found[k].label for k, gap in none.items() if verdict(gap) == w] for w in VERDICTS}
        sorted_out = "; ".join(f"{word}: {', '.join(labels)}" for word, labels in groups.items() if labels)
        says.append(f"Against no adapter {sorted_out}.")
    return [line for say in says for line in _wrapped(say, indent=0 if say.startswith("Moved") else 2)]


def claim(loras: dict[str, Interval]) -> str:
    """What the intervals of the input and the output adapter make of the claim."""
    said: dict[str, list[str]] = {VERDICTS[verdict(loras[key])]: [] for key in ("input", "output")}
    for key in ("input", "output"):
        said[VERDICTS[verdict(loras[key])]].append(key)
    return ", ".join(f"{word} for {' and '.join(keys)}" for word, keys in said.items())


def verdict(gap: Interval) -> str:
    """Word for a difference, by where zero lies."""
    return "better" if gap.high < 0 else "worse" if gap.low > 0 else "undecided"


def _differences(found: dict[str, Row], gaps: dict[str, Interval]) -> str:
    """Each method's difference, and the word for it."""
    return ", ".join(f"{found[k].label} {g.mean:+.2f} ± {g.half_width:.2f} ({verdict(g)})" for k, g in gaps.items())


def _wrapped(say: str, *, indent: int) -> list[str]:
    return textwrap.wrap(say, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))


def rates(figures: dict[str, Any]) -> list[str]:
    """The learning rates, and whether each was better than its neighbours on both sides."""
    methods = figures["methods"].values()
    given = ", ".join(f"{m['rate']:g}{'' if m['interior'] else ' (not bracketed)'}" for m in methods)
    if not any(m["interior"] for m in methods):
        given = f"{', '.join(format(m['rate'], 'g') for m in methods)}; taken from the recorded full run"
    return _wrapped(f"Learning rates of {', '.join(figures['methods'])}: {given}.", indent=0)
