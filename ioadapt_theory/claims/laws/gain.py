"""The share of its gain that an adapter retains on another model, estimated from its two effects, without labels.

All outputs on a batch form one row. On the source the labels minus the outputs are g, and the adapter adds e; on the
target the labels minus the outputs are g + h, and the adapter adds e'. The gain is the reduction of the squared error.
"""

from ioadapt_theory.claims.language import *

G, H, E, E_TARGET = row("g"), row("h"), row("e"), row("e_target")
C, Q, SINE_C = let("c", sim(E, E_TARGET)), let("q", norm(E_TARGET) / norm(E)), sine(E, E_TARGET, "c")
MISSED = norm(G - E) / norm(E)
"""Equal to √(1/x − 1), where x is the share of ‖g‖² that e removes, if ``TUNED`` holds."""
TUNED = dot(G, E).equals(norm(E) ** 2)
"""The hypothesis that the strength of the adapter is optimal on the source: no multiple of e is nearer to g than e."""


def gain(need: Term, effect: Term) -> Term:
    """Return by how much ``effect`` reduces the squared error, from ‖``need``‖² to ‖``need`` − ``effect``‖²."""
    return norm(need) ** 2 - norm(need - effect) ** 2


SHARE = gain(G + H, E_TARGET) / gain(G, E)
RETAINED = abs(SHARE - (2 * C * Q - Q**2 + 2 * dot(H, E_TARGET) / norm(E) ** 2)) <= 2 * Q * SINE_C * MISSED
BEST = gain(E, E_TARGET) / gain(E, E) <= C**2
PLAIN = 2 * C * Q - Q**2
"""The retained share R if both models need the same change and the strength is the best on the source."""
AT_BEST = gain(E, dot(E, E_TARGET) / norm(E_TARGET) ** 2 * E_TARGET) / gain(E, E)
"""The share of the source's gain that the target keeps if e' is multiplied by c/q, the best factor, g = e and h = 0."""

PART = let("v", E_TARGET - dot(E, E_TARGET) / norm(E) ** 2 * E)
along_and_across = argued(
    ((SHARE - (2 * C * Q - Q**2 + 2 * dot(H, E_TARGET) / norm(E) ** 2)).equals(2 * dot(G - E, E_TARGET) / norm(E) ** 2),
     "expand, ⟨g, e⟩ = ‖e‖²"),
    (dot(G - E, E_TARGET).equals(dot(G - E, PART)), "⟨g − e, e⟩ = 0"),
    (abs(dot(G - E, PART)) <= norm(G - E) * norm(PART), "Cauchy-Schwarz"),
    (norm(PART).equals(Q * SINE_C * norm(E)), "v is the part of e' across e"),
    (RETAINED, "so"),
)  # fmt: skip
a_square = argued(
    ((gain(E, E_TARGET) / gain(E, E)).equals(2 * C * Q - Q**2), "expand"),
    ((C**2 - (2 * C * Q - Q**2)).equals((C - Q) ** 2), "a square"),
    (BEST, "so"),
    (AT_BEST.equals(C**2), "with c/q times e', the effect on the target"),
)


def across(c: Fraction, q: Fraction, missed: Fraction) -> Mapping[str, Any]:
    """The vector g − e points along the part of e' that is orthogonal to e, and h = 0."""
    return {"g": [1, missed], "h": [0, 0], "e": [1, 0], "e_target": [q * c, q * root(1 - c**2)]}


SETTING = matrices("a batch", {"g": "k", "h": "k", "e": "k", "e_target": "k"}, meanings={
    "g": "labels minus outputs of the source, in one row", "h": "g + h are those of the target",
    "e": "the adapter's effect on the source's outputs", "e_target": "its effect on the target's outputs"})  # fmt: skip


def tuned(i: Any) -> dict[str, Any]:
    """Make an instance in which g is shifted along e until ⟨g, e⟩ = ‖e‖²: no multiple of e is nearer to g than e."""
    return {"g": i.g + ((i.e * (i.e - i.g)).sum(-1) / (i.e * i.e).sum(-1))[..., None] * i.e}


CLAIMS = (
    Claim(
        id="effect-retained", source=BEYOND, reading="sharp", given=(TUNED,), concludes=(RETAINED,),
        proofs=(
            along_and_across,
            Attained(across, {opened(C): COSINES_TRIED, opened(Q): LENGTHS_TRIED, MISSED: LENGTHS_TRIED}),
        ),
        notes=(PLAIN <= C**2,), words=(SHARP,), setting=SETTING.parametrised(tuned), strategies=SEARCHES,
    ),
    Claim(
        id="effect-best-strength", source=BEYOND,
        reading="the same change is wanted (h = 0), and the adapter makes it (g = e)", amends="effect-retained",
        concludes=(BEST, AT_BEST.equals(C**2)), proofs=(a_square,), setting=SETTING,
    ),
)  # fmt: skip
