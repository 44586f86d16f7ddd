"""A LoRA is converted to an input or output adapter by Eq. 5, from weights alone, and moved (after Fig. 6).

Eq. 5 inverts the weights, so small singular values cause large errors; a ridge, relative to the largest singular value,
reduces these errors. The model, the text, the targets and the LoRA with its learning rate are those of
``toys/language.py``.

Examples:
  python toys/conversion.py            12 seeds
  python toys/conversion.py --quick    2 seeds and smaller models
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.errors import InvalidValueError
from toys.transfer import command, records
from toys.transfer.protocol import Protocol, protocol
from toys.transfer.runs import SOURCE, Run
from toys.transfer.study import NONE

RIDGES: Final = (0.0, 0.01, 0.1)
SIDES: Final = ("input", "output", "residual")


def run(
    plan: Protocol,
    *,
    quick: bool,
    seeds: tuple[int, ...],
    cache: Path,
    jobs: int = 1,
    repeat: bool = False,
) -> dict[str, Any]:
    """Return the losses without an adapter, with LoRA, and with LoRA converted by Eq. 5, for each side and ridge."""
    del repeat
    known = records.recorded("language")
    if known is None:
        msg = (
            "The language study has no record, so LoRA's learning rate is unknown; run python toys/language.py and copy"
            f" out/language/language.json to {records.DATA / 'language_record.json'}."
        )
        raise InvalidValueError(msg)
    lora, size = known["rates"]["lora"], "quick" if quick else "full"
    language = protocol("language")

    def units(what: str, ridge: float = language.rule.ridge) -> list[Run]:
        rule = replace(language.rule, ridge=ridge)
        adapter = {} if what == "facts" else {"method": language.methods["lora"], "rate": lora["rate"]}
        return [Run(toy="language", size=size, seed=s, what=what, rule=rule, **adapter) for s in seeds]

    asked = {"facts": units("facts"), "move": units("move")} | {ridge: units("carry", ridge) for ridge in RIDGES[1:]}
    with command.shown(plan.name, cache, jobs) as execute:
        found = execute([unit for some in asked.values() for unit in some])

    def row(key: Any, *path: str) -> dict[str, list[float]]:
        of = [_inside(found[unit], path) for unit in asked[key]]
        return {model: [one[model][plan.measure] for one in of] for model in (SOURCE, *plan.targets)}

    rows = {NONE: row("facts", "none"), "lora": row("move", "1.0")}
    for side in SIDES:
        rows[f"Eq. 5 {side}, ridge 0"] = row(RIDGES[1], f"Eq. 5 {side}, plain")
        for ridge in RIDGES[1:]:
            rows[f"Eq. 5 {side}, ridge {ridge:g}"] = row(ridge, f"Eq. 5 {side}, ridge")
    rates = dict.fromkeys(plan.methods, lora)
    figures: dict[str, Any] = records.rounded({"rates": rates, "rows": rows})
    return figures


def _inside(figures: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        figures = figures[key]
    return figures


def main(argv: list[str] | None = None) -> int:
    return command.main("conversion", __doc__, argv, run)


if __name__ == "__main__":
    sys.exit(main())
