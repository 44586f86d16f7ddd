"""What to do with the adapter, or where to put the next one, each with its evidence and how often it was right."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.residual import residual_side
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Word, telling
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.report.effect import Effect
from ioadapt_theory.report.kin.kinship import Kin, Kinship
from ioadapt_theory.report.layers import LayerPair

RIDGE = 0.1
"""Of Eq. 5 where it is advised: the plain pseudo-inverse is ill-conditioned on most weights."""


class Action(StrEnum):
    """What can be done."""

    COPY = "copy"
    RESCALED = "copy rescaled"
    PARTLY = "copy in part"
    INPUT = "input"
    OUTPUT = "output"
    RESIDUAL = "residual"
    AUTO = "auto"
    CONVERT = "convert"
    MEASURE = "measure"
    START = "copy as a start"
    RETRAIN = "retrain"


@dataclass(frozen=True, slots=True)
class Advice:
    """One action.

    Attributes:
        action: what to do.
        how: in words.
        evidence: what of these two models speaks for it.
        tested: how often such advice was right on pairs that nothing was fixed on.
    """

    action: Action
    how: str
    evidence: str
    tested: str

    def __str__(self) -> str:
        return f"{self.how} ({self.evidence}; {self.tested})"


def advise(pairs: Sequence[LayerPair], kinship: Kinship, effect: Effect | None = None) -> list[Advice]:
    """What to do, the first first: for the adapter at hand, else for one that is yet to be trained."""
    if any(pair.parts for pair in pairs):
        return [*_of_effect(effect)] if effect is not None else _of_weights(pairs, kinship)
    return _of_models(pairs, kinship)


def _of_effect(effect: Effect) -> list[Advice]:
    """A batch says more than all weights, so it alone decides."""
    t = THRESHOLDS
    seen = f"cosine of the effects {effect.cosine:.2f}, size ratio {effect.ratio:.2f}, kept {effect.kept:.2f}"
    if effect.kept >= t.kept:
        return [Advice(Action.COPY, "copy it as it is", seen, t.tested["batch_copy"])]
    if effect.cosine >= t.cosine:
        how = f"copy it at strength {effect.strength:.2f}"
        return [Advice(Action.RESCALED, how, seen, t.tested["batch_rescaled"])]
    if effect.cosine >= t.start:
        return [Advice(Action.START, "copy it as a start, and train it on there", seen, t.tested["batch_start"])]
    return [Advice(Action.RETRAIN, "train it anew on the target", seen, t.tested["batch_retrain"])]


def _of_weights(pairs: Sequence[LayerPair], kinship: Kinship) -> list[Advice]:
    t = THRESHOLDS
    having = [pair for pair in pairs if pair.parts]
    parts = [part for pair in having for part in pair.parts]
    words = Counter(part.verdict.word for part in parts)
    count = ", ".join(f"{n} of {len(parts)} {word}" for word, n in words.most_common())
    if kinship.kin is Kin.SAME and not kinship.turned:
        how = 'copy it with match="provenance"' if kinship.neurons else "copy it as it is"
        return [Advice(Action.COPY, how, kinship.why, "the same function by construction")]
    if words[Word.NOTHING] == len(parts):
        return [Advice(Action.RETRAIN, "train it anew on the target", count, t.tested["nothing"])]
    found = []
    undecided = words[Word.UNDECIDED]
    weight = [pair for pair in having if any(part.placement is Placement.WEIGHT for part in pair.parts)]
    better = [
        pair
        for pair in having
        if telling(pair.sides.input) and any(p.converts and p.verdict.word is Word.UNDECIDED for p in pair.parts)
    ]
    if better:
        how = f"convert it to the input side on the source (Eq. 5, --ridge {RIDGE}), then move that"
        seen = f"{count}; the input side of {len(better)} of the undecided shares something"
        found.append(Advice(Action.CONVERT, how, seen, t.tested["convert"]))
    if off := _off(weight):
        listed = ", ".join(f"{pair.name} x {pair.sides.ratio:.2f}" for pair in off[:4])
        how = f"multiply it by ‖W'‖/‖W‖ layer by layer ({listed}{', ...' if len(off) > 4 else ''})"
        seen = f"norms of {len(off)} layers differ, where a plain copy is off by the ratio"
        found.append(Advice(Action.RESCALED, how, seen, t.tested["rescaled"]))
    if words[Word.SHARED] == len(parts):
        found.append(Advice(Action.COPY, "copy it as it is", count, t.tested["shared"]))
    elif words[Word.SHARED]:
        left = "; ".join(f"not {p.name}: {p.parts[0].verdict.why}" for p in _without(having)[:2])
        found.append(Advice(Action.PARTLY, f"copy the layers that are shared ({left})", count, t.tested["shared"]))
    if undecided:
        how = "measure its effect on a batch of inputs before use (--inputs)"
        found.append(Advice(Action.MEASURE, how, count, t.tested["undecided"]))
    return found


def _off(pairs: Sequence[LayerPair]) -> list[LayerPair]:
    """Layers of a weight adapter whose norms differ so much that a copy is too strong or too weak."""
    return [
        pair
        for pair in pairs
        if any(part.placement is Placement.WEIGHT and part.verdict.word is not Word.NOTHING for part in pair.parts)
        and pair.sides.ratio is not None
        and not 1 / THRESHOLDS.ratio <= pair.sides.ratio <= THRESHOLDS.ratio
    ]


def _without(pairs: Sequence[LayerPair]) -> list[LayerPair]:
    return [pair for pair in pairs if any(part.verdict.word is not Word.SHARED for part in pair.parts)]


def _of_models(pairs: Sequence[LayerPair], kinship: Kinship) -> list[Advice]:
    """Where to put an adapter that shall move: on the side that is shared in all layers, else layer by layer."""
    t = THRESHOLDS
    fit = [pair for pair in pairs if pair.sides.input is not None or pair.sides.output is not None]
    words = {p: Counter(pair.verdicts[p].word for pair in fit) for p in Placement}
    if kinship.kin is Kin.SAME and not kinship.turned:
        way = "any placement moves " + ('with match="provenance"' if kinship.neurons else "as it is")
        return [Advice(Action.COPY, way, kinship.why, "the same function by construction")]
    if not any(telling(pair.sides.input) or telling(pair.sides.output) for pair in fit):
        seen = f"neither side of {len(fit)} layers shares more than unrelated channels do"
        return [Advice(Action.RETRAIN, "train an adapter on each of the two", seen, t.tested["nothing"])]
    shared = {p: words[p][Word.SHARED] for p in Placement}
    residual = sum(pair.verdicts[side].word is Word.SHARED for pair in fit if (side := _residual(pair.name)))
    counts = {
        Action.INPUT: shared[Placement.INPUT],
        Action.RESIDUAL: residual,
        Action.OUTPUT: shared[Placement.OUTPUT],
        Action.COPY: shared[Placement.WEIGHT],
    }
    how = {
        Action.INPUT: 'train it with placement="input"',
        Action.RESIDUAL: 'train it with placement="residual"',
        Action.OUTPUT: 'train it with placement="output"',
        Action.COPY: "train it on the weights, as LoRA",
    }
    found = [
        Advice(action, how[action], f"shared in {n} of {len(fit)} layers", t.tested["shared"])
        for action, n in sorted(counts.items(), key=lambda entry: -entry[1])
        if n
    ]
    usable = sum(telling(pair.sides.input) or telling(pair.sides.output) for pair in fit)
    auto = Advice(
        Action.AUTO,
        'train it with placement="auto" and this target',
        f"one of the sides shares something in {usable} of {len(fit)} layers",
        t.tested["auto"],
    )
    whole = bool(found) and counts[found[0].action] == len(fit)
    return [*found[:1], auto, *found[1:]] if whole else [auto, *found]


def _residual(name: str) -> Placement | None:
    try:
        return residual_side(name)
    except IoAdaptError:
        return None
