"""Tools to check prose: clauses, formulas read from text, values on instances, and lines of arguments."""

import re
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import torch
from mpmath import mpf

from ioadapt_theory.claims import CLAIMS, Claim, Verdict
from ioadapt_theory.claims.claim import Word
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.report import remark
from ioadapt_theory.claims.settings.placement import Placement
from paper_checks.reader import Reader

PROVED, REFUTED = Verdict.PROVED, Verdict.REFUTED
LORA, INPUT, OUTPUT = Placement
SIDES = (INPUT, OUTPUT)


def clauses(claim: Claim) -> list[str]:
    """Return the clauses, separated by semicolons, of a claim's reading, prose and remark."""
    return [x for said in (claim.reading, claim.prose, remark(claim)) if said for x in said.split("; ")]


COSINES = ("-9/10", "-1/2", "0", "3/5")


def read(formula: str, **letters: Any) -> Any:
    named = {name.replace("0", "₀").replace("_target", "'"): x for name, x in letters.items()}
    known = {name: mpf(x) if isinstance(x, int | float) else x for name, x in named.items()}
    return Reader(known, [])(re.sub(r"(ln|artanh|arccos) (\w)", r"\1(\2)", formula))


def number(x: str) -> Any:
    top, bottom = [*x.split("/"), "1"][:2]
    return mpf(top) / mpf(bottom)


def close(a: Any, b: Any) -> bool:
    return abs(a - b) <= mpf(10) ** -12 * (1 + abs(b))


def increments(s: Any, du: Any = ("1/10", "1/5"), dv: Any = ("3/10", "-1/10")) -> dict[str, Any]:
    u, v = (mpf(1), mpf(0)), (s, mpmath.sqrt(1 - s * s))
    return {k: list(map(str, x)) for k, x in {"u": u, "v": v, "du": du, "dv": dv}.items()}


def models(s: Any, k: Any = 3, k_target: Any = 3, epsilon: str = "1/10", size: Any = 1) -> dict[str, Any]:
    """Return two models as data: W = size · diag(1, k), with outputs of cosine s, and a target with ``k_target``."""
    raw: dict[str, Any] = {"epsilon": epsilon, "AB": [[0, 0], [0, 0]]}
    for t, kappa in (("", k), ("_target", k_target)):
        raw |= {f"W{t}": [[str(size), 0], [0, str(size * mpf(kappa))]], f"x1{t}": [1, 0]}
        raw |= {f"x2{t}": [str(s), str(mpmath.sqrt(1 - s * s) / kappa)]}
    return raw


def right(claim: str, raw: dict[str, Any]) -> Any:
    inequality = CLAIMS[claim].inequality
    known = {letter.key for letter in inequality.setting.letters}
    return inequality.rhs(inequality.setting.read({key: x for key, x in raw.items() if key in known}))


def ratio(one: str, other: str, raw: dict[str, Any]) -> Any:
    return right(one, raw) / right(other, raw)


def cosines(fact: Callable[[Any], bool]) -> bool:
    return all(fact(number(s)) for s in COSINES)


def remainder(s: Any) -> Any:
    return right("lemma-1-remainder-best", raw := increments(s)) / sum(number(x) ** 2 for x in raw["du"] + raw["dv"])


def of_two(claim: str, below: str, axis: str) -> bool:
    """Return whether, on one example, the claim's bound is at least Lemma 3's for an AB of rank 1, but not for −I/2."""
    raw = {"W1": [[1, 2], [0, 1]], "W2": [[1, 0], [1, 1]], "W1_target": [[1, 0], [3, 1]], "W2_target": [[1, 1], [0, 1]]}
    raw |= {"sigma": 1}
    plain = right("lemma-3", raw)
    low, full = ([[-1, 0], [0, 0]], [["-1/2", 0], [0, "-1/2"]])
    assert (below, axis) == ("Lemma 3", {"prop-4": "c", "prop-5": "d"}[claim])
    return right(claim, raw | {"AB": low}) >= plain > right(claim, raw | {"AB": full})


def turned(claim: str, w: list[list[float]], x1: list[float], x2: list[float], factor: str) -> bool:
    """Return whether AB = ε times the polar factor of the cosine's gradient in W attains the bound for W' = factor."""
    m, rows = torch.zeros(len(w), len(w[0]), dtype=torch.float64, requires_grad=True), torch.tensor([x1, x2]).double()
    y1, y2 = rows @ (torch.tensor(w).double() + m)
    u, _, v = torch.linalg.svd(torch.autograd.grad(torch.cosine_similarity(y1, y2, 0), m)[0], full_matrices=False)
    times = float(read(factor, W=1))
    raw = {"W": w, "x1": x1, "x2": x2, "W_target": [[times * x for x in row] for row in w], "epsilon": "1/100"}
    raw |= {"x1_target": x1, "x2_target": x2, "AB": (u @ v / 100).tolist()}
    return evaluate(CLAIMS[claim], raw).decisive_ratio == pytest.approx(1, abs=1e-8)


def sides(name: str) -> Any:
    return CLAIMS[name].concludes[0]


def formula(claim: Claim) -> str:
    return " and ".join(map(text, claim.concludes))


def given(claim: Claim) -> list[str]:
    return [text(r) for r in claim.given]


def operations(claim: Claim) -> set[str]:
    return {x.op for r in claim.concludes for x in r.right.walk()}


def finite(claim: Claim) -> bool:
    return not any(r.order for r in claim.concludes) and "landau" not in operations(claim)


def sharp(claim: Claim) -> bool:
    return Word.SHARP in claim.words


def axes(claim: Claim) -> dict[str, list[str]]:
    return {x.key: x.axes.split() for x in claim.setting.letters}


def drawn(name: str, **changes: Any) -> Values:
    """Return an evaluator of formulas on a random instance of a claim, with the values in ``changes``."""
    setting = CLAIMS[name].setting
    return Values(setting.build(**setting.start(1, torch.Generator().manual_seed(3)) | changes))


def equal(a: Any, b: Any) -> bool:
    return torch.allclose(*(torch.as_tensor(x, dtype=torch.float64) for x in (a, b)), rtol=1e-9, atol=1e-12)


def shows(claim: Claim, *formulas: str) -> bool:
    lines = [line for proof in claim.proofs for line in proof.printed(claim)]
    return all(any(f in line for line in lines) for f in formulas)


def random(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)
