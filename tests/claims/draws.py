"""Instances that miss one hypothesis of a claim and meet the others, drawn at random."""

from dataclasses import replace

import torch

from ioadapt_theory.claims.arithmetic import apply, norm, outer, unit
from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.settings.letters import Placement
from ioadapt_theory.claims.settings.relative_similarity import similarity_setting


def drawn(claim, run):
    """Yield batches of random instances in which one letter, or one and the adapter, is drawn anew or scaled."""
    setting = claim.setting
    generator = seeded(run, claim.id, "outside")
    first, second = (setting.draw(run.starts, generator) for _ in range(2))
    one, two = ({x.attribute: getattr(i, x.attribute) for x in setting.letters} for i in (first, second))
    for x in setting.letters:
        name = x.attribute
        if one[name] is None:  # the ε of App. A.2, by default the smallest that the hypothesis allows
            if name == "given_epsilon":
                yield setting.build(**one | {name: 0.1 * first.epsilon})
            continue
        for changed in (two[name], 8 * one[name], -8 * one[name], one[name] / 8):
            yield setting.build(**one | {name: changed})
        if {"ab", "epsilon"} <= one.keys() and name != "ab":
            small = {k: 1e-6 * one[k] for k in ("ab", "epsilon")}
            yield setting.build(**one | small | {name: two[name]})
            yield setting.build(**one | {"ab": 8 * one["ab"], "epsilon": 8 * one["epsilon"]})


def through_zero(name, generator):
    """Yield instances in which AB moves one output, and can move only this one, through zero."""
    setting = similarity_setting(Placement.LORA, c=2, d=2)
    i = setting.draw(2000, generator)
    pairs = {"ε‖x₁‖": (i.x1, i.w), "ε‖x₂‖": (i.x2, i.w)}
    pairs |= {"ε‖x₁'‖": (i.x1_target, i.w_target), "ε‖x₂'‖": (i.x2_target, i.w_target)}
    x, w = pairs[name.split(" ")[0]]
    first, second, *_ = torch.stack([norm(apply(x, w)) / norm(x) for x, w in pairs.values()]).sort(0).values
    epsilon = (first + second) / 2
    yield replace(i, epsilon=epsilon, ab=-epsilon[:, None, None] * outer(unit(x), unit(apply(x, w))))


def missing(claim, name):
    """Yield batches of instances, of which some miss the hypothesis ``name`` alone."""
    yield from drawn(claim, Run())
    if name.startswith("ε‖"):
        yield from through_zero(name, seeded(Run(), claim.id, name))
