"""Checks of the claims' prose that are too long for a line in ``test_words``."""

import re
from functools import reduce
from itertools import product
from operator import mul
from typing import Any

import mpmath
import numpy as np
import torch
from mpmath import mpf

from ioadapt_theory.claims import Claim
from ioadapt_theory.claims.beyond import attention
from ioadapt_theory.claims.effect import wide
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import norm
from ioadapt_theory.claims.expression.values import Values, value
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.report import remark
from ioadapt_theory.claims.settings.letters import EPSILON, GAP, SOURCE, TARGET, T
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.printed import values
from ioadapt_theory.claims.words.absorption import PADDINGS, N, convolution
from ioadapt_theory.claims.words.overhead import COSTS, GRID, forward, measured, merge
from ioadapt_theory.claims.words.tables import QUANTIFIERS, overall
from paper_checks.evaluating import (
    INPUT,
    LORA,
    OUTPUT,
    PROVED,
    SIDES,
    close,
    drawn,
    equal,
    number,
    random,
    read,
    shows,
    sides,
)
from paper_checks.reader import Reader
from paper_checks.test_tables import IMAGE, SCORES


def mean_over_signs(m: Any) -> Any:
    """Return the mean of ‖zM‖² over all rows z of ±1, whose second moments are those of N(0, I)."""
    return sum((torch.tensor(z).double() @ m).square().sum() for z in product((1, -1), repeat=len(m))) / 2 ** len(m)


def of_law(claim: Claim, law: str) -> bool:
    """Return whether the claim's left side is the mean squared discrepancy for inputs zF or σz, with E zᵀz = I."""
    i = drawn(claim.id)
    gap = {"prop-5-anisotropic": GAP @ T}.get(claim.id, T @ GAP) if law == "zF" else GAP
    first = i.instance.factor if law == "zF" else i.instance.sigma * torch.eye(3).double()
    return equal(mean_over_signs((first @ i(gap))[0]), i(claim.concludes[0].left))


def without_regular_f(claim: Claim) -> bool:
    i = drawn(claim.id, factor=torch.diag(torch.tensor([1.0, 0, 2])).double()[None])
    return bool(i(sides(claim.id).left) <= i(sides(claim.id).right))


def unbounded(claim: Claim, first: str, second: str) -> bool:
    left, at = claim.concludes[2].left, [mpf(10) ** -k for k in (3, 4)]
    raws = [{"W1": [[1]], "W2": [[1]], "AB": [[1]], "sigma": 1, "W1_target": [[str(read(first, r=r))]],
             "W2_target": [[str(read(second, r=r))]]} for r in at]  # fmt: skip
    small, large = (value(left, claim.setting.read(raw)) for raw in raws)
    return large > 50 * small > mpf(10) ** 4


def segment(claim: Claim, every: str, begin: str, end: str, above: str) -> bool:
    y = {"(y₁, y₂)": 1, "(ŷ₁, ŷ₂)": 1 - 2}
    norms = [abs((1 - t) * y[begin] + t * y[end]) for t in np.linspace(0, 1, 11)]
    holds = {"every": all}[every](bool({">": n > 0}[above]) for n in norms)
    return holds == (claim.expected is PROVED) and shows(claim, "AB = −2I, ‖AB‖₂ = ε = 2", "ŷ = −y is not zero")


def iff(claim: Claim, lost: str, rank: str) -> bool:
    """Return whether W(I + W⁺AB) = W + AB iff ``lost`` = 0, and for every AB iff rank W = ``rank``, "c" or "d".

    This is tested on three W, and the claim's argument must contain the general step.
    """
    said = True
    for w in (random(2, 3), random(3, 2), torch.ones(2, 2).double()):
        i, pinv_ = mpmath.eye(len(w)), torch.linalg.pinv(w)
        for ab in (random(*w.shape), w @ random(w.shape[1], w.shape[1])):
            left = (ab - w @ pinv_ @ ab).abs().max() < 1e-9  # X(W + AB) = XW(I + W⁺AB) for every X
            zero_ = read(lost.replace("W⁺", "P"), W=mpmath.matrix(w.tolist()), P=mpmath.matrix(pinv_.tolist()), I=i,
                         AB=mpmath.matrix(ab.tolist()))  # fmt: skip
            said &= bool(left) == (max(map(abs, zero_)) < mpf(10) ** -9)
        every = (torch.eye(len(w)) - w @ pinv_).abs().max() < 1e-9
        said &= bool(every) == (int(torch.linalg.matrix_rank(w)) == {"c": w.shape[0], "d": w.shape[1]}[rank])
    return said and shows(claim, "(I − WP)(I − WP)M = (I − WP)M", "= c − rank W > 0")


def lost_by(claim: Claim, w: str, row: str, left: str, whole: str) -> bool:
    raw, (index, entries) = witness("eq-5-tall"), re.fullmatch(r"e(.)\((.*)\)", row).groups()
    ab = [[0, 0] if k != "₁₂₃".index(index) else [int(x) for x in entries.split(", ")] for k in range(3)]
    assert raw["W"] == [[int(x) for x in r.split()] for r in w.split(", ")]
    assert raw["AB"] == ab
    i = claim.setting.read(raw)
    rest = value(sides(claim.id).left, i) - value(sides(claim.id).right, i)
    return close((rest**2).sum(), number(left)) and close(sum(x * x for r in ab for x in r), number(whole))


def dimensions(claim: Claim, c: str, d: str, low: str, lower: str, high: str, higher: str) -> bool:
    w = random(int(c), int(d))
    sizes = {"LoRA": w.numel()} | {
        p: int(torch.linalg.matrix_rank(torch.kron(*pair)))
        for p, pair in {"input": (torch.eye(len(w)).double(), w), "output": (w, torch.eye(len(w.T)).double())}.items()
    }
    said = dict.fromkeys(lower.split(", "), int(low)) | dict.fromkeys(higher.split(", "), int(high))
    return said == sizes and shows(claim, f"c = {c} and d = {d}, dim MW")


def maps(claim: Claim, one: str, other: str) -> bool:
    w, m, i = mpmath.randmatrix(2, 2), mpmath.randmatrix(2, 2), mpmath.eye(2)
    one, other = (lambda w, f=f: read(f, W=w, AB=m, M=m, I=i) for f in (one, other))
    assert shows(claim, "(I + M)(W − W) + M", "(I + M)(2W) − 2W")
    return one(2 * w) == 2 * one(w) and other(2 * w) != 2 * other(w) and one(0 * w) == 0 * w != other(0 * w)


def rank_of(formulas: tuple[str, ...], bound: str) -> bool:
    draw = {name: mpmath.randmatrix(*shape) for name, shape in
            {"A₁": (4, 1), "B₁": (1, 4), "A₂": (4, 1), "B₂": (1, 4), "W": (4, 4)}.items()}  # fmt: skip
    updates = [read(f.removeprefix("X"), I=mpmath.eye(4), **draw) - draw["W"] for f in formulas]
    ranks = {np.linalg.matrix_rank(np.array(u.tolist(), dtype=float)) for u in updates}
    return ranks == {int(read(bound, **{"r₁": 1, "r₂": 1}))}


def counted(claim: Claim, quantifier: str, where: str, above: str) -> bool:
    scores = [tuple(map(int, x.split("-"))) for x in re.findall(r"\d+-\d+-\d+", remark(claim))]
    wins, ties, losses = map(sum, zip(*scores, strict=True))
    holds = {
        ("no cell of", "below"): not losses, ("some cell of", "below"): losses > 0,
        ("every column of", "above"): wins and not ties and not losses, ("it", "above"): wins and not ties + losses,
    }[quantifier, above]  # fmt: skip
    said = {"no cell of": "0 1", "some cell of": "-1 1", "every column of": "1 2", "it": "1"}[quantifier]  # just true
    other = {"no cell of": "-1 1", "some cell of": "0 1", "every column of": "0 1", "it": "0"}[quantifier]
    (means,) = (f for words, f in QUANTIFIERS.items() if words.startswith(quantifier))
    assert [means([*map(int, x.split())]) for x in (said, other)] == [True, False]
    return bool(holds) == (claim.expected is PROVED) and where == claim.source.rpartition(", ")[2]


def counts_the_adapted_layer() -> bool:
    """Return whether ``forward`` and ``merge`` compute Eqs. 1 to 3, and GRID is the product of two values per size."""
    x, w, ranks = random(2, 3), random(3, 4), {LORA: random(3, 4), INPUT: random(3, 3), OUTPUT: random(4, 4)}
    whole = {LORA: w + ranks[LORA], INPUT: w + ranks[INPUT] @ w, OUTPUT: w + w @ ranks[OUTPUT]}
    for p, m in ranks.items():
        u, s, v = torch.linalg.svd(m, full_matrices=False)
        if not (equal(forward(x, w, u * s, v, p), x @ whole[p]) and equal(merge(w, u * s, v, p), whole[p])):
            return False
    return [len({*sizes}) for sizes in zip(*GRID, strict=True)] == [2] * 4 and len({*GRID}) == 2**4


def as_torch_has_it(claim: Claim) -> bool:
    """Return whether convolutions as matrices agree with PyTorch's, for all paddings and some strides and dilations."""
    taps, x = [random(2, 3), random(2, 3) + 1, random(2, 3) * 3], random(N, 2)
    kernel = torch.stack(taps).permute(2, 1, 0)
    for padding, mode in {"zeros": "constant"}.items() | {(p, p) for p in PADDINGS if p != "zeros"}:
        for stride, dilation in ((1, 1), (2, 2), (1, 2)):
            there = torch.nn.functional.pad(x.T[None], (dilation, dilation), mode=mode)
            there = torch.nn.functional.conv1d(there, kernel, stride=stride, dilation=dilation)[0].T
            sp = attention.sympy()
            kernels = {j - 1: sp.Matrix(k.tolist()) for j, k in enumerate(taps)}
            m = convolution(kernels, stride=stride, dilation=dilation, padding=padding)
            here = x.reshape(1, -1) @ torch.tensor(m.tolist(), dtype=torch.float64)
            if not equal(here.reshape(-1, 3), there):
                return False
    return len(PADDINGS) == 4


def of_the_overall_score(claim: Claim) -> bool:
    gains = [values(5, side="target", placement=p) for p in ("input", "weight")]
    (there, base) = ([v for k, v in x.items() if "Overall" in k] for x in gains)
    return [*overall().values()] == [there[0] - base[0]] and len(there) == len(base) == 1


def misprinted(claim: Claim) -> bool:
    """Return whether the claim's right side is that of prop-1 with x₂' instead of x₂ in the second term."""
    setting, m, there = claim.setting, SOURCE, TARGET
    i = Values(setting.parametrise(setting.start(3, torch.Generator().manual_seed(1))))
    more = (1 + m.s0) * EPSILON * (norm(there.x2) - norm(m.x2)) / norm(m.y2)
    return equal(i(sides(claim.id).right), i(sides("prop-1").right) + i(more))


def of_moved_vectors(claim: Claim) -> bool:
    """Return whether the claim's left side is how much adding Δu to u and Δv to v changes their angle."""
    i = drawn(claim.id)
    u, v, du, dv = (getattr(i.instance, name) for name in ("u", "v", "du", "dv"))
    angles_ = [torch.cosine_similarity(a, b, -1).acos() for a, b in ((u + du, v + dv), (u, v))]
    return equal(i(sides(claim.id).left), (angles_[0] - angles_[1]).abs())


def jacobians() -> bool:
    """Return whether ``wide.run`` computes √2 relu(xW), and the same Jacobians as autograd."""
    x, first, last = random(1, 1, 2), random(1, 2, 3), random(1, 3, 16)
    (_, y, j), (z, *_) = wide.run(x, [first, last])

    def behind(y: Any) -> Any:
        return (2**0.5 * torch.relu(y) @ last)[0, 0]

    there = torch.autograd.functional.jacobian(behind, y)[:, 0, 0]
    return equal(z, 2**0.5 * torch.relu(x @ first)) and equal(j[0], there.T)


def of_the_cells(claim: Claim, says: str) -> bool:
    name = claim.id.removeprefix("tables-")
    counted = SCORES.get(name, [(0, p, "weight", IMAGE) for p in (SIDES if name != "geneval-overall" else ("input",))])
    mine, over, metrics = (
        {x[1] for x in counted},
        {x[2] for x in counted} - {"weight"},
        {m for x in counted for m in x[3]},
    )
    adapters = {str(p) for p in SIDES if re.search(rf"{p} (adapter|and)", says)}
    words = claim.prose if name == "seeds" else says
    return (
        {side for side in ("source", "target") if side in says} <= {"source" if name == "on-par" else "target"}
        and adapters in (mine | over, set())
        and (not over or says.index(*mine) < says.index(*over))
        and (name in ("on-par", "geneval-overall") or ("image similarity" in words) == (metrics == {*IMAGE}))
        and ("CLIP-T" in says) == (metrics == {"CLIP-T"})
        and ("LoRA-X" in says) == (name == "subspace")
    )


def more(claim: Claim, one: str, two: str, unit: str) -> bool:
    sizes = {"n": 2, "c": 3, "d": 3, "r": 5}
    kind = {"overhead-merging": "merge", "overhead-training": "backward"}[claim.id]
    lora, *others = (measured(kind, *sizes.values(), p) for p in Placement)
    return [x - lora for x in others] == [int(k) * int(read(unit, **sizes)) for k in (one, two)]


def no_more(claim: Claim, c: str, where: str) -> bool:
    kinds = {"the forward pass": ("forward", "parameters"), "merging": ("merge",),
             "training a layer behind frozen ones": ("backward",),
             "training where earlier layers learn": ("backward inside",)}[where]  # fmt: skip
    sizes = {"n": 2, c: 3, "d": 3, "r": 5}
    costs = [[measured(k, *(sizes[x] for x in "ncdr"), p) for p in Placement] for k in kinds]
    lines = [", ".join(COSTS[kind]) for kind in kinds] + [f"c = d: {p} costs" for p in SIDES]
    holds = all(max(x) == x[0] for x in costs) and counts_the_adapted_layer()
    return holds == (claim.expected is PROVED) and shows(claim, *lines, f"the claim says: {claim.prose}")


def symmetry(claim: Claim, changes: list[str]) -> bool:
    sp = attention.sympy()
    w = {x: sp.Matrix(*shape, lambda i, j: (i + 1) ** j + 2 * i * j) for x, shape in
         {"q": (3, 2), "k": (3, 2), "v": (3, 2), "o": (2, 3)}.items()}  # fmt: skip
    heads = claim.id.endswith("heads")
    r = sp.Matrix([[1, 1], [0, 2]]) if heads else sp.Matrix([[3, 4, 0], [-4, 3, 0], [0, 0, 5]]) / 5
    s = sp.Matrix([[2, 0], [1, 1]])
    known = {"R": r, "S": s, "R⁻¹": r.inv(), "R⁻ᵀ": r.inv().T, "S⁻¹": s.inv()} | {f"W_{x}": w[x] for x in w}
    new = {}
    for change in changes:
        parts = re.findall(r"W_.|[RS](?:⁻[¹ᵀ])?", change)
        assert "".join(parts) == change
        new[next(x for x in "qkvo" if f"W_{x}" in change)] = reduce(mul, (known[p] for p in parts))
    one = sp.eye(3)
    turn = (one, one) if heads else (r, r.T)
    name = claim.id.removeprefix("attention-")
    safe = attention.EVERY - attention.notices(name)
    lines = [f"{p} on {x} does not notice it" for p, x in safe]
    same = attention.functions(w, one, one) == attention.functions(new, *turn)
    return same and claim.prose == attention.statement(name, safe) and shows(
        claim, *lines, "every other one does", "the claim names these placements")  # fmt: skip


def rotary(claim: Claim, turned: str, free: str) -> bool:
    """Check that q → qR, k → kR⁻ᵀ keeps the scores qDkᵀ, with a rotation D, for a rotation R but not for diag(1, 2)."""
    d, q, k, v, o = (random(*x) for x in ((2, 2), (3, 2), (3, 2), (3, 2), (2, 3)))
    d = torch.linalg.matrix_exp(d - d.T)
    for r, keeps in ((d @ d, True), (torch.diag(torch.tensor([1.0, 2])).double(), False)):
        assert equal(r @ d, d @ r) == keeps == equal(q @ r @ d @ (k @ r.inverse().T).T, q @ d @ k.T)
        assert equal(v @ r @ (r.inverse() @ o), v @ o)
    return (turned, free) == ("R", "S") and shows(claim, "‖RDR⁻¹ − D‖_F > 0")


def gauge_parts(claim: Claim, at_input: str, at_output: str, mismatch: str) -> bool:
    t, *others = (mpmath.randmatrix(3, 3) for _ in range(7))
    ws, vs = others[:3], others[3:]
    qs = [mpmath.eye(3), *(mpmath.qr(mpmath.randmatrix(3, 3))[0] for _ in range(2)), mpmath.eye(3)]
    nothing = []
    for k, (w, v, p, q) in enumerate(zip(ws, vs, qs, qs[1:], strict=False), start=1):
        turned = p.T * w * q
        known = {"W'": v, "W": w, "Q₋'": p.T, "Q": q}
        r = Reader(known, [])(mismatch.replace("_{j−1}", "₋").replace("_j", ""))
        here = {"T": t, "W": w, "z": mpmath.eye(3)}
        gauge = [Reader({**here, "Q": g, "Q'": g.T}, [])(f) for f, g in ((at_input, p), (at_output, q))]
        seen = [p.T * (x - y) * q for x, y in zip((t * w, w * t), gauge, strict=True)]
        assert max(map(abs, [*(r - (v - turned)), *(seen[0] - t * turned), *(seen[1] - turned * t)])) < mpf(10) ** -30
        nothing += [f"{side} {k}" for side, g in zip(("input", "output"), gauge, strict=True) if max(map(abs, g)) == 0]
    return nothing == ["input 1", "output 3"]


def share(e: Any, there: Any) -> Any:
    return 1 - ((there - e) ** 2).sum() / (e**2).sum()


def angles(claim: Claim, cost: str, late: str) -> bool:
    psi, layers = mpf(10) ** -15, range(1, 6)
    losses = [(1 - wide.predicted((mpmath.cos(psi),) * 5, k - 1)) / psi for k in layers]
    factor = read(cost.removesuffix("Σ√k"), ψ=1)
    said = [factor * sum(mpmath.sqrt(k) for k in range(first, 5)) for first in layers]
    return (
        np.allclose(list(map(float, losses)), list(map(float, said))) and losses[0] > 1 > losses[-1] and late == "late"
    )


def recursion(claim: Claim, kappa: str, before: str, slope: str) -> bool:
    kernel = lambda t: read(kappa, t=t)  # noqa: E731
    rho, a, p = (0, *map(mpf, wide.COSINES)), [mpf(1)], [None]
    for k in range(1, len(rho)):
        p.append(read("ρa", ρ=rho[k], a=a[-1]))
        a.append(kernel(p[-1]))
    said = [a[k - 1] * mpmath.fprod(mpmath.diff(kernel, p[j]) * rho[j + 1] for j in range(k, 5)) for k in range(1, 6)]
    known = [wide.predicted(tuple(map(mpf, wide.COSINES)), k) for k in range(5)]
    close_ = all(abs(x - y) < 1e-12 for x, y in zip(said, known, strict=True))
    return close_ and (before, slope) == ("a_{l−1}", "κ'(p_k)ρ_{k+1}")


def discrepancy_and_share(claim: Claim, w: str, there: str, m: str, *said: str) -> bool:
    w, v, m = (number(x.replace("−", "-")) for x in (w, there, m))
    gap, inside = (w - v) ** 2, ((1 + m) * (w - v)) ** 2
    shares = [1 - (x - m * w) ** 2 / (m * w) ** 2 for x in (m * w, m * v)]
    raw = {"W": [[str(w)]], "W_target": [[str(v)]], "M": [[str(m)]]}
    known = evaluate(claim, raw)
    return [*map(number, said)] == [gap, inside, *shares] and all(map(close, (known.lhs, known.rhs), shares))


def below(claim: Claim, placement: str) -> bool:
    ours, other = (values(10, side="target", peft=x) for x in ("LoRA", "LoRA-X"))
    value_ = {k: v for k, v in ours.items() if k[1:] == (placement, "CLIP-T")}
    return all(v < other[k[0], "subspace", "CLIP-T"] for k, v in value_.items()) and bool(value_)


def placed(claim: Claim, name: str) -> bool:
    forms = {"LoRA": ("W + AB",), "input": ("(I + AB)W", "(I + A₁B₁)W"), "output": ("W(I + AB)", "W(I + A₁B₁)")}
    return text(claim.concludes[0].left).removeprefix("rank(").startswith(forms[name])


def filters(claim: Claim, who: str, where: str) -> bool:
    effect = {"input adapter": "MW", "output adapter": "WM", "LoRA": "M"}[who]
    form = {"behind it": f"‖F{effect}H‖_F", "before it": f"‖H{effect}F‖_F"}[where]
    return text(claim.concludes[0].left) == form


def strength(claim: Claim, at: str, kept: str) -> bool:
    e, there = mpmath.randmatrix(1, 4), mpmath.randmatrix(1, 4)
    c = (e * there.T)[0] / (mpmath.norm(e) * mpmath.norm(there))
    q = mpmath.norm(there) / mpmath.norm(e)
    keeps = lambda k: share(np.array(e), k * np.array(there))  # noqa: E731
    best = read(at, c=c, q=q)
    return close(keeps(best), read(kept, c=c)) and max(keeps(best + h) for h in (-0.01, 0.01)) < keeps(best)


def retained(formula_: str) -> bool:
    e, there = np.array([1.0, 2, -1]), np.array([0.5, 1, 3])
    c, q = e @ there / np.sqrt((e @ e) * (there @ there)), np.sqrt(there @ there / (e @ e))
    return close(share(e, there), read(formula_, c=float(c), q=float(q)))


def mean_squares(k: int) -> tuple[float, float]:
    """Return E (max(|x₁|, k|x₂|) − k|x₂|)² and E x₁² for standard normal x; the first is integrated over the angle."""
    angle = (np.arange(100_000) + 0.5) / 100_000 * np.pi / 2
    return 2 * float(np.mean(np.maximum(np.cos(angle) - k * np.sin(angle), 0) ** 2)), 1.0


def scaled(claim: Claim, kept: str, of_lora: str) -> bool:
    z, m, w, h, j, s = random(5, 3), random(3, 3), random(3, 4), random(3, 4) + 1, random(4, 2), 3.0
    there = share(z @ m @ w @ j, z @ m @ (s * w) @ (j / s)), share(z @ h @ j, z @ h @ (j / s))
    assert equal(z @ (s * w) @ (j / s), z @ w @ j)
    return equal(there[0], float(kept)) and equal(there[1], float(read(of_lora, s=s)))


def every_law(claim: Claim, bound: str) -> bool:
    i = drawn(claim.id)
    here, f = i.instance.l[0], i.instance.f[0]
    there = here + here @ torch.linalg.pinv(here) @ (i.instance.l_target[0] - here) / 9
    names = {"L": here, "L'": there, "P": torch.linalg.pinv(here)}
    least = Reader({n: mpmath.matrix(m.tolist()) for n, m in names.items()}, [])(bound.replace("L⁺", "P"))
    return float(share(f @ here, f @ there)) >= float(least)
