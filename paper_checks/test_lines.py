"""Every formula in every line of an argument is evaluated; one that is false or cannot be read fails."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims.evidence.argument import Reached, Told
from ioadapt_theory.claims.evidence.prose import Reasoned, Remarked
from paper_checks.lines import wrong
from paper_checks.objects import OBJECTS, Objects

ARGUMENTS = [
    (c, k, p) for c in CLAIMS.values() for k, p in enumerate(c.proofs)
    if isinstance(p, Told | Reached | Reasoned) and not c.id.startswith(("tables", "overhead"))  # which are counts
]  # fmt: skip


def drawn_objects(claim: Claim) -> Objects:
    if (setting := claim.setting) is None:
        return {}
    instance = setting.parametrise(setting.start(1, torch.Generator().manual_seed(1)))
    values = {x.key: getattr(instance, x.attribute)[0].tolist() for x in setting.letters}
    return {
        key: mpmath.matrix([v] if isinstance(v[0], float) else v) for key, v in values.items() if isinstance(v, list)
    }


def lines_of(claim: Claim, proof: Any) -> list[str]:
    """Return the lines of an argument, except for one that repeats the right side of the conclusion ("this is ...")."""
    about = [proof.about] if isinstance(proof, Reasoned) else []
    return [x for x in (*about, *proof.printed(claim)) if not x.startswith("this is ")]


@pytest.mark.parametrize(("claim", "number", "proof"), ARGUMENTS, ids=[f"{c.id}-{k}" for c, k, _ in ARGUMENTS])
def test_every_formula_of_a_line_is_so(claim: Claim, number: int, proof: Any) -> None:
    with mpmath.workdps(50):
        instances = [i for name, k, make in OBJECTS if (name, k) == (claim.id, number) for i in make()]
        define = not instances and claim.setting is not None
        instances = instances or [drawn_objects(claim)]
        assert [x for line in lines_of(claim, proof) for x in wrong(line, instances, define=define)] == []


MAKERS = list(dict.fromkeys(make for _, _, make in OBJECTS))


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_every_object_is_spoken_of(make: Callable[[], Iterator[Objects]]) -> None:
    """Every symbol to which ``make`` gives a value occurs in an argument that is evaluated with these values."""
    own = {(name, k) for name, k, other in OBJECTS if other is make}
    lines = [x for c, k, p in ARGUMENTS if (c.id, k) in own for x in lines_of(c, p)]
    with mpmath.workdps(50):
        objects = {name for instance in make() for name in instance}
    assert [name for name in sorted(objects) if not any(name in line for line in lines)] == []


DECIDING = set("every some all only not no never same other exact false attained independent sharp iff input output "
               "LoRA always".split())  # fmt: skip
"""Words with which a line of an argument would state more than its formulas, which alone are evaluated."""


@pytest.mark.parametrize(("claim", "number", "proof"), ARGUMENTS, ids=[f"{c.id}-{k}" for c, k, _ in ARGUMENTS])
def test_a_line_decides_by_formulas(claim: Claim, number: int, proof: Any) -> None:
    if isinstance(proof, Told | Remarked):
        with mpmath.workdps(50):
            names = {x for name, k, make in OBJECTS if (name, k) == (claim.id, number) for i in make() for x in i}
        for line in lines_of(claim, proof):
            for name in (*sorted(names, key=len, reverse=True), *sorted(CLAIMS, key=len, reverse=True)):
                line = line.replace(name, "") if len(name) > 3 else line
            assert not DECIDING & {*re.findall(r"\w+", line)}
