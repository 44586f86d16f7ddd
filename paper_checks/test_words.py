"""Every clause of a claim's words is evaluated; the test of a clause without a fact below fails."""

import re
from collections.abc import Callable
from fnmatch import fnmatch
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf
from torch.nn import functional

import paper_checks.facts as facts_
from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims.arithmetic import hessian
from ioadapt_theory.claims.beyond import attention, depth
from ioadapt_theory.claims.claim import Origin, Word
from ioadapt_theory.claims.effect import gain, limits, random_change
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.argument import Reached
from ioadapt_theory.claims.evidence.prose import OnlyIf, Refuted, Shown
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import NOTHING, pinv, rank, replaced
from ioadapt_theory.claims.expression.values import Values, value
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.report import remark
from ioadapt_theory.claims.settings.increments import AVOIDS_ZERO
from ioadapt_theory.claims.settings.letters import SOURCE, T
from ioadapt_theory.claims.settings.relative_similarity import LITERAL
from ioadapt_theory.claims.statements import equations
from ioadapt_theory.claims.words.absorption import convolution, mixed
from ioadapt_theory.claims.words.independence import weights_in
from paper_checks import evaluating
from paper_checks.evaluating import (
    INPUT,
    LORA,
    OUTPUT,
    PROVED,
    REFUTED,
    SIDES,
    axes,
    clauses,
    close,
    cosines,
    drawn,
    equal,
    finite,
    formula,
    given,
    increments,
    models,
    number,
    of_two,
    operations,
    random,
    ratio,
    read,
    remainder,
    right,
    sharp,
    shows,
    sides,
    turned,
)
from paper_checks.facts import (
    angles,
    as_torch_has_it,
    below,
    counted,
    dimensions,
    discrepancy_and_share,
    every_law,
    filters,
    gauge_parts,
    iff,
    jacobians,
    lost_by,
    maps,
    mean_over_signs,
    mean_squares,
    misprinted,
    more,
    no_more,
    of_law,
    of_moved_vectors,
    of_the_cells,
    of_the_overall_score,
    placed,
    rank_of,
    recursion,
    retained,
    rotary,
    scaled,
    segment,
    share,
    strength,
    symmetry,
    unbounded,
    without_regular_f,
)

FACTS: list[tuple[str, str, Callable[..., Any]]] = [
    # readings of the hypothesis, and kinds of statements
    ("prop-*", r"(\S+ ≤ ε) as stated", lambda c, f: f in given(c) and c.origin is Origin.PRINTED),
    ("prop-*", r"(\S+ ≤ ε) as (?:its proof uses it|in its proof)", lambda c, f: (
        f in given(c) and c.origin is Origin.READING)),
    ("prop-1-frobenius", r"(\S+ ≤ ε) as in the proof of Prop. 2", lambda c, f: (
        f in given(c) and all(f"{f} as in its proof" == CLAIMS[f"prop-2-{p}-frobenius"].reading for p in SIDES))),
    ("prop-1-main", "second term .*", misprinted),
    ("prop-1-main", r"second term (\S+) as printed in (Sec. 4)", lambda c, f, place: (
        formula(c).split(" + ")[2] == f and place in c.source)),
    ("*-abs", r"\|s₀\| for s₀", lambda c: (
        replaced(sides(c.amends).right, {SOURCE.s0: abs(SOURCE.s0)}) == sides(c.id).right)),
    ("prop-1-sine", "corrected", lambda c: (c.expected, CLAIMS[c.amends].expected) == (PROVED, REFUTED)),
    ("*", "sharp", sharp),
    ("*", "finite", finite),
    ("lemma-1-angle", "finite", of_moved_vectors),
    ("lemma-1-angle prop-1-finite", "finite", lambda c: shows(c, "(r − x)² ≥ 0", "the angle is acute") and (
        c.id == "lemma-1-angle" or shows(c, "a = arcsin(", "two such cosines"))),
    ("prop-2-input-finite", "finite", lambda c: shows(c, "(I + tM)M = M(I + tM)", "= 1/(1 − t²)", "= ε/(1 − tε)")),
    ("*", "finite and sharp|exact, finite", lambda c: sharp(c) and finite(c)),
    ("prop-2-output-artanh", "exact, any adapter", lambda c: sharp(c) and finite(c) and "ε" not in "".join(given(c))),
    ("lemma-1-remainder", "with a constant, on either side", lambda c: (
        finite(c) and [text(r.left) for r in c.concludes] == ["R", "−R"])),
    ("lemma-1-remainder-best", "with the least constant for every s", sharp),
    ("lemma-2-sharp", r"sharp, C = (\d)", lambda c, k: sharp(c) and cosines(
        lambda s: close(right(c.id, increments(s)), int(k) * (1 + abs(s))))),
    ("lemma-2-integral", "for a segment that avoids 0", lambda c: c.given == (AVOIDS_ZERO,)),
    ("lemma-2-remainder", "explicit", lambda c: finite(c) and "sup_hessian_norm" not in operations(c) and shows(
        c, "= (1 − t)ρ²/(1 − tρ)²", "= −ρ − ln(1 − ρ)")),
    ("prop-1-sharp", "sharp for given data", lambda c: sharp(c) and "x1" in weights_in(sides(c.id).right)),
    ("prop-1-weights", "sharp in terms of W", lambda c: sharp(c) and weights_in(sides(c.id).right) == {"w",
         "w_target"}),
    ("prop-1-explicit", "with its remainder", lambda c: finite(c) and "ε²" in formula(c)),
    ("prop-1-segment", "for every ε", lambda c: shows(c, "‖AB‖₂ = ε = 2")),
    ("prop-1-segment-small", r"for ε (<) min (\S+)", lambda c, sign, f: all(
        (value(sides(c.id).left, c.setting.read(models(mpf(0), epsilon=str(e)))) > 0)
        == (e < min(read(f, x=x, W=mpmath.diag([1, 3])) for x in (mpmath.matrix([[1, 0]]), mpmath.matrix([[0, 1]]))))
        for e in (0.9, 0.99, 1.01)) and sign == "<"),
    ("prop-2-input-sharp-two", "sharp for two condition numbers", lambda c: sharp(c) and Word.EVERY_PAIR in c.words),
    ("prop-?-exact", "exact value, in its proof", lambda c: (
        CLAIMS[c.amends].proofs[0].chains[0].links[0].formula == sides(c.id).right and sides(c.id).sign == "=")),
    ("prop-3-second", r"LoRA on (W₂)", lambda c, w: f"({w} + AB)" in formula(c)),
    ("prop-4-interior*", "adapter between the layers", lambda c: "W₁(I + AB)W₂" in formula(c)),
    ("prop-4-every-layer", "adapter before every layer", lambda c: "x(I + AB)W₁(I + AB)W₂" in formula(c)),
    ("prop-?-*", r"x = (zF), z ~ N\(0, I\)", of_law),
    ("eq-5-scope", 'for every layer W ."a vanilla LoRA in Eq. 1 satisfies".', lambda c: (
        not c.given and c.concludes == CLAIMS["eq-5"].concludes and CLAIMS["eq-5"].given)),
    ("eq-5-column-rank", r"for rank W = (\w), the input form", lambda c, n: (
        given(c) == ["W⁺W = I"] and axes(c)["W"][1] == n and "(I + ABW⁺)W" in formula(c))),
    ("eq-5-rank eq-5-size", "rank|size", lambda c: sides(c.id).left.op == {"rank": "rank",
         "size": "spectral"}[c.reading]),
    ("eq-6 eq-6-same-set", "on one model", lambda c: "W'" not in c.prose),
    ("eq-6-rank-*", "(input|output) form, on one model", lambda c, p: placed(c, p) and "W'" not in formula(c)),
    ("eq-6-exchanged", "when W is exchanged for (W')", lambda c, w: (
        value(replaced(sides(c.id).left, {limits.W_TARGET: limits.W}), drawn(c.id).instance).abs().max() < 1e-9)),
    ("independent-printed", "the displayed term", lambda c: text(sides("prop-2-input").right) in c.prose),
    ("bounds-rank", "Props. (.) and (.) rank the methods, for all models", lambda c, one, two: (
        given(c) == given(CLAIMS[f"prop-{one}"])
        and (sides(c.id).left, sides(c.id).right) == (sides(f"prop-{two}-input").right, sides(f"prop-{one}").right))),
    ("stronger-requirement*", "(nearly equal|equal) functions have equal similarities", lambda c, how: (
        given(c) == [{"nearly equal": "‖W − W'‖_F² ≤ ε", "equal": "W = W'"}[how]]
        and formula(c) == "sim(x₁W, x₂W) = sim(x₁W', x₂W')")),
    ("reach-*", "(input|output), on one layer", placed),
    ("transfer-single-layer*", "(LoRA|input|output), on one layer", placed),
    ("lora-x-capacity", r"dimensions at rank r < max\(c, d\)", lambda c: shows(c, "r(c + d − r) − r²")),
    ("absorption-convolution", "Φ.I. a kernel of the layer's own width", lambda c: shows(c, "width 3 after width 3")),
    ("absorption-channel-mix", r"Φ\(I\) a 1 x 1 channel mix without bias", lambda c: (
        (m := attention.sympy().Matrix([[1, 2], [3, 4]])) and mixed(m) == convolution({0: m}))),
    ("tables-*", "in no cell below", lambda c: "no cell of" in c.prose),
    ("tables-*", "in every column", lambda c: "every column of" in c.prose),
    ("tables-geneval-overall", "overall", of_the_overall_score),
    ("tables-geneval-overall", "overall", lambda c: "in the overall score" in c.prose),
    ("tables-on-par", "not told apart by a sign test", lambda c: "sign tests" in remark(c)),
    ("tables-seeds", "by more than a standard deviation", lambda c: "within its deviation" in remark(c)),
    ("tables-subspace", "in image similarity", lambda c: "image similarity" in c.prose),
    ("tables-subspace", "in CLIP-T (output) adapters are below", below),
    ("transfer-input transfer-output", "always", lambda c: not c.given),
    ("transfer-same-function", "equal functions", lambda c: given(c) == ["W₁W₂ = W₁'W₂'"]),
    ("transfer-sufficient", "a sufficient condition", lambda c: (
        len(c.given) == 2 and c.concludes == tuple(sides(f"transfer-{p}") for p in (INPUT, OUTPUT)))),
    ("nonlinear-output", r"(Prop\. 5) for any f, f' and any law of x", lambda c, p: (
        c.amends == "prop-5" and set(axes(c)) == {"F", "F_target", "AB"})),
    ("nonlinear-input", r"Prop\. (.) for ReLU networks", lambda c, n: c.amends == f"prop-{n}" and shows(c,
         "by six ReLUs, on all eight sectors")),
    ("nonlinear-input-lipschitz", r"Prop\. (.) for Lipschitz f − f' = g", lambda c, n: (
        CLAIMS[c.amends].amends == f"prop-{n}" and given(c) == ["‖H − G‖_F ≤ Lip‖XAB‖_F"])),
    ("effect-best-strength", r"the same change is wanted \(h = 0\), and the adapter makes it \(g = e\)", lambda c: (
        (i := drawn(c.id)) and equal(drawn("effect-retained", g=i.instance.e, h=0 * i.instance.h, e=i.instance.e,
                                           e_target=i.instance.e_target)(gain.SHARE), i(sides(c.id).left)))),
    ("effect-rank-one", "an adapter of rank one", lambda c: "RuᵀvJ" in formula(c)),
    ("effect-lora-or-*", "error of the effect at one input", lambda c: axes(c)["z"] == ["c"] and axes(c)["e"] == ["o"]),
    ("effect-same-layer", "a layer that is equal in both models", lambda c: given(c) == ["W = W'"]),
    ("effect-independent-change", "the layer's own change H with either sign", lambda c: (
        "(W + H)" in formula(c) and "(W − H)" in formula(c))),
    ("effect-scale-gauge", "the layer times s, what follows divided by s", lambda c: "(sW)(1/s · J)" in formula(c)),
    ("effect-filter-*", "(input adapter|output adapter|LoRA), layers (behind it|before it) change", filters),
    ("effect-telescope", "three layers exchanged one by one", lambda c: text(sides(c.id).right).count(" − ") == 3),
    ("effect-wide", "wide ReLU networks", lambda _: jacobians()),
    ("effect-own-layer", r"equal functions, and an adapted layer that is equal, keep some of the gain \(R ≥ 0\)",
         lambda c: (
        given(c) == ["W₁WW₂ = W₁'WW₂'"] and formula(c) == "‖W₁'MW₂' − W₁MW₂‖_F² ≤ ‖W₁MW₂‖_F²")),
    ("effect-discrepancy", "what has the (smaller) discrepancy keeps (more) of the gain", lambda c, *_: (
        given(c) == ["‖(I + M)W − (I + M)W'‖_F ≤ ‖W + MW − (W' + MW)‖_F"]
        and (sides(c.id).left, sides(c.id).right) == tuple(limits.share(limits.M @ w) for w in (limits.W,
            limits.W_TARGET)))),
    ("effect-every-law", "sharp over all laws of the inputs", lambda c: sharp(c) and "F" in axes(c)),
    # prose
    ("prop-1-segment", r"(every) point on the segment from (\(.*?\)) to (\(.*?\)) has norms bounded below by A_min "
     r"(>) 0", segment),
    ("remark-a1", "the displayed bound has an explicit quadratic term in ε², computable from the data that are "
     "displayed",
     lambda c: shows(c, "is the same for AB and −AB", "AB = −εI, A_min = 1 − ε", "AB = εI, A_min = 1")),
    ("remark-a1", "computable from what is displayed", lambda c: "computable from the data" in c.prose),
    ("lemma-3", r"for x ~ N\(0, (σ²I)\)", of_law),
    ("depth-two-parts", r"for linear layers, T = I \+ AB at one place and a gauge Q, f_T − f'_T is the sum of a "
     r"gauge part, (.*) at "
     r"the input z of a layer or (.*) at its output, carried through f.Q, and of the mismatches R_j = (.*), layer by "
     r"layer",
     lambda c, *f: gauge_parts(c, *f) and shows(
         c, "= ZWQ", "T at the input is seen from there: YP", "T at the output is seen from there: YVQ",
         "part at the input: Y(P", "one at the output: YV(", "which is not 0",
         "the places of 3 layers", "the changes add up")),
    ("depth-two-parts", r"the gauge part is zero for every gauge and every adapter at (.*), and nowhere else",
         lambda c, f: (
        c.prose == depth.sentence(depth.gauge_parts()) and "the first input and the last output" == f)),
    ("eq-5-row-rank", "what survives .*", lambda c: shows(c, "= X(I − WP)M")),
    ("eq-5-row-rank", r"Eq. 5 holds for this AB iff (.*) = 0, and for every AB iff rank W = (.)", iff),
    ("eq-5-rank", r"W⁺AB = A'B' with r columns in A'", lambda c: text(sides(c.id).left) == "rank(W⁺(AB))"
         and axes(c)["A"] == ["c", "r"]),
    ("eq-6", r"X\((.*)\) and X\((.*)\) reach updates that LoRA of rank (.*) does not", lambda c, one, two, r:
         rank_of((one, two), r)),
    ("eq-6-same-set", "for invertible W, Eq. 6 with ranks r₁, r₂ reaches exactly the updates of rank (≤) (.*)",
         lambda c, sign, r: (
        Word.CONVERSE in c.words and shows(c, "(I + M₁W⁻¹)W + M₂", "W(I + W⁻¹M₁) + M₂")
        and formula(CLAIMS["eq-6-rank-input"]).endswith("≤ rows(B₁) + rows(B₂)")
        and rank_of(("(I + A₁B₁)W + A₂B₂", "W(I + A₁B₁) + A₂B₂"), r))),
    ("independent-printed", "the displayed linear term (.*) does not contain the base weights, but through s₀",
         lambda c, f: (
        f == text(sides("prop-2-output").right) and shows(c, "no weights among its letters", "the sentence")
        and not weights_in(sides("prop-2-output").right))),
    ("independent-input independent-output",
         "the bound on the similarity distance of (.*) adapters is independent of the base weights",
     lambda c, p: c.id.endswith(p) and (c.expected is PROVED) == (not weights_in(
         sides({"input": "prop-2-input-sharp", "output": "prop-2-output-finite"}[p]).right))
     and (shows(c, "no weights among its letters", "the sentence") if c.expected is PROVED else shows(
         c, "the weights otherwise than through s₀", "unbounded in κ", "denies the sentence"))),
    ("broader-class", "input and output adapters express a (broader) class of linear transformations than LoRA",
         lambda c, _: (
        c.expected is REFUTED and all(CLAIMS[f"reach-{p}"].expected is PROVED for p in SIDES))),
    ("broader-class-maps", "as maps of W, neither W ↦ (.*) nor W ↦ (.*) includes the other", maps),
    ("any-phi", "any adaptation function Φ can be applied to I in the same manner as to W, and its start is "
     "determined", lambda c: (
        c.expected is REFUTED and shows(c, "every orthonormal basis is one of singular vectors"))),
    ("lora-x-capacity", "updates through an r x r bottleneck between fixed factors have (fewer) degrees of freedom "
     "than LoRA, unless r = c = d",
     lambda c, _: shows(c, "r² = 4 dimensions")),
    ("absorption-linear*", "if f is a linear layer, its (.*) adapter is absorbed into the weights at the cost of the "
     "base model", lambda c, p: (
        formula(c).startswith({"input": "X(I + AB)W", "output": "(XW + b)(I + AB)"}[p]))),
    ("absorption-convolution", "if f is a convolution, Φ.I. is absorbed into its kernel at the cost of "
     "the base model", lambda c: (
        c.expected is REFUTED and shows(c, "width 3 after width 3", "no convolution at all",
            "a bias before zero padding", "so no bias after it",
                                        "depthwise", "a stride of 2"))),
    ("absorption-channel-mix", "a 1 x 1 .*", as_torch_has_it),
    ("absorption-channel-mix", "a 1 x 1 channel mix on (either) side of an ungrouped convolution is absorbed "
     "exactly, at the same cost, "
     "for every (stride) and (dilation) and for padding with (.*)", lambda c, _, *kinds: shows(
         c, "input, of two offsets: S₁(XM)K₁", "(S₁XK₁ + S₂XK₂)T", *(
             f"{side}, {p}, {kinds[0]} {k}, {kinds[1]} {k}" for side in SIDES for k in (1, 2)
         for p in kinds[2].split(", ")))),
    ("overhead*", "for (.) = d input and output adapters cost no more than LoRA in (.*)", no_more),
    ("tables-*", "(.*): (?:no cell of|every column of|some cell of|it is above|no metric|every gain).*", of_the_cells),
    ("tables-*", r"[^:]*: (no cell of|every column of|some cell of) (.*) is (below|above)", counted),
    ("tables-geneval-overall", "[^:]*: (it) is (above) in (.*)", lambda c, it, above, where: counted(c, it, where,
         above)),
    ("tables-on-par", '"on par" with the baseline on the source: no metric tells a placement from LoRA.s at (.) %',
         lambda c, level: (
        (p := float(re.search("cells: (.*),", remark(c))[1])) > int(level) / 100 and c.expected is PROVED and p)),
    ("tables-seeds", '"consistently" above LoRA on various seeds: (every) gain in image similarity '
     'exceeds its deviation', lambda c, _: (
        remark(c)[0] != "0") == (c.expected is REFUTED)),
    ("transfer-input transfer-output", "with the same (AB)", lambda c, ab: all(
        ab in text(x).replace("I + ", "") for x in (sides(c.id).left, sides(c.id).right))),
    ("nonlinear-output", "for outputs F, F' on n samples", lambda c: axes(c)["F"] == axes(c)["F_target"] == ["n", "d"]),
    ("nonlinear-input", r"E‖f\((.*?)\) − f'\((.*?)\)‖² ≤ ‖(.*?)‖₂² E‖f\((.*?)\) − f'\((.*?)\)‖² for one hidden ReLU "
     r"layer",
     lambda c, a, b, t, x, y: (a, b, x, y) == (f"x({t})", f"x({t})", "x", "x") and t == "I + AB"),
    ("nonlinear-input-lipschitz", r"G = g\(x\) and H = g\(x\((.*)\)\) on n samples, whose mean ‖xAB‖² tends to "
     r"σ²‖AB‖_F²", lambda c, t: (
        t == text(T) and axes(c)["G"] == axes(c)["H"] == ["n", "d"] and equal(mean_over_signs(m := random(3, 2)),
            (m**2).sum()))),
    ("attention-*", r"(?:in|out)put adapters on .* do not notice [^:]*: (.*)", lambda c, f: symmetry(
        c, [x for x in f.removeprefix("xR, ").split(", ")])),
    ("attention-*", r"every other one of the (\d+) placements does", lambda c, n: len(attention.EVERY) == int(n)),
    ("effect-random", "M with iid entries, or AB with iid entries in A and in B: E⟨e, e'⟩ is a constant times (.*) "
     "over samples", lambda c, f: (
        shows(c, f"iid entries: E⟨e, e'⟩ = v {f}", f"columns: E⟨e, e'⟩ = 2vw {f}",
              f"one Jacobian for all samples: {f} = ⟨R, R'⟩⟨J, J'⟩"))),
    ("effect-random-source", r"W' = s\(ρW \+ √\((.*?)\)N\), W and N with iid entries, independent from layer to "
     r"layer, the adapter arbitrary: "
     r"c = Π(\S+) and q = Π(\S+) over its path, so R = (\d)Π(\S+) − Π(\S+)", lambda _, f, c, q, two, b, last: (
         close(read(f, ρ=0.6), mpf("0.64")) and (b, last, two) == (c + q, f"{q}²", "2")
         and shows(_, "E WBW'ᵀ = ρs · v tr(B) I", "E W'BW'ᵀ = s² · v tr(B) I", "E WBWᵀ = v tr(B) I"))),
    ("effect-fixed-source", r"W' = W \+ H, the entries of H iid of mean 0 and variance ν, independent from layer to "
     r"layer: (E e' = e) and "
     r"R = 2 − tr\(XB₀Xᵀ\)/‖e‖², with B = I at the outputs, B ↦ (.*?) for a layer and B ↦ MBMᵀ for the adapter",
         lambda c, e, layer: (
         shows(c, f"E(W + H)B(W + H)ᵀ = {layer}", f"{e}"))),
    ("effect-wide", r"W' = ρW \+ √\(1 − ρ²\)N in every layer, a₀ = 1, p_l = ρ_l a_{l−1}, a_l = κ\(p_l\), κ\(t\) = "
     r"(.*): c of LoRA at layer l is "
     r"(\S+) Π (\S+), k from l to L − 1, and that of input and output adapters is ρ_l times as much", recursion),
    ("effect-weights-only", "there are weights for which R has no (lower) bound over the laws of the inputs",
         lambda c, _: (
        shows(c, "2/t − 1/t²") and min(float(2 / t - 1 / t**2) for t in (0.1, 0.001)) < -99_000)),
    # remarks
    ("lemma-1", "tight only at s = 0", lambda c: cosines(
        lambda s: close(ratio("lemma-1", "lemma-1-sharp", increments(s)), 1) == (s == 0))),
    ("lemma-1", "too large by (.*)", lambda c, f: cosines(
        lambda s: close(ratio("lemma-1", "lemma-1-sharp", increments(s)), read(f, s=s)))),
    ("lemma-1-sharp", r"attained for every s by Δu ∝ (.*?), Δv ∝ (.*)", lambda c, f, g: cosines(lambda s: (
        evaluate(c, increments(s, *(
            [x / 100 for x in read(h, s=s, û=mpmath.matrix([[1, 0]]), v̂=mpmath.matrix([[s, mpmath.sqrt(1 - s * s)]]))]
            for h in (f, g)))).decisive_ratio == pytest.approx(1, abs=1e-10)))),
    ("lemma-1-remainder-best", r"at most (\d), and (\d) only for \|s\| = 1",
     lambda c, most, at: most == at and cosines(lambda s: remainder(s) < int(most))
     and all(close(remainder(sign * (1 - mpf(10) ** -40)), int(at)) for sign in (1, -1))),
    ("lemma-2", r"(\w+) times larger than necessary", lambda c, n: close(
        ratio("lemma-2", "lemma-2-sharp", increments(number("1/3"))), {"twelve": 12}[n])),
    ("lemma-2-sharp", "equality for (‖u‖) = (‖v‖)", lambda c, *_: evaluate(c,
         increments(number("3/5"))).decisive_ratio == pytest.approx(1)),
    ("lemma-2-sharp", r"at unit norms the eigenvalues are (.*?), (.*?) and ±(.*)", lambda c, *roots:
         cosines(lambda s: np.allclose(
        np.linalg.eigvalsh(hessian(*(np.array([mpf(x) for x in v], dtype=object)
                                     for v in ((1, 0), (s, mpmath.sqrt(1 - s * s))))).astype(float)),
        sorted(float(x) for x in (*(read(r, s=s) for r in roots), -read(roots[-1], s=s)))))),
    ("prop-1", r"false for s₀ < (0), by any factor as s₀ → −1", lambda c, n: (
        cosines(lambda s: (ratio("prop-1-sine", "prop-1", models(s)) > 1) == (s < int(n)))
        and ratio("prop-1-sine", "prop-1", models(-1 + mpf(10) ** -12)) > 10**5)),
    ("prop-1", r"true with (.*?), better with (.*)", lambda c, a, b: cosines(lambda s: all(
        close(ratio(n, "prop-1", models(s)), read(f, s0=s) / (1 + s)) for n, f in (("prop-1-abs", a), ("prop-1-sine",
            b))))),
    ("prop-?-*literal", "the proof needs (.*) in place of ε", lambda c, f: close(
        LITERAL.radius(mpf(1) / 9), read(f, ε=mpf(1) / 9)) and given(c)[-1] == text(LITERAL.relation)),
    ("prop-1-frobenius", "false in this smaller ball, too", lambda c: (
        c.expected is CLAIMS["prop-1"].expected is REFUTED
            and random(2, 3).norm() > torch.linalg.matrix_norm(random(2, 3), 2))),
    ("prop-1-main", r"a misprint: the appendix has (.*)", lambda c, f: (
        text(sides(c.id).right).replace("x₂'‖/‖x₂W‖", "x₂‖/‖x₂W‖").count(f) == 1
        and close(right(c.id, raw := models(mpf("0.3"), 3, 3) | {"x2_target": models(mpf("0.3"))["x2"]}),
            right("prop-1", raw)))),
    *((f"{p}-abs", "tight only at s₀ = 0", lambda c, q=q: cosines(
        lambda s: close(ratio(c.id, f"{c.amends}-{q}", models(s)), 1) == (s == 0)))
      for p, q in (("prop-1", "sine"), ("prop-2-output", "sharp"))),
    ("prop-1-sharp", r"attained by W' = (.*?), x' = x for every W, x₁, x₂", lambda c, f: turned(
        c.id, [[1, 2, 0], [0.5, -1, 3]], [1, 2], [2, -0.5], f)),
    ("prop-1-sine", r"attained where sim\(x₁, x₂\) = −s₀ by W' = (.*?), and by W' = (.*?) as well", lambda c,
         *factors: all(
        turned(c.id, [[0.75, 0], [0, 4 / 3]], [0.8, 0.6], [0.8, -0.6], f) for f in factors)),
    ("prop-1-weights", "scaling W by t divides this bound by t and leaves Prop. 2 as it is", lambda c: (
        close(right(c.id, models(mpf("0.3"), size=5)) * 5, right(c.id, models(mpf("0.3"))))
        and all(close(right(f"prop-2-{p}-sharp", models(mpf("0.3"), size=5)), right(f"prop-2-{p}-sharp",
            models(mpf("0.3"))))
                for p in SIDES))),
    ("prop-1-explicit", r"contains neither A_min nor a hidden O\(ε²\)", lambda c: finite(c)
         and "segment" not in operations(c)),
    ("prop-1-segment", "(.*) needs no segment", lambda c, n: "segment" not in operations(CLAIMS[n])
         and not CLAIMS[n].concludes[0].order),
    ("remark-a1", "(.*) has an explicit term in the displayed data", lambda c, n: (
        finite(CLAIMS[n]) and "ε²" in formula(CLAIMS[n]) and "AB" not in text(sides(n).right))),
    ("prop-2-input", r"false also with \|s₀\|, by any factor as κ → ∞", lambda c: (
        CLAIMS["prop-2-input-abs"].expected is REFUTED
        and ratio("prop-2-input-sharp", "prop-2-input-abs", models(mpf(0), 1e9, 1e9)) > 1e8)),
    ("prop-2-input-frobenius", "the witnesses have rank (one), for which the two norms agree", lambda c, n: {
        np.linalg.matrix_rank(np.array([[float(number(str(x))) for x in r] for r in witness(w)["AB"]]))
            for w in c.witnesses} == {{"one": 1}[n]}),
    ("prop-2-input-abs", r"guaranteed where (.*?) ≤ (\d)", lambda c, f, n: cosines(lambda s: all(
        (read(f, s0=s, κ=k, κ_target=4) <= int(n))
        == (right("prop-2-input-sharp", raw := models(s, k, 4)) <= right(c.id, raw)) for k in (1, 1.5, 2, 3, 5, 9)))),
    ("prop-2-output", r"false for every s₀ in \(−1, (0)\), by the factor (.*)", lambda c, n, f: cosines(lambda s: (
        close(ratio("prop-2-output-sharp", c.id, models(s)), read(f, s0=s))
        and (ratio("prop-2-output-sharp", c.id, models(s)) > 1) == (s < int(n))))),
    ("prop-2-output", "true with (.*)", lambda c, f: cosines(lambda s: close(
        ratio("prop-2-output-abs", c.id, models(s)), read(f, s0=s) / (1 + s)))),
    ("prop-2-output", "sharp: (.*)", lambda c, f: cosines(lambda s: close(
        right("prop-2-output-sharp", models(s)) / (4 * mpf("0.1")), read(f, s0=s)))),
    ("prop-2-output-frobenius", "false for s₀ < (.*)", lambda c, edge: edge == "1 − √2" and shows(c, "4(1 + s)",
         "(1 − √2 − s)")),
    ("prop-2-output-frobenius", "the sharp constant of this reading is (.*)", lambda c, f: all(
        (read(f, s0=1 - mpmath.sqrt(2) + h) > 4 * (2 - mpmath.sqrt(2) + h)) == (h < 0) for h in (-1e-9, 1e-9))),
    ("prop-2-output-abs", "independent of the base weights", lambda c: not weights_in(sides(c.id).right)),
    ("prop-2-input-sharp", "depends on the base weights", lambda c: bool(weights_in(sides(c.id).right))),
    ("prop-2-input-sharp", "attained for κ = (.*) and every s₀", lambda c, k: sharp(c) and k == "κ'"),
    ("prop-2-input-sharp", "(.*) only for scaled isometries", lambda c, f: cosines(lambda s: all(
        close(right(c.id, models(s, k, k)), read(f, s0=s, ε=number("1/10"))) == (k == 1) for k in (1, 2)))),
    ("prop-2-input-sharp-two", "attained for every κ, κ', s₀ from c = (.) on", lambda c, n: (
        Word.EVERY_PAIR in c.words and len(c.proofs[1].family(2, 3, Fraction(0))["W"]) == int(n))),
    ("prop-2-input-finite-sharp", r"(sinh\(L/2\)) = (.*?) for the right side L: it grows like (.*?), not like (.*)",
     lambda c, a, b, like, unlike: all(
         close(read(a, L=right(c.id, models(number("1/4"), k, k))), read(b, κ=k, ε=mpf("0.1"))) for k in (1.5, 40))
     and abs(right(c.id, models(mpf(0), 1e8, 1e8)) / 2 - read(like, κ=1e8) / 2) < 6 < read(unlike, κ=1e8)),
    ("prop-2-output-artanh", "depends on (.*) alone", lambda c, part: {
        x.name for r in c.concludes for x in r.right.walk() if x.op == "matrix"} == {"ab"} and part == text(T)),
    ("prop-2-output-finite", "for s₀ = s₀' .*", lambda c: shows(
        c, "= 2τ(1 − s²)/(1 − s²τ²)", "2τs²(1 − τ²)", "4ε³/(1 + ε²) ≥ 0")),
    ("prop-2-input-abs", "guaranteed .*", lambda c: shows(
        c, "this side less the sharp one", "(κ − 1)²/κ", "κ = κ' = 1, the sharp one")),
    ("prop-2-output-finite", "for s₀ = s₀' that is (.*), at most (.*) ≤ (.*)", lambda c, f, two, four:
         cosines(lambda s: (
        close(right(c.id, models(s, epsilon="1/3")), known := read(f, s0=s, τ=mpf("0.6")))
            and known <= read(two, τ=mpf("0.6")) <= read(four, ε=mpf(1) / 3)))),
    ("prop-2-output-sharp", "that is (.*)", lambda c, f: cosines(lambda s: close(right(c.id, models(s)), read(f,
         s0=s, ε=mpf("0.1"))))),
    ("independent-output", r"exactly (.*) with τ = (.*), attained", lambda c, f, tau: cosines(lambda s: close(
        right("prop-2-output-finite", models(s, epsilon="1/3")), read(f, s0=s, τ=read(tau, ε=mpf(1) / 3))))),
    ("independent-input", r"the sharp constant (.*?), κ = cond\(W\), is attained and not bounded over all W",
         lambda c, f: cosines(lambda s: close(
        10 * right("prop-2-input-sharp", models(s, 2, 7)), read(f, s0=s, κ=2, κ_target=7)))
            and sharp(CLAIMS["prop-2-input-sharp"])),
    ("lemma-2-integral", "no factor below (½) will do", lambda c, f: (
        text(sides(c.id).right).startswith(f"{f}sup_t") and Word.FACTOR in c.words)),
    ("lemma-3", "an equality for the smallest such ε", lambda c: evaluate(c, witness("r3")).decisive_ratio
         == pytest.approx(1)),
    ("lemma-3", r"only E\[xᵀx\] = (σ²I) is used, not the Gaussian law", of_law),
    ("prop-3", "(not )attained in (.*), where (.*) is bounded by (.*)", lambda c, _, g, left, right_: (
        number(left) == evaluate(c, witness(g)).lhs < evaluate(c, witness(g)).rhs == number(right_))),
    ("prop-3", "the left side may be (.*), as in (.*)", lambda c, left, r: number(left) == evaluate(c, witness(r)).lhs),
    ("prop-3-exact", r"for a single layer \(W₂ = W₂' = I\) LoRA leaves the distance as it is, whatever AB",
     lambda c: equal(*(
         drawn(c.id, w2=torch.eye(4).double()[None], w2_target=torch.eye(4).double()[None], w1_target=random(1, 3, 4),
               ab=k * random(1, 3, 4) + k)(sides(c.id).right) for k in (0, 1)))),
    ("prop-[45]-exact", "equal functions stay equal", lambda c: drawn(
        c.id, w1=torch.zeros(1, 3, 4).double(), w1_target=torch.zeros(1, 3, 5).double())(sides(c.id).right) == 0),
    ("prop-[45]", r"not below the bound of (Lemma 3) if rank AB < (\w)", lambda c, *said: of_two(c.id, *said)),
    ("prop-4", "for an adapter before the first layer only", lambda c: (
        "x(I + AB)W₁" in formula(c) and CLAIMS["prop-4-interior"].expected is REFUTED)),
    ("prop-5", "holds for any functions and any law of x", lambda c: (
        CLAIMS["nonlinear-output"].amends == c.id and CLAIMS["nonlinear-output"].expected is PROVED)),
    ("prop-4-interior", "equal functions do not stay equal: (.*) from ε = (.*), where LoRA on (.*) has (.*)",
         lambda c, one, e, w, other: (
        number(one) == evaluate(c, witness("g1")).lhs and number(other) == evaluate(CLAIMS["prop-3"], witness("g1")).lhs
        and c.setting.read(witness("g1")).epsilon == int(e) and f"({w} + AB)" in formula(CLAIMS["prop-3"]))),
    ("prop-4-every-layer", "false already for (one) adapter inside the model", lambda c, _:
         CLAIMS["prop-4-interior"].expected is REFUTED),
    ("prop-4-anisotropic", "true with (.*) for (.*)", lambda c, new, old: (
        text(sides("prop-4-whitened").right) == text(sides(c.id).right).replace(old, new))),
    ("prop-5-anisotropic", "a regular F is not needed here", without_regular_f),
    ("depth-two-parts", "planted networks with ReLU whose hidden channels are permuted but for a share τ lose (.*) "
     "of the adapter's effect "
     "at an interior input", lambda c, f: all(close(read(f, τ=t), 2 * (1 - t * (t + (1 - t) / mpmath.pi)))
         for t in (0, 0.5))),
    ("eq-5-scope", "WW⁺ = I needs rank W = (.) ≤ (.)", lambda c, a, b: (
        equal((w := random(2, 3)) @ torch.linalg.pinv(w), torch.eye(2)) and (a, b) == tuple(axes(c)["W"]))),
    ("eq-5-scope", r"W = \[(.*)\], AB = (.*) leaves ‖residual‖² = (.*) of ‖AB‖² = (.*)", lost_by),
    ("eq-5-row-rank", "what survives of AB is (.*)AB", lambda c, f: f == "WW⁺" and text(sides(c.id).right)
         == f"X(I − {f})AB"),
    ("eq-5-rank", "A' = (.*) and B' = (.*)", lambda c, a, b: c.proofs[0].chains[0].links[0].formula == rank(
        {"W⁺A": pinv(equations.W) @ equations.A}[a] @ {"B": equations.B}[b])),
    ("eq-6", "on one W every such update is a LoRA of (rank) (.*)", lambda c, _, r: rank_of(("(I + A₁B₁)W + A₂B₂",
         "W(I + A₁B₁) + A₂B₂"), r)),
    ("bounds-rank", r"W = W' = (\d+) I, ε = (\S+) gives (\S+) for LoRA and (\S+) for the others", lambda c, n, e,
         lora, other: (
        (raw := witness("scaled"))["W"] == raw["W_target"] == [[int(n), 0], [0, int(n)]]
            and number(str(raw["epsilon"])) == number(e)
        and close(right("prop-1", raw), number(lora)) and close(right("prop-2-output", raw), number(other)))),
    ("stronger-requirement", r"true for equal functions \((.*)\)", lambda c, n: CLAIMS[n].expected is PROVED
         and CLAIMS[n].concludes == c.concludes),
    ("stronger-requirement", r"nearly equal ones move s by at most (.*) \+ O\(ε\)", lambda c, f: cosines(lambda s:
         close(
        read(f, s=s, ε=mpf(1) / 9, **{"x₁": mpmath.matrix([[5, 0]]), "x₂": mpmath.matrix([[s, mpmath.sqrt(1 - s * s)]]),
                                      "W": 2 * mpmath.eye(2)}),
        right("lemma-1-sharp", {**increments(s, ("1/6", 0), (mpf(1) / 6, 0))})))),
    ("broader-class", "each is a LoRA of the same (rank)", lambda c, op: all(
        (sides(f"reach-{p}").left.op, text(sides(f"reach-{p}").right)) == (op, "rows(B)") for p in SIDES)),
    ("broader-class", "for invertible W the sets are equal", lambda c: shows(
        c, "before W: (I + MW⁻¹)W = W + M", "behind W: W(I + W⁻¹M) = W + M", "c = 3 and d = 3, dim MW") and len({
        int(torch.linalg.matrix_rank(torch.kron(*x))) for x in ((torch.eye(3).double(), random(3, 3)), (random(3, 3),
            torch.eye(3).double()))}) == 1),
    ("broader-class", r"for c = (\d), d = (\d) updates have (\d+) dimensions \((.*)\) against (\d+) \((.*)\)",
         dimensions),
    ("any-phi", "PiSSA starts from principal singular vectors, and every orthonormal basis is one of I", lambda c:
         shows(
        c, "all singular values of I are 1")),
    ("lora-x-capacity", r"r² against (.*)", lambda c, f: all(
        (r * r < read(f, r=r, c=a, d=b)) == (r < max(a, b)) for r, a, b in ((1, 2, 3), (2, 2, 3), (3, 3, 3)))),
    ("absorption-linear-output", r"the bias b becomes (.*)", lambda c, f: formula(c).endswith(f" + {f}")),
    ("absorption-convolution", r"width (\d) after width (\d) has width (\d)", lambda c, a, b, n: (
        int(n) == int(a) + int(b) - 1 and shows(c, f"width {a} after width {b} has width {n}"))),
    ("overhead*", "input and output adapters cost (.*) and (.*) times (.*) more", more),
    ("tables-*", "wins-ties-losses: .*|least p of .*|. of . gains .*", lambda c: shows(
        c, remark(c), f"the claim says: {c.prose}")),
    ("tables-*", "wins-ties-losses: (.*)|least p of (.*)|single cells move (.*)|(.*) is within its deviation: (.*)",
         lambda c, *_: (
        c.proofs[0].holds(c))),  # computed, and counted from the files alone in test_tables
    ("tables-*", "not above: (.*)", lambda c, names: 0 < len(names.split(", ")) <= sum(
        int(x) for s in re.findall(r"\d+-(\d+)-(\d+)", remark(c)) for x in s)),
    ("transfer-input transfer-output", r"true for equal functions \((.*)\)", lambda c, n: (
        CLAIMS[n].expected is PROVED and any(r.left == sides(c.id).left and r.right == NOTHING
            for r in CLAIMS[n].concludes))),
    ("transfer-input transfer-output", r"W₁ = W₂ = W₂' = I, W₁' = diag\((\d), (\d)\), AB = (\d)e₁e₁ᵀ: LoRA (.*), "
     r"this one (.*)",
     lambda c, a, b, n, lora, one: all(witness("r1")[key] == m for key, m in (
         *((key, [[1, 0], [0, 1]]) for key in ("W1", "W2", "W2_target")), ("W1_target", [[int(a), 0], [0, int(b)]]),
         ("AB", [[int(n), 0], [0, 0]]))) and evaluate(c, witness("r1")).lhs == int(one) and evaluate(c,
         witness("r1")).rhs == int(lora)),
    ("transfer-same-function", "what LoRA leaves has no bound: W₁' = (.*), W₂' = (.*), r → 0", lambda c, *f: (
        unbounded(c, *f) and shows(c, "1 − 2/r + 1/r²"))),
    ("nonlinear-input", r"for f − f' = max\(\|x₁\|, (\d+)\|x₂\|\) − (\d+)\|x₂\|, AB = −e₂ᵀe₂ raises the mean square "
     r"from (.*) to (.*)",
     lambda c, k, same, before, after: k == same and shows(
         c, "‖I + AB‖₂ = 1", "E g² = (2/π)((1 + k²) arctan(1/k) − k)",
         "as after input adaptation, g = |x₁|, and E x₁² = 1",
         "E x₁² > 23",
         "E g² < 1/k") and np.allclose(mean_squares(int(k)), (float(before), float(after)), atol=5e-5)),
    ("nonlinear-input-lipschitz", "ReLU .*", lambda c: shows(
        c, "GELU'' = φ(x)(2 − x²)", "GELU'(−√2) = 1", "the constant in the remark")),
    ("nonlinear-input-lipschitz", r"ReLU has Lipschitz constant (\d), GELU (.*) = (.*)…", lambda c, k, f, n: all(
        abs(float(torch.autograd.grad(g(x := torch.linspace(-6, 6, 100001).requires_grad_()).sum(),
            x)[0].abs().max()) - float(m)) < 1e-4
        for g, m in ((functional.relu, k), (functional.gelu, n))) and f == "Φ(√2) + √2φ(√2)"),
    ("attention-heads", "with rotary positions (.) has to commute with the rotations, and (.) is any", rotary),
    ("attention-residual", "every placement notices this or the symmetry of (.*)", lambda c, n: (
        attention.notices("residual") | attention.notices(n.removeprefix("attention-")) == attention.EVERY)),
    ("effect-retained", "the retained share is R = (.*) up to this", lambda _, f: retained(f)),
    ("effect-retained", "R < 0 iff q > (.*)", lambda c, f: all(
        (2 * x * q - q * q < 0) == (q > read(f, c=x)) for x in (mpf("0.2"), mpf("0.9")) for q in map(mpf, ("0.1",
            "0.39", "0.41", "1.79", "1.81")))),
    ("effect-retained", "(.*) = (.*), x the share explained on the source", lambda c, norms, f: all(close(
        read(norms, g=mpmath.matrix([[1, m]]), e=mpmath.matrix([[1, 0]])), read(f, x=1 / (1 + m * m)))
        for m in (mpf(1), mpf(3)))),
    ("effect-best-strength", "the strength (.*) keeps (.*)", strength),
    ("effect-independent-change", "LoRA loses (less) on average, by the (square) of the own change's effect",
     lambda c, *_: drawn(c.id)(own := sides(c.id).right.args[1]) > 0 and own.op == "pow"),
    ("effect-scale-gauge", "an input adapter keeps R = (.*), LoRA R = (.*)", scaled),
    ("effect-random-source", "LoRA's path leaves out its own layer", lambda c: (
        set(random_change.PATHS[INPUT]) - set(random_change.PATHS[LORA]) == {1} and random_change.PATHS[INPUT]
            == random_change.PATHS[OUTPUT])),
    ("effect-random-source", r"noise of relative size δ on each of L layers costs LoRA \((.*?)\)\^\(L − (\d)\) − "
     r"(\d) of the gain, "
     r"input and output adapters \((.*?)\)\^L − (\d)", lambda c, f, less, one, g, also: all(
         close(read(h, δ=0.3) ** (3 - k) - int(n), 1 - (2 - mpf("1.09") ** len(random_change.PATHS[p])))
         for h, k, n, p in ((f, int(less), one, LORA), (g, 0, also, INPUT), (g, 0, also, OUTPUT)))),
    ("effect-random-source", "noise of relative size δ .*", lambda c: shows(c, "1 − R = (1 + δ²)^k − 1")),
    ("effect-wide", ".*", lambda c: shows(
        c, "κ' = 1 − arccos(t)/π", *(f"layer {k} of 5 loses ψ" for k in range(1, 6)))),
    ("effect-wide", r"equal small angles ψ cost (.*), k from l to L − 1, so (late) layers lose least", angles),
    ("effect-own-layer", r"R = (.*) = (.*) in (.*)", lambda c, f, n, name: (
        (e := Values(c.setting.read(witness(name)))) and f == "1 − ‖e' − e‖²/‖e‖²"
        and close(share(e(limits.EFFECT), e(limits.EFFECT_TARGET)), number(n.replace("−", "-"))))),
    ("effect-own-layer", "R has no (lower) bound", lambda c, _: shows(
        c, "t · 1/t = 1", "2t − t², without bound", "ZDJ = Z(−W + D)J")),
    ("effect-discrepancy", "W = (.*), W' = (.*), M = (.*): discrepancy (.*) for LoRA and (.*) for the input adapter, "
     "retained share (.*) and (.*)",
     discrepancy_and_share),
    ("effect-every-law", "R ≥ (.*)", every_law),
    ("effect-every-law", "without the hypothesis R has no (lower) bound", lambda c, _:
         CLAIMS["effect-weights-only"].expected is PROVED),
]  # fmt: skip
BESIDE = {pattern for _, pattern, _ in FACTS if pattern.endswith(".*")}
"""Patterns of facts that only require a printed line; a clause that matches one must also match another fact."""
USED = [(c, part, [(pattern, fact) for ids, pattern, fact in FACTS if any(fnmatch(c.id, i) for i in ids.split())])
        for c in CLAIMS.values() for part in clauses(c)]  # fmt: skip


@pytest.mark.parametrize(("claim", "said", "facts"), USED, ids=[f"{c.id}: {said}" for c, said, _ in USED])
def test_every_clause_is_so(claim: Claim, said: str, facts: list[tuple[str, Callable[..., Any]]]) -> None:
    matches = [(fact, match) for pattern, fact in facts if (match := re.fullmatch(pattern, said))]
    assert any(match.re.pattern not in BESIDE for _, match in matches), "no evidence is about this clause"
    with mpmath.workdps(50):
        for fact, match in matches:
            assert fact(claim, *match.groups())


LINES = [
    (c, p) for c in CLAIMS.values() for p in c.proofs
    if isinstance(p, Shown | Refuted | OnlyIf) or (isinstance(p, Reached) and clauses(c))
]  # fmt: skip


@pytest.mark.parametrize(("claim", "proof"), LINES, ids=[c.id for c, _ in LINES])
def test_every_line_is_asked_for_by_a_clause(claim: Claim, proof: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of an argument, except "this is ...", is used by the check of a clause of the claim's prose."""
    asked = list[str]()
    for module in (evaluating, facts_):
        monkeypatch.setattr(module, "shows", lambda _, *formulas: asked.extend(formulas) or True)
    monkeypatch.setitem(globals(), "shows", evaluating.shows)
    with mpmath.workdps(50):
        for _, said, facts in (x for x in USED if x[0] is claim):
            for fact, match in ((f, re.fullmatch(p, said)) for p, f in facts):
                if match:
                    fact(claim, *match.groups())
    lines = [step for step in proof.printed(claim) if not step.startswith("this is ")]
    assert [step for step in lines if not any(part in step for part in asked)] == []


def test_no_conclusion_is_strict() -> None:
    """A non-strict conclusion also holds for limits of instances, and a refutation must exceed the bound."""
    assert {r.sign for c in CLAIMS.values() for r in c.concludes} == {"<=", "="}


def test_every_fact_is_about_something_that_is_said() -> None:
    assert [
        pattern
        for _, pattern, _ in FACTS
        if not any(re.fullmatch(pattern, said) for _, said, facts in USED for p, _ in facts if p == pattern)
    ] == []
