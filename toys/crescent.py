"""Adapters are trained on one model and moved to another; the inputs form a crescent in the plane (Fig. 8).

Examples:
  python toys/crescent.py                         input and output adapters transfer, LoRA does not
  python toys/crescent.py --case other-function   the target's first map differs: LoRA on this map transfers best
  python toys/crescent.py --case interior         adapters on both maps or between them: the paper has no bound
"""

import argparse
import sys
from dataclasses import asdict, dataclass
from typing import Any

import torch
from tqdm import tqdm

from ioadapt_theory.adapters import count
from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.errors import UnknownNameError
from ioadapt_theory.outputs import write_json
from ioadapt_theory.results import record
from toys.common.command_line import device, folder, whole
from toys.common.style import styled, write
from toys.plane import picture, table
from toys.plane.methods import adapted, learned, measure, methods, moved, stages, train
from toys.plane.theory import theory
from toys.plane.world import Case, augmented, crescent, models, task

TRAINING_SAMPLES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of a run.

    Attributes:
        case: the relation of the target to the source, and the adapted layers.
        seed: seed of the models, the samples and the adapters' initial values.
        steps: number of Adam steps for each adapter.
        rank: rank of AB; 2 is the maximum in the plane, and with 1 the task has no exact solution.
        samples: number of new samples from which losses and distances are computed.
        device: torch device of the training, which must support float64.
    """

    case: Case = Case.SAME_FUNCTION
    seed: int = 0
    steps: int = 1000
    rank: int = 2
    samples: int = 2000
    device: str = "cpu"


def run(config: Config) -> dict[str, Any]:
    """Train every adapter on the source, copy it to the target, and measure the outcome.

    Returns:
        ``config``: the options; ``models``: the maps of both models, as matrices acting on (x, 1); ``rows``: measured
        and computed values of every method; ``clouds``: inputs, hidden features and outputs of both models with every
        method; ``wanted``: the desired outputs.
    """
    generator = torch.Generator().manual_seed(config.seed)
    source, target = (model.to(config.device) for model in models(config.case, generator))
    x, fresh = (crescent(n, generator).to(config.device) for n in (TRAINING_SAMPLES, config.samples))
    goal = task().to(config.device)
    compared = methods(config.case)
    rows, clouds = {}, {}
    with tqdm(total=(len(compared) - 1) * config.steps, disable=None, unit=" steps", leave=False) as bar:
        for key, method in compared.items():
            bar.set_description(method.label)
            one = adapted(source, method, config.rank, config.seed)
            train(one, x, source(x) @ goal, steps=config.steps, tick=bar.update)
            two = moved(one, target)
            rows[key] = {
                "label": method.label,
                "source": method.source,
                "numbers": count(one),
                "AB": {name: ab.tolist() for name, ab in learned(one).items()},
                **measure(source, target, one, two, fresh, goal),
                **theory(method, source, target, one, two),
            }
            clouds[key] = {"source": stages(one, fresh), "target": stages(two, fresh)}
    return {
        "config": asdict(config),
        "models": {name: [m.tolist() for m in augmented(m_)] for name, m_ in (("source", source), ("target", target))},
        "rows": rows,
        "clouds": clouds,
        "wanted": (source(fresh) @ goal).cpu().numpy(),
    }


def main(argv: list[str] | None = None) -> int:
    return guarded("crescent", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    args = vars(_parser().parse_args(argv))
    out = args.pop("out")
    with styled():  # imports matplotlib first, so that a missing package is reported at once
        result = run(Config(**args))
        name = f"crescent-{args['case']}"
        svg, png = write(picture.draw(result), out, name)
    kept = {key: result[key] for key in ("models", "rows")}
    write_json(out / f"{name}.json", record("crescent", config=result["config"], results=kept))
    sys.stdout.write(f"{table.text(result)}\nPicture: {png} and {svg.name}; record: {name}.json\n")
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="python toys/crescent.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cases = ", ".join(Case)
    default = "(default: %(default)s)"
    parser.add_argument("--case", type=_case, default=Case.SAME_FUNCTION, help=f"one of {cases} {default}")
    parser.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="N", help=f"random seed {default}")
    parser.add_argument("--steps", type=whole(1, 10**5), default=1000, metavar="N", help=f"training steps {default}")
    parser.add_argument("--rank", type=whole(1, 2), default=2, metavar="N", help=f"rank of AB {default}")
    parser.add_argument("--samples", type=whole(2, 10**7), default=2000, metavar="N", help=f"test samples {default}")
    parser.add_argument("--device", type=device("float64"), default="cpu", help=f"torch device {default}")
    where = f"folder for results {default}"
    parser.add_argument("--out", type=folder, default="out/crescent", metavar="FOLDER", help=where)
    return parser


def _case(text: str) -> Case:
    if text not in list(Case):
        raise UnknownNameError("case", text, Case)
    return Case(text)


if __name__ == "__main__":
    sys.exit(main())
