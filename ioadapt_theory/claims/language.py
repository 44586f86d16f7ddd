"""The vocabulary in which claims are written, for ``from ioadapt_theory.claims.language import *``.

A statement is a ``Claim``: ``given`` hypotheses it ``concludes`` relations, and its ``proofs`` say why, line by line.

Formulas. ``row``, ``matrix`` and ``scalar`` make letters; ``+ - * / **``, ``@`` for products with matrices, ``<=``,
``<`` and ``.equals`` make formulas and relations of them; ``.up_to(2)`` adds O(ε²); ``let`` names a part. Letters that
are there already: AB, EPSILON, SIGMA and T = I + AB; SOURCE and TARGET, the models of App. A.1, with x1, x2, w, outputs
y1, y2, s0 and sine0; X, W1, W2, W1_TARGET, W2_TARGET and GAP of App. A.2; U, V, DU, DV, S, R and DELTA of Lemma 1.

Arguments, by what they conclude.
``derived(name, first, Link(says, formula, by), …)``: an upper bound or an equation. Every link is algebra, or follows
by rules (CAUCHY_SCHWARZ, TRIANGLE, …), hypotheses and lemmas. ``@lemma(name, relation)`` makes a lemma of lines
``Step(says, check)``, the last of which is ``reached``. ``by_lemma`` is for a claim that is a lemma.
``Attained(name, family, over)``: sharp, for every value of the parameters of the right side.
``**refuted_by("ce1")``: a shipped instance refutes the claim. ``ShownBy``, ``RefutedBy``: other claims settle it.
``argued(Shown | Refuted | OnlyIf | Remarked, …)``: lines about a sentence without a formula.

Checks of a line: ``vanishes``, ``agree``, ``zero`` (polynomials), ``simplifies`` (roots), ``nonnegative`` (squares),
``words`` (products that do not commute), ``found`` (a number), ``true``, ``both``.

Searches: ``Replay`` shipped instances, ``RandomInstances``, ``GradientAscent``, ``StackMonteCarlo``,
``OrderFit``, ``MeanZero`` of random draws; on instances of a setting: ``matrices`` of free letters,
``similarity_setting``, ``function_setting``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Word
from ioadapt_theory.claims.evidence.argument import *
from ioadapt_theory.claims.evidence.argument import contradicted
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.means import *
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.evidence.searches import GradientAscent, OrderFit, RandomInstances, Replay
from ioadapt_theory.claims.evidence.steps import *
from ioadapt_theory.claims.expression.algebra import noncommuting, root, symbolic, sympy
from ioadapt_theory.claims.expression.limits import delta, first_order
from ioadapt_theory.claims.expression.lines import Reader
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import *
from ioadapt_theory.claims.expression.values import evaluator
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.settings.increments import *
from ioadapt_theory.claims.settings.letters import *
from ioadapt_theory.claims.settings.letters import distance
from ioadapt_theory.claims.settings.matrices import matrices
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import *
from ioadapt_theory.claims.settings.relative_similarity import similarity_setting
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, SharedFunction, function_setting

PRINTED, READING, IN_WORDS, OURS = Origin
PROVED, SURVIVED, REFUTED = Verdict.PROVED, Verdict.SURVIVED, Verdict.REFUTED
ATTAINED, SHARP, FACTOR, EVERY_PAIR, CONVERSE = Word
LORA, INPUT, OUTPUT = Placement
SEARCHES = (Replay(), RandomInstances(), GradientAscent())
TO_FIRST_ORDER = (Replay(), RandomInstances(), GradientAscent(drop=("ab",)))
"""Searches for a bound up to O(ε²) in App. A.1, where the worst AB of given data is known."""
BEYOND = "beyond the paper"


def refuted_by(*names: str, beside: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Return what a claim says that shipped instances refute: arguments, with those beside it, names and verdict."""
    return {"proofs": (*contradicted(*names), *beside), "witnesses": names, "expected": REFUTED}


def second_order(placement: Placement) -> OrderFit:
    """Fit the order of what the first-order term leaves of the similarity distance."""
    left = evaluator(distance(placement)), evaluator(first_order(distance(placement)))
    return OrderFit(lambda i: left[0](i) - left[1](i), similarity_setting(placement), ("ab",))
