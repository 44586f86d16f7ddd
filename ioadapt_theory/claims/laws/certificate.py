"""What rows certify about the share of its gain that an adapter retains, without a model of their law.

A row has the loss D = ‖e' − e‖² and the gain N = ‖e‖², of mean E[D] and E[N], and the share is R₀ = 1 − E[D]/E[N].

*Bounded rows.* If D ≤ b and N ≤ B, the values D − (1 − r)N lie in an interval of length b + (1 − r)B, and their mean is
0 at r = R₀. The empirical Bernstein inequality (Maurer and Pontil 2009, Theorem 4, which is not proved here) therefore
puts R₀ with probability 1 − α into the set of all r at which the mean over n rows is at most the radius. *Unbounded
rows.* Of the shares of m + 1 batches at most two lie outside the range of the others. If all orders of the batches are
equally likely, each is as likely as any other to be the last, so the last one lies in the range of the m before it
with probability at least 1 − 2/(m + 1) = (m − 1)/(m + 1). ``effect.certificate`` computes both.
"""

from ioadapt_theory.claims.language import *

WEIGHTS, LOSS, GAIN, SHARES = row("p"), row("u"), row("v"), row("u")
KEPT = let("R₀", 1 - dot(WEIGHTS, LOSS) / dot(WEIGHTS, GAIN))
SAME_MEAN = dot(WEIGHTS, LOSS).equals(dot(WEIGHTS, (1 - KEPT) * GAIN))
D, N, MOST_D, MOST_N, RATE = (scalar(name) for name in ("d", "n", "b", "a", "t"))
ROWS_ = {"p": "probabilities of the rows", "u": "their losses D", "v": "their gains N"}
ONE_ROW = {"d": "the row's loss D", "n": "its gain N", "b": "largest loss", "a": "largest gain B", "t": "1 − r"}


certified = partial(Claim, source=BEYOND)
CLAIMS = (
    certified(
        id="effect-certified-mean", reading="bounded rows: at r = R₀, what is tested, D − (1 − r)N, has mean 0",
        given=(NOTHING < dot(WEIGHTS, GAIN),), concludes=(SAME_MEAN,),
        proofs=(
            argued(
                (dot(WEIGHTS, LOSS).equals((1 - KEPT) * dot(WEIGHTS, GAIN)), "1 − R₀ = ⟨p, u⟩/⟨p, v⟩"),
                (SAME_MEAN, "so"),
            ),
        ),
        setting=matrices("rows and their law", dict.fromkeys(ROWS_, "k"), meanings=ROWS_).parametrised(
            lambda i: {k: x**2 for k, x in vars(i).items()},
        ),
    ),
    certified(
        id="effect-certified-range", reading="bounded rows: D − tN, t = 1 − r ≥ 0, is from −tB to b",
        given=(D <= MOST_D, N <= MOST_N),  # D − tN ≥ −tB and D − tN ≤ b are written with positive sides
        **shown((RATE * N <= D + RATE * MOST_N, "D ≥ 0 and N ≤ B"), (D <= MOST_D + RATE * N, "N ≥ 0 and D ≤ b")),
        setting=matrices("a row within bounds", dict.fromkeys(ONE_ROW, ""), meanings=ONE_ROW).parametrised(
            lambda i: {"b": i.d + i.b, "a": i.n + i.a},
        ),
    ),
    certified(
        id="effect-certified-next",
        reading="unbounded rows: how many of some shares lie outside the range of the others",
        **shown((outside(SHARES) <= 2, "only a least and a largest one, of which there is at most one each")),
        setting=matrices("shares of batches", {"u": "k"}, meanings={"u": "shares of the batches"}),
    ),
)  # fmt: skip
