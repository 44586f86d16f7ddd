"""Results of carrying LoRA over, that is, moving it with ``transfer``, beside those of a copied LoRA and predictions.

    share kept on a target = (loss without LoRA - loss with LoRA) / (LoRA's mean reduction of the loss on the source)

``transfer`` predicts this share; the endpoint divides by the gain of a LoRA retrained on the target. Copied, carried
over and retrained LoRAs have the same seeds and the same learning rate, which is the one in the study's record.
"""

from collections.abc import Mapping
from statistics import mean
from typing import Any, Final

import numpy as np

from toys.common.stats import Interval
from toys.transfer.output.table import markdown, terminal
from toys.transfer.protocol import Protocol
from toys.transfer.records import cases
from toys.transfer.runs import CARRIED, COPIED, LORA, SOURCE, Run
from toys.transfer.study import NONE, Runner

RETRAINED: Final = f"{LORA}, retrained"
SEEDS: Final = 2
ENOUGH: Final = 5
"""Minimum number of seeds for which an interval is printed."""


def run(
    plan: Protocol, rates: Mapping[str, float], seeds: tuple[int, ...], size: str, execute: Runner
) -> dict[str, Any]:
    """Return the losses without LoRA and with LoRA (on the source; copied, carried over and retrained on targets).

    The results also contain the shares that ``transfer`` predicts for copied and for carried-over LoRA.

    Args:
        plan: the study's protocol.
        rates: case -> learning rate of LoRA.
        seeds: the seeds to train.
        size: "full" or "quick".
        execute: function that runs units of work.
    """
    found = {}
    for case, rate in rates.items():
        common: dict[str, Any] = {"toy": plan.world, "size": size, "rule": plan.rule, "case": case}
        units = {
            "facts": [Run(seed=s, what="facts", **common) for s in seeds],
            "over": [Run(seed=s, what="over", method=plan.methods[LORA], rate=rate, **common) for s in seeds],
        } | {
            where: [
                Run(seed=s, what="train", method=plan.methods[LORA], rate=rate, where=where, **common) for s in seeds
            ]
            for where in (*plan.related, *plan.strangers)
        }
        figures = execute([unit for some in units.values() for unit in some])
        of = {what: [figures[unit] for unit in some] for what, some in units.items()}
        rows: dict[str, Any] = {
            NONE: {m: [one["none"][m][plan.measure] for one in of["facts"]] for m in (SOURCE, *plan.targets)},
            LORA: {SOURCE: [one[SOURCE][plan.measure] for one in of["over"]]},
            RETRAINED: {m: [one["measured"][plan.measure] for one in of[m]] for m in of.keys() - {"facts", "over"}},
        }
        for row in (COPIED, CARRIED):
            rows[row] = {m: [one[row][m][plan.measure] for one in of["over"]] for m in plan.targets}
            predicted = f"{row}, predicted"
            rows[predicted] = {m: [one[predicted][m] for one in of["over"]] for m in plan.targets}
        found[case] = {"rows": rows}
    return {"cases": found} if any(found) else found[""]


def kept(rows: Mapping[str, Any], row: str, target: str) -> np.ndarray:
    """Return the gain (reduction of the loss) of ``row`` on a target as a share of LoRA's mean gain on the source."""
    none, moved = (np.asarray(rows[r][target], dtype=float) for r in (NONE, row))
    gain = np.asarray(rows[NONE][SOURCE], dtype=float) - np.asarray(rows[LORA][SOURCE], dtype=float)
    return (none - moved) / gain.mean()


def share(plan: Protocol, result: Mapping[str, Any], row: str) -> np.ndarray:
    """Return the share of a retrained LoRA's gain that a moved LoRA keeps, by seed.

    The share is averaged over cases and related targets.

    Args:
        plan: the study's protocol.
        result: the study's record of carried-over LoRA.
        row: COPIED or CARRIED.
    """
    shares = []
    for one in cases(result).values():
        rows = one["rows"]
        for target in plan.related:
            none, moved, best = (np.asarray(rows[r][target], dtype=float) for r in (NONE, row, RETRAINED))
            shares.append((none - moved) / (none - best).mean())
    return np.asarray(np.mean(shares, axis=0))


def lines(plan: Protocol, result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    table = []
    for case, one in cases(result).items():
        rows = one["rows"]
        for row in (COPIED, CARRIED):
            name = f"{row}, {case}" if case else row
            cells = [_cell(kept(rows, row, target), rows[f"{row}, predicted"][target]) for target in plan.targets]
            table.append([name, *cells])
    return ["share kept (predicted)", *plan.targets], table


def _cell(shares: np.ndarray, predicted: list[float | None]) -> str:
    known = [p for p in predicted if p is not None]
    return f"{shares.mean():.2f} ({mean(known):.2f})" if known else f"{shares.mean():.2f}"


def _mean(shares: np.ndarray, of: str = "") -> str:
    if len(shares) >= ENOUGH:
        return f"{Interval.of(shares)}{of}"
    return f"{shares.mean():.2f}{of} ({' and '.join(f'{one:.2f}' for one in shares)})"


def text(plan: Protocol, result: Mapping[str, Any]) -> str:
    return terminal("\n".join(markdown(*lines(plan, result), numbers=True)))


def sentence(plan: Protocol, result: Mapping[str, Any], seeds: int) -> str:
    copied, over = (share(plan, result, row) for row in (COPIED, CARRIED))
    known = f"{seeds} seeds" + (
        ", ± half the width of the 95 % interval" if seeds >= ENOUGH else ", whose factors are in brackets"
    )
    return (
        "**If this study's LoRA is carried over** with unlabelled inputs, its gain on related models is"
        f" {_mean(over, ' times that of a LoRA trained there')}. If it is copied, the factor is {_mean(copied)}."
        f" These are means over {known}."
    )
