"""Every statement in Coq says what its claim says: a parser that shares nothing with the renderer reads it back."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.language import *
from proofs.grammar import parsed
from proofs.reader import problems
from proofs.render import statement

TEXT = (Path(__file__).parents[2] / "proofs" / "coq" / "Statements.v").read_text(encoding="utf-8")
STATED = sorted(name.replace("_", "-") for name in parsed(TEXT)[1])
CHANGES = (
    ("<=", "<"), (" + ", " - "), ("0 <", "0 <="), ("1 <= k", "2 <= k"), ("norm x1", "norm x2"), ("^T *m F", " *m F^T"),
    ("%:M", ""), ("x1'", "x1"), ("(r < c)%N ->", ""), ("sine", "sim"), ("fro", "norm"), ("du", "dv"), ("K * ", ""),
    ("forall s", "forall (s : R), 0 < s -> forall"), ("rank", ""), ("q *", ""), ("exists K e0 :", "exists e0 K :"),
)  # fmt: skip


@pytest.mark.parametrize("claim_id", STATED)
def test_the_statement_says_what_the_claim_says(claim_id):
    assert problems(TEXT, CLAIMS[claim_id]) == []


def changed(text):
    """Return the text with one hypothesis or fact dropped, or one sign, letter, word or range changed."""
    lines, found = text.splitlines(), []
    for i, line in enumerate(lines[1:], start=1):
        if re.search(r"(->|/\\)$", line) and not re.match(r"\s*\(?(forall|exists|complete|/)", line):
            found.append([*lines[:i], *lines[i + 1 :]])
        found += [[*lines[:i], line.replace(a, b, 1), *lines[i + 1 :]] for a, b in CHANGES if a in line]
    return ["\n".join(x) for x in found]


@pytest.mark.parametrize("claim_id", STATED)
def test_a_changed_statement_is_noticed(claim_id):
    texts = changed(statement(CLAIMS[claim_id]))
    for text in random.Random(claim_id).sample(texts, min(12, len(texts))):
        assert problems(text, CLAIMS[claim_id]), text


SWAPPED = {  # what renderers have got wrong: scopes, ranges, ranks, laws
    "prop-1-abs": [
        ("exists K e0 : R, 0 < e0 /\\\n    forall (r : nat)", "forall (r : nat)"), ("0 < epsilon <= e0", "0 < epsilon"),
    ],
    "prop-2-input-sharp": [("1 <= k ->", "2 <= k ->"), ("-1 < s < 1 ->", "0 < s < 1 ->"), ("-1 < s < 1 ->", "")],
    "prop-1": [("(r < c)%N", "(r <= c)%N")],
    "prop-5-anisotropic": [("(F^T *m F)", "(F *m F^T)")],
}  # fmt: skip


@pytest.mark.parametrize(("claim_id", "one", "other"), [(c, a, b) for c, pairs in SWAPPED.items() for a, b in pairs])
def test_quantifiers_ranges_ranks_and_laws_are_read(claim_id, one, other):
    text = statement(CLAIMS[claim_id])
    assert one in text
    assert problems(text.replace(one, other, 1), CLAIMS[claim_id])


@pytest.mark.parametrize("hypothesis", [0, 1, 2])
def test_a_hypothesis_that_the_claim_drops_is_missed(hypothesis):
    claim = CLAIMS["prop-1-abs"]
    dropped = replace(claim, given=tuple(g for i, g in enumerate(claim.given) if i != hypothesis))
    assert problems(TEXT, dropped)


@pytest.mark.parametrize("name", ["s", "k", "q", "norm", "sim", "value2"])
def test_a_letter_that_would_be_captured_is_refused(name):
    """Otherwise "sharp for every s" would say "for one s"."""
    u, v, letter, w = row("u"), row("v"), scalar(name), matrix("w")
    claim = Claim(
        id="captured", source=BEYOND, reading="sharp", expected=PROVED, words=(SHARP,),
        concludes=(sim(u, v) * letter <= letter * cond(w),),
        proofs=(Attained(lambda *x: {}, {sim(u, v): (0,), letter: (1,)}, approaches=name == "q"),),
        setting=matrices("captured", {"u": "d", "v": "d", name: "", "w": "d d"}),
    )  # fmt: skip
    with pytest.raises(ValueError, match="two meanings"):
        statement(claim)
