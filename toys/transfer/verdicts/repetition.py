"""The distance of a repeated study from its record, in units of the spread over seeds.

Training amplifies rounding, so that another processor, or another version of torch, acts like another seed. A record is
reproduced to the digit only on a machine like the one that made it, but its conclusions should hold everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any, Final

from toys.transfer.protocol import Protocol
from toys.transfer.records import cases, machine
from toys.transfer.runs import LORA

UNKNOWN: Final = "not recorded"
TOLERANCE: Final = 2.0
"""Largest root mean square of a method's distances, in standard deviations; that of other seeds is about 1.4."""


@dataclass(frozen=True, slots=True)
class Distance:
    """The distance of the repeated results of one method from the record.

    Attributes:
        case, row: case of the study, and name of the method.
        gaps: (value - recorded value) / standard deviation over the record's seeds, for every model and seed;
            left out if a value is missing or the deviation is 0.
        signs: for every target, whether the mean difference from the compared method has the recorded sign; empty
            for rows without such a method.
    """

    case: str
    row: str
    gaps: tuple[float, ...]
    signs: tuple[bool, ...]

    @property
    def rms(self) -> float:
        return mean(gap**2 for gap in self.gaps) ** 0.5 if self.gaps else 0.0


def distances(plan: Protocol, record: Mapping[str, Any], result: Mapping[str, Any]) -> list[Distance]:
    """Return the distance of every method of a repetition from the record's values of the same seeds.

    Args:
        plan: the study's protocol.
        record: the recorded run, with its seeds in ``config``.
        result: the repetition; the seeds in its ``config`` are a subset of the record's.
    """
    places = [record["config"]["seeds"].index(seed) for seed in result["config"]["seeds"]]
    recorded, compared = cases(record), []
    for case, repeated in cases(result).items():
        rows = recorded[case]["rows"]
        for row, values in repeated["rows"].items():
            gaps = [gap for model in values for gap in _gaps(rows[row][model], values[model], places)]
            against = plan.methods[row].against if row in plan.methods else LORA
            signs = _signs(rows, repeated["rows"], row, against, plan.targets) if row in plan.methods else ()
            compared.append(Distance(case, row, tuple(gaps), tuple(signs)))
    return compared


def _gaps(recorded: Sequence[float | None], again: Sequence[float | None], places: list[int]) -> Iterator[float]:
    known = [value for value in recorded if value is not None]
    spread = stdev(known) if len(known) > 1 else 0.0
    for place, value in zip(places, again, strict=True):
        before = recorded[place]
        if value is not None and before is not None and spread > 0:
            yield (value - before) / spread


def _signs(
    recorded: Mapping[str, Any], again: Mapping[str, Any], row: str, against: str, models: Sequence[str]
) -> Iterator[bool]:
    for model in models if row != against else ():
        before, now = (mean(rows[row][model]) - mean(rows[against][model]) for rows in (recorded, again))
        yield (before < 0) == (now < 0)


def text(plan: Protocol, record: Mapping[str, Any], compared: Sequence[Distance], seeds: int) -> str:
    config = record["config"]
    width = max(len(f"{one.case} {one.row}") for one in compared) + 2
    lines = [
        f"{plan.title}: {seeds} of the record's {len(config['seeds'])} seeds run again.",
        f"Recorded on: {made_on(record)}",
        f"Run on:      {_listed(machine())}",
        "",
        "Distance from the record, in standard deviations over its seeds:",
        f"{'':{width}}{'values':>8}{'rms':>8}{'largest':>9}  same sign against the compared method",
    ]
    for one in compared:
        if one.gaps:
            largest = max(map(abs, one.gaps))
            signs = f"{sum(one.signs)} of {len(one.signs)} targets" if one.signs else ""
            name = f"{one.case} {one.row}".strip()
            lines.append(f"{name:{width}}{len(one.gaps):8}{one.rms:8.2f}{largest:9.2f}  {signs}".rstrip())
    far = [f"{one.case} {one.row}".strip() for one in compared if one.rms > TOLERANCE]
    return "\n".join([*lines, "", f"Rms above {TOLERANCE:g}, the tolerance: {', '.join(far) or 'none'}."]) + "\n"


def made_on(record: Mapping[str, Any]) -> str:
    facts = {**record["config"], **record.get("versions", {})}
    known = ("processor", "kernels", "torch", "python")
    return _listed({key: facts[key] for key in known if facts.get(key, UNKNOWN) != UNKNOWN})


def _listed(facts: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in facts.items())
