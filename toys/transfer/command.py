"""The command line of all toys with a protocol."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tqdm import tqdm

from ioadapt_theory.cli import FINDING, OK, Parser, guarded
from ioadapt_theory.errors import InvalidValueError
from toys.common.command_line import whole
from toys.common.style import styled, write
from toys.transfer import records
from toys.transfer.output import page, picture, table
from toys.transfer.protocol import Protocol, protocol
from toys.transfer.runner import runner
from toys.transfer.study import Runner, Study
from toys.transfer.verdicts import carried, repetition

QUICK_SEEDS: Final = 2


def run(
    plan: Protocol,
    *,
    quick: bool,
    seeds: tuple[int, ...],
    cache: Path,
    jobs: int = 1,
    repeat: bool = False,
) -> dict[str, Any]:
    """Return the study's results, rounded to six significant digits.

    Args:
        plan: the study's protocol.
        quick: run only the first case, at the size "quick", with the recorded learning rates if there are any.
        seeds: seeds of the replicates.
        cache: folder for finished units of work.
        jobs: number of processes.
        repeat: use the recorded learning rates, so that the results can be compared with the record.
    """
    known = records.cases(records.recorded(plan.name) or {"cases": {}}) if quick or repeat else {}
    rates = {case: {method: one["rate"] for method, one in of["rates"].items()} for case, of in known.items()}
    size = "quick" if quick else "full"
    with shown(plan.name, cache, jobs) as units:
        wanted = plan.cases[:1] if quick else plan.cases
        found = {case: Study(plan, seeds, size, rates.get(case), case).results(units) for case in wanted}
    figures: dict[str, Any] = records.rounded({"cases": found} if any(found) else found[""])
    return figures


@contextmanager
def shown(name: str, cache: Path, jobs: int) -> Iterator[Runner]:
    with tqdm(total=0, disable=None, unit=" runs", desc=name, leave=False) as bar:

        def progress(added: int, finished: int) -> None:
            bar.total += added
            bar.update(finished)

        with runner(cache, jobs, progress) as units:
            yield units


def main(
    name: str,
    doc: str | None,
    argv: list[str] | None = None,
    run: Callable[..., dict[str, Any]] = run,
    samples: ModuleType | None = None,
) -> int:
    """Run a study, or part of it, from the command line; print the results and, except with ``--compare``, record them.

    Args:
        name: name of the study.
        doc: the description in the output of ``--help``.
        argv: arguments of the command line; by default ``sys.argv[1:]``.
        run: function that computes the results, like ``run`` in this module.
        samples: for toys that generate images, the module that draws samples; see ``toys.glyphs.sheet``.

    Returns:
        0; 1 if ``--compare`` finds a method too far from the record; 2 after an error message.
    """
    return guarded(name, lambda: _main(name, doc, argv, run, samples))


def _main(
    name: str,
    doc: str | None,
    argv: list[str] | None,
    run: Callable[..., dict[str, Any]],
    samples: ModuleType | None,
) -> int:
    plan = protocol(name)
    args = _parser(name, doc, plan).parse_args(argv)
    if args.quick:  # measuring takes most of the time, and verdicts use only copies at full strength
        methods = {name: method for name, method in plan.methods.items() if not method.table}
        rule = replace(plan.rule, strengths=(1.0,))
        plan = replace(plan, methods=methods, rule=rule, carried=False)
    out = args.out or Path("out") / name
    if out.exists() and not out.is_dir():
        msg = f"--out {out} is a file; give a folder."
        raise InvalidValueError(msg)
    few = QUICK_SEEDS if args.quick or args.compare else carried.SEEDS if args.carried else plan.seeds
    count = args.seeds or few
    seeds = tuple(range(args.seed, args.seed + count))
    jobs = min(args.jobs, count)
    if args.carried:
        return _carried(plan, args, seeds, jobs, out)
    if args.compare:
        return _compare(plan, args, run, seeds, out / "cache")
    with styled():  # imports matplotlib first, so that a missing package is reported at once
        result = run(plan, quick=args.quick, seeds=seeds, cache=out / "cache", jobs=jobs)
        svg, png = write(picture.draw(plan, result), out, name)
        if samples is not None:
            result["samples"] = samples.painted(
                plan, result, seeds[0], "quick" if args.quick else "full", out / "cache"
            )
            write(samples.draw(plan, result), out, f"{name}_samples")
    command = f"{plan.command}{' --quick' if args.quick else ''} --seed {args.seed} --seeds {count}"
    records.write(out / f"{name}.json", name, command, list(seeds), result, _depends(name))
    sys.stdout.write(
        f"{table.terminal(page.section(plan, result))}\nPicture: {png} and {svg.name}; record: {name}.json\n"
    )
    return OK


def _carried(plan: Protocol, args: argparse.Namespace, seeds: tuple[int, ...], jobs: int, out: Path) -> int:
    stored = records.recorded(plan.name)
    if stored is None:
        msg = f"The study {plan.name} has no record, so LoRA's learning rate is unknown; {_remedy(plan)}."
        raise InvalidValueError(msg)
    rates = {case: one["rates"]["lora"]["rate"] for case, one in records.cases(stored).items()}
    rates = dict([*rates.items()][: 1 if args.quick else None])
    with shown(plan.name, out / "cache", jobs) as units:
        result = records.rounded(carried.run(plan, rates, seeds, "quick" if args.quick else "full", units))
    command = f"{plan.command} --carried{' --quick' * args.quick} --seed {seeds[0]} --seeds {len(seeds)}"
    records.write(out / "carried.json", plan.name, command, list(seeds), result, _depends(plan.name))
    sys.stdout.write(f"{carried.text(plan, result)}\nRecord: {out / 'carried.json'}\n")
    return OK


def _depends(name: str) -> list[str]:
    own = "toys/ani" if name == "molecules" else "toys/glyphs"
    return [f"toys/{name}.py", own, *(f"toys/transfer/{one}.py" for one in ("baselines", "rows", "runs", "study"))]


def _remedy(plan: Protocol) -> str:
    return f"run {plan.command} and copy its {plan.name}.json to {records.DATA / f'{plan.name}_record.json'}"


def _compare(
    plan: Protocol,
    args: argparse.Namespace,
    run: Callable[..., dict[str, Any]],
    seeds: tuple[int, ...],
    cache: Path,
) -> int:
    stored = records.recorded(plan.name)
    if stored is None:
        msg = f"The study {plan.name} has no record to compare with; {_remedy(plan)}."
        raise InvalidValueError(msg)
    missing = sorted(set(seeds) - set(stored["config"]["seeds"]))
    if args.quick:
        msg = "--compare cannot be combined with --quick, since the record is of a full run; leave one of them out."
        raise InvalidValueError(msg)
    if missing:
        here = ", ".join(map(str, stored["config"]["seeds"]))
        msg = f"--compare repeats only seeds of the record ({here}), not {missing[0]}; change --seed or --seeds."
        raise InvalidValueError(msg)
    jobs = min(args.jobs, len(seeds))
    result = run(plan, quick=False, seeds=seeds, cache=cache, jobs=jobs, repeat=True)
    compared = repetition.distances(plan, stored, {"config": {"seeds": list(seeds)}, **result})
    sys.stdout.write(repetition.text(plan, stored, compared, len(seeds)))
    return OK if all(one.rms <= repetition.TOLERANCE for one in compared) else FINDING


def _parser(name: str, doc: str | None, plan: Protocol) -> Parser:
    parser = Parser(prog=plan.command, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="run a small version, in less than 90 seconds")
    parser.add_argument(
        "--compare",
        action="store_true",
        help=f"repeat {QUICK_SEEDS} seeds of the record, and print how the results differ; status 1 if too much",
    )
    parser.add_argument(
        "--carried",
        action="store_true",
        help=f"carry the study's LoRA over to the targets, without labels, on {carried.SEEDS} seeds",
    )
    parser.add_argument(
        "--seeds",
        type=whole(2, 1000),
        metavar="N",
        help=f"number of seeds (default: {plan.seeds}; with --quick, --compare or --carried: {QUICK_SEEDS})",
    )
    parser.add_argument(
        "--seed", type=whole(0, 2**20), default=0, metavar="N", help="first seed (default: %(default)s)"
    )
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--jobs", type=whole(1, 256), default=cores, metavar="N", help="number of processes (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=f"folder for results (default: out/{name})")
    return parser
