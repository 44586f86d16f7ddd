"""Adapters trained on real networks, ANI-1x, and moved to others: to ANI-1ccx, made from them, and to unrelated ANI-1x.

Needs no download and no GPU: the 2 x 8 networks come with torchani, the labelled molecules with this repository.

Examples:
  python toys/molecules.py            both tasks, 8 members, learning rates chosen per method (about 20 CPU minutes)
  python toys/molecules.py --quick    one task, 4 members, learning rates of the recorded full run (under a minute)

Finished trainings are kept under --out, so an interrupted run goes on where it was, and the same run is not done twice.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.results import record, write_json
from toys.ani import picture, table
from toys.ani.experiment import similarity, study
from toys.ani.molecules import Task
from toys.ani.networks import MEMBERS
from toys.ani.summary import comparisons
from toys.ani.training import METHODS
from toys.ani.units import runner
from toys.command_line import device, whole
from toys.style import styled, write

RECORD: Final = Path(__file__).with_name("data") / "molecules_record.json"
"""What ``python toys/molecules.py`` left behind: the figure is drawn from it, ``--quick`` takes its learning rates."""
OUT: Final = Path("out/molecules")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is computed.

    Attributes:
        tasks: what the adapters learn; see ``Task``.
        members: replicates: member i of the ensembles, with its own split of the molecules.
        seed: draws splits, first values and order of geometries.
        steps: of Adam at most.
        every: steps between two looks at the validation error; eight looks without a new best end the training.
        size: geometries in a step.
        rates: learning rates to begin with, extended until the best is inside; empty: those of the recorded run.
    """

    tasks: tuple[Task, ...] = tuple(Task)
    members: int = MEMBERS
    seed: int = 0
    steps: int = 800
    every: int = 20
    size: int = 64
    rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3)


QUICK: Final = Config(tasks=(Task.WATER,), members=4, steps=120, every=20, size=24, rates=())


def run(config: Config, *, cache: Path = OUT / "cache", device: str = "cpu", jobs: int = 1) -> dict[str, Any]:
    """Train, move, measure.

    Returns:
        ``config``; ``tasks``: see ``study``; ``similarity``: role -> layer -> cosine of weights with the source's.

    Raises:
        MissingExtraError: torchani is not installed.
        InvalidValueError: no learning rates are recorded for a method.
    """
    recorded = {} if config.rates else recorded_rates()
    common = {"seed": config.seed, "steps": config.steps, "every": config.every, "size": config.size}
    alike = similarity(config.members)  # first, so that a missing package is found at once
    with tqdm(total=0, disable=None, unit=" trainings", leave=False) as bar:

        def progress(added: int, finished: int) -> None:
            bar.total += added
            bar.update(finished)

        with runner(cache, device=device, jobs=jobs, progress=progress) as trainings:
            tasks = {}
            for task in config.tasks:
                bar.set_description(str(task))
                tasks[str(task)] = study(trainings, task, config.members, recorded.get(task), config.rates, common)
    return _rounded({"config": {**asdict(config), "device": device}, "tasks": tasks, "similarity": alike})


def _rounded(value: Any) -> Any:
    """Figures to six digits, all through."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            return {key: _rounded(inner) for key, inner in value.items()}
        case list():
            return [_rounded(inner) for inner in value]
        case _:
            return value


def recorded_run() -> dict[str, Any]:
    """The result of the recorded full run."""
    stored = json.loads(RECORD.read_text(encoding="utf-8"))
    return {"config": stored["config"], **stored["results"]}


def recorded_rates() -> dict[str, dict[str, float]]:
    """Task -> method -> the learning rate that the recorded full run chose."""
    tasks = recorded_run()["tasks"]
    return {task: {method: tasks[task]["methods"][method]["rate"] for method in METHODS} for task in tasks}


def main(argv: list[str] | None = None) -> int:
    """Run, print the table, write picture and record; status 0, or 2 with one sentence on stderr."""
    return guarded("molecules", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    if args.out.exists() and not args.out.is_dir():
        msg = f"--out {args.out} is a file; name a folder."
        raise InvalidValueError(msg)
    config = replace(QUICK if args.quick else Config(), seed=args.seed)
    if args.members is not None:
        config = replace(config, members=args.members)
    with styled():  # before the work, so that a missing matplotlib is found at once
        result = run(config, cache=args.out / "cache", device=args.device, jobs=min(args.jobs, config.members))
        svg, png = write(picture.draw(result), args.out, "molecules")
    kept = {"comparisons": comparisons(result), **{key: result[key] for key in ("tasks", "similarity")}}
    command = " ".join(["python toys/molecules.py", *(["--quick"] if args.quick else []), f"--seed {args.seed}"])
    write_json(
        args.out / "molecules.json", record("molecules", config={"command": command, **result["config"]}, results=kept)
    )
    sys.stdout.write(f"{table.text(result)}\nPicture: {png} and {svg.name}; record: molecules.json\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/molecules.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = min(os.cpu_count() or 1, MEMBERS)
    parser.add_argument("--quick", action="store_true", help="a first look")
    parser.add_argument(
        "--members", type=whole(2, MEMBERS), metavar="N", help="replicates, 2 to 8; default: 8, quick 4"
    )
    parser.add_argument("--seed", type=whole(0, 2**28), default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--jobs", type=whole(1, 256), default=cores, metavar="N", help="processes; default: %(default)s"
    )
    parser.add_argument("--device", type=device("float32"), default="cpu", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
