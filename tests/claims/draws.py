"""Instances that miss one hypothesis of a claim and meet the others, drawn at random."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor

from ioadapt_theory.claims import Claim
from ioadapt_theory.claims.arithmetic import apply, norm, outer, unit
from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.needed import batch, recorded
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.expression.tree import opened
from ioadapt_theory.claims.settings.letters import Placement
from ioadapt_theory.claims.settings.relative_similarity import similarity_setting


def normal(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def drawn(claim: Claim, run: Run) -> Iterator[Any]:
    """Yield batches of random instances in which one letter, or one and the adapter, is drawn anew or scaled."""
    setting = claim.setting
    assert setting is not None
    generator = seeded(run, claim.id, "outside")
    first = setting.parametrise(setting.start(run.starts, generator))
    second = setting.parametrise(setting.start(run.starts, generator))
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


def beside(claim: Claim, name: str) -> Iterator[Any]:
    """Yield the recorded instance with new draws of the letters that occur in no hypothesis, if there are any."""
    one = batch(claim, recorded()[claim.id][name])
    bound = {x.name for r in claim.given for side in (opened(r.left), opened(r.right)) for x in side.walk()}
    values = {x.attribute: getattr(one, x.attribute) for x in claim.setting.letters}
    generator = seeded(Run(), claim.id, name)
    if free := {k: v for k, v in values.items() if k not in bound and v is not None and v.dim() > 1}:
        more = {k: None if v is None else v.expand(64, *v.shape[1:]) for k, v in values.items()}
        fresh = {k: torch.randn((64, *v.shape[1:]), generator=generator, dtype=v.dtype) for k, v in free.items()}
        yield claim.setting.build(**more | fresh)


def maps(claim: Claim, name: str, generator: Generator) -> Iterator[Any]:
    """Yield two-way maps with few rows, with U or H of another map, or with a map P that is no rotation."""
    x, k, p, o = (normal(generator, 64, *shape) for shape in ((7, 4), (6, 3), (4, 3), (4, 3)))
    u, h, f = x @ p, k @ p.mT, normal(generator, 64, 3, 3)
    if name.startswith("rank"):  # the second map is another solution
        x, u, k, h = x[:, :2], u[:, :2], k[:, :2], h[:, :2]
        o = p + (torch.eye(4) - torch.linalg.pinv(x) @ x) @ o @ (torch.eye(3) - torch.linalg.pinv(k) @ k)
    elif claim.id == "two-way-polar":
        x, p, h, o = x[..., :3], p[:, :3], k, torch.linalg.qr(o[:, :3])[0]
        u = torch.linalg.pinv(x).mT @ (p @ f.mT @ f - h.mT @ k)
    else:  # the second map solves the normal equation
        u, h = (u + x @ o, h) if name.startswith("U") else (u, h + k @ o.mT)
        (a, v), (b, w) = torch.linalg.eigh(x.mT @ x), torch.linalg.eigh(k.mT @ k)
        o = v @ ((v.mT @ (x.mT @ u + h.mT @ k) @ w) / (a[..., :, None] + b[..., None, :])) @ w.mT
    values = {"x": x, "k": k, "p": p, "o": o, "u": u, "h": h, "f": f}
    yield claim.setting.build(**{y.attribute: values[y.attribute] for y in claim.setting.letters})


def tall(name: str, generator: Generator) -> Iterator[Any]:
    """Yield instances in which one layer has more rows than columns; the other gets columns that no input reaches."""
    setting, t = similarity_setting(Placement.INPUT, c=4, d=3), "" if "W'" in name else "_target"
    for _ in range(4):
        raw = setting.start(256, generator)
        lost = torch.linalg.svd(raw["w"])[0][..., -1]  # nothing of this row reaches the outputs
        i = setting.parametrise(raw | {"x1": raw["x1"] + 10 * lost})
        x, w = torch.stack([getattr(i, f"x{k}{t}") for k in (1, 2)], -2), getattr(i, f"w{t}")
        more = (torch.eye(4) - torch.linalg.pinv(x) @ x) @ normal(generator, 256, 4, 2)
        yield replace(i, **{f"w{t}": torch.cat((w, more), -1)})


def through_zero(name: str, generator: Generator) -> Iterator[Any]:
    """Yield instances in which AB moves one output, and can move only this one, through zero."""
    setting = similarity_setting(Placement.LORA, c=2, d=2)
    i = setting.parametrise(setting.start(2000, generator))
    pairs = [(x, m[2]) for m in (i.source, i.target) for x in m[:2]]
    x, w = pairs[[f"ε‖{y}‖" for y in ("x₁", "x₂", "x₁'", "x₂'")].index(name.split(" ")[0])]
    first, second, *_ = torch.stack([norm(apply(x, w)) / norm(x) for x, w in pairs]).sort(0).values
    epsilon = (first + second) / 2
    yield replace(i, epsilon=epsilon, ab=-epsilon[:, None, None] * outer(unit(x), unit(apply(x, w))))


def cancelled(claim: Claim, generator: Generator) -> Iterator[Any]:
    """Yield models whose difference LoRA nearly removes, with an ε that is too small."""
    i = claim.setting.parametrise(claim.setting.start(64, generator))
    ab = -0.9 * i.gap @ torch.linalg.inv(i.w2 - i.w2_target)
    yield replace(i, ab=ab, given_epsilon=1e-6 * i.epsilon / ab.square().sum((-2, -1)))


def missing(claim: Claim, name: str) -> Iterator[Any]:
    """Yield batches of instances, of which some miss the hypothesis ``name`` alone."""
    generator = seeded(Run(), claim.id, name)
    yield from drawn(claim, Run())
    if not isinstance(recorded()[claim.id][name], str):
        yield from beside(claim, name)
    if claim.id in {"two-way-unique", "two-way-exact", "two-way-polar"}:
        yield from maps(claim, name, generator)
    elif "rank(W" in name and "Proposition 2" in claim.source:
        yield from tall(name, generator)
    elif claim.id == "transfer-sufficient":
        yield from cancelled(claim, generator)
    elif name.startswith("ε‖"):
        yield from through_zero(name, generator)
