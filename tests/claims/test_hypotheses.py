import pytest
import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.claim import ACCURACY, HypothesisError
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.errors import IoAdaptError

CASES = [(c, s) for c in CLAIMS.values() if c.inequality for s in c.inequality.hypotheses if "0 < s_c" not in s]
"""All hypotheses, except that a singular value is not zero: none is negative, and zero is not told from rounding."""


def others(raw, second):
    for key, x in raw.items():
        for change in (2, 0.5, -0.5, 40, 1e-9):
            yield raw | {key: scaled(x, change)}
        yield raw | {key: second[key]}
        if isinstance(x, list):
            mate = {"du": "u", "dv": "v", "x2": "x1", "x2_target": "x1_target"}.get(key)
            yield raw | {key: [x[0]] * len(x) if isinstance(x[0], list) else scaled(raw.get(mate, x), -1)}
            if isinstance(x[0], list) and len(x) == len(x[0]):
                yield raw | {key: [[-float(i == j) * (i < 1) for j in range(len(x))] for i in range(len(x))]}
                yield raw | {key: [[9.0 * (i == j) for j in range(len(x))] for i in range(len(x))]}


def scaled(x, factor):
    return [scaled(y, factor) for y in x] if isinstance(x, list) else factor * x


@pytest.mark.parametrize(("claim", "statement"), CASES, ids=[f"{c.id}: {s}" for c, s in CASES])
def test_every_hypothesis_can_be_missed_and_then_nothing_is_evaluated(claim, statement):
    setting, hypothesis = claim.setting, claim.inequality.hypotheses[statement]
    one, two = (setting.draw(1, torch.Generator().manual_seed(k)) for k in (0, 1))
    first = setting.dump(one, 0)
    changed = [*others(first, setting.dump(two, 0)), first | {"epsilon": 1e-9}]
    for raw in changed[:: 1 if "epsilon" in first else -1]:
        try:
            instance = setting.read(raw, exact=hypothesis.exact)
        except IoAdaptError:  # a zero vector, or no ε
            continue
        if hypothesis.residual(instance) > ACCURACY or (hypothesis.exact and hypothesis.equal(instance)):
            with pytest.raises(HypothesisError, match="does not meet the hypothesis"):
                evaluate(claim, raw)
            return
    pytest.fail("no changed instance violates this hypothesis")
