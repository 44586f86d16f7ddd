"""The vocabulary in which claims are written, for ``from ioadapt_theory.claims.language import *``.

A statement is a ``Claim``, with hypotheses (``given``), conclusions (``concludes``) and arguments (``proofs``).

Formulas. ``row``, ``matrix`` and ``scalar`` make symbols. ``+ - * / **``, and ``@`` for products with matrices, make
formulas; ``<=``, ``<`` and ``.equals`` make relations, to which ``.up_to(2)`` adds O(ε²). ``let`` names a subformula.
Predefined symbols: AB, EPSILON, SIGMA and T = I + AB; SOURCE and TARGET of App. A.1, with x1, x2, w, outputs y1, y2, s0
and sine0; X, W1, W2, W1_TARGET, W2_TARGET and GAP of App. A.2; U, V, DU, DV, S, R and DELTA of Lemma 1.

Proofs. ``derived(first, Link(reason, formula), …)`` is a chain of formulas and ``argued((relation, reason), …)`` a list
of relations that ends with the conclusions; they tell the proof of a theorem in Coq, each link and step is checked on
random instances, and what is printed is rendered from what is checked. ``**at_most(first, Link(…), …)``, ``**equal(…)``
and, for several chains, ``**all_equal(…)`` give a claim its conclusion together with the chain that proves it;
``**shown((relation, reason), …)`` does so where all steps are conclusions. ``By`` names the claims from which one
follows.
``Expanded()`` proves equations of matrices of any size, also means over random letters (``mean``), ``Computed()``
settles a statement without letters. ``Attained(family, over)`` checks that a family of instances attains a bound, for
several values of the parameters in ``over``. ``**refuted_by("ce1")`` refutes the claim by a shipped instance.

Searches. ``Replay`` evaluates shipped instances; ``RandomInstances`` and ``GradientAscent`` draw instances. The
settings of instances are ``matrices`` (free symbols), ``INCREMENTS`` (Lemmas 1 and 2), ``similarity_setting`` (App.
A.1) and ``function_setting`` (App. A.2).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Word
from ioadapt_theory.claims.evidence.argument import *
from ioadapt_theory.claims.evidence.extremes import *
from ioadapt_theory.claims.evidence.extremes import Contradicted
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.expression.algebra import root
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import *
from ioadapt_theory.claims.findings import Verdict
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.settings.letters import *
from ioadapt_theory.claims.settings.letters import Placement, distance
from ioadapt_theory.claims.settings.matrices import *
from ioadapt_theory.claims.settings.relative_similarity import *
from ioadapt_theory.claims.settings.relative_similarity import similarity_setting

PRINTED, READING, IN_WORDS, OURS = Origin
PROVED, SURVIVED, REFUTED = Verdict.PROVED, Verdict.SURVIVED, Verdict.REFUTED
ATTAINED, SHARP, FACTOR, EVERY_PAIR = Word
LORA, INPUT, OUTPUT = Placement
SEARCHES = (Replay(), RandomInstances(), GradientAscent())
TO_FIRST_ORDER = (Replay(), RandomInstances(), GradientAscent(drop=("ab",)))
"""Searches for a first-order bound in App. A.1; gradient ascent varies all but AB, whose worst value is known."""
BEYOND = "beyond the paper"


def refuted_by(*names: str) -> dict[str, Any]:
    """Return arguments of ``Claim`` for a claim that shipped instances refute."""
    return {"proofs": tuple(map(Contradicted, names)), "witnesses": names, "expected": REFUTED}
