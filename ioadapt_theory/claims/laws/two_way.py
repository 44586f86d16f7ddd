"""The two-way map: one change of coordinates carries activations forward and gradients back.

On paired rows the target has activations X and gradients H, the source activations U and gradients K. A map P is fitted
to U = XP and H = KPᵀ. The loss is ‖XP − U‖_F² + ‖KPᵀ − H‖_F² + l‖P − S‖_F²; the weights of its terms are scaled into
the matrices. An adapter M that reads U and writes against K becomes PMQᵀ, where Q carries gradients: HQ = K.
"""

import torch

from ioadapt_theory.claims.language import *

X_, U_, K, H = matrix("x"), matrix("u"), matrix("k"), matrix("h")
P, OTHER, START, M, Q = matrix("p"), matrix("o"), matrix("s"), matrix("m"), matrix("q")
RIDGE, G, TURN, F = scalar("l"), matrix("g"), matrix("t"), matrix("f")
C_, B_ = matrix("a"), matrix("b")


def misfit_(p: Term) -> Term:
    """Return ‖XP − U‖_F² + ‖KPᵀ − H‖_F², the misfit of a map in both directions."""
    return fro(X_ @ p - U_) ** 2 + fro(K @ transpose(p) - H) ** 2


def loss(p: Term) -> Term:
    return misfit_(p) + RIDGE * fro(p - START) ** 2


def normal(p: Term) -> tuple[Term, Term]:
    """Return both sides of the normal equation, which is a Sylvester equation, without the penalty."""
    return (transpose(X_) @ X_ @ p + p @ (transpose(K) @ K), transpose(X_) @ U_ + transpose(H) @ K)


SOLVES = (normal(P)[0] + RIDGE * P).equals(normal(P)[1] + RIDGE * START)
STATIONARY, STATIONARY_TOO = (left.equals(right) for left, right in map(normal, (P, OTHER)))
EXCESS = fro(X_ @ (OTHER - P)) ** 2 + fro(K @ transpose(OTHER - P)) ** 2
REGULAR = rank(transpose(X_) @ X_).equals(rows(transpose(X_) @ X_))
EXACT = (U_.equals(X_ @ P), H.equals(K @ transpose(P)))
SILENT_LEFT, SILENT_RIGHT = EYE - pinv(X_) @ X_, EYE - pinv(K) @ K
OPEN = SILENT_LEFT @ M @ SILENT_RIGHT
READS, WRITES = (X_ @ P).equals(U_), (H @ Q).equals(K)
EFFECT, EFFECT_TARGET = U_ @ M @ transpose(K), X_ @ (P @ M @ transpose(Q)) @ transpose(H)
GRAM = transpose(X_) @ X_
ONE_WAY = pinv(GRAM) @ (transpose(X_) @ U_)
NORMS = fro(X_) ** 2 + fro(U_) ** 2 + fro(K) ** 2 + fro(H) ** 2
TURNED_BY = transpose(P) @ OTHER
ROTATIONS = tuple((transpose(p) @ p).equals(EYE) for p in (P, OTHER))
POLAR = (transpose(X_) @ U_ + transpose(H) @ K).equals(P @ (transpose(F) @ F))
BALANCED = inverse(G) @ TURN @ Q


def balance(t: Term, c: Term) -> Term:
    """Return the B of TᵀAT = T⁻¹BT⁻ᵀ, which says that T balances the Gram matrices A and B: TTᵀA TTᵀ."""
    return t @ transpose(t) @ c @ (t @ transpose(t))


REBALANCED = balance(BALANCED, transpose(G) @ C_ @ G)
THERE = inverse(G) @ B_ @ transpose(inverse(G))
"""The Gram matrix of gradients in the coordinates xG; that of activations is GᵀAG."""
SIZES_ = {"n": 7, "r": 6, "c": 4, "d": 3}
TURNED = {"X": "n d", "U": "n d", "K": "r d", "H": "r d", "P": "d d", "O": "d d", "F": "d d"}
ROWS_ = {"X": "n c", "U": "n d", "K": "r d", "H": "r c"}
MEANINGS = {
    "X": "activations of the target, a row for each input", "U": "activations of the source on the same inputs",
    "H": "gradients of the target", "K": "gradients of the source", "P": "the map", "O": "another map",
    "S": "the map to which the penalty pulls", "l": "the weight of the penalty", "M": "an adapter of the source",
    "Q": "the map of gradients", "F": "FᵀF is the symmetric factor of XᵀU + HᵀK",
}  # fmt: skip
GRAMS = {"A": "Gram matrix of activations", "B": "Gram matrix of gradients", "T": "balancing coordinates xT",
         "G": "a change of coordinates x to xG", "Q": "a rotation"}  # fmt: skip
paired = partial(matrices, sizes=SIZES_, meanings=MEANINGS)
TWO = paired("two maps", {**ROWS_, "P": "c d", "O": "c d"})


def solved(i: Any) -> dict[str, Any]:
    """Make an instance whose map P solves the normal equation: P is free, and P₀ is chosen."""
    rest = i.x.mT @ (i.x @ i.p - i.u) + (i.p @ i.k.mT - i.h.mT) @ i.k
    return {"s": i.p + rest / i.l[..., None, None]}


def unique(i: Any) -> dict[str, Any]:
    """Make an instance in which U = XP and H = KPᵀ, and the second map is P, too."""
    return {"u": i.x @ i.p, "h": i.k @ i.p.mT, "o": i.p}


def polar(i: Any) -> dict[str, Any]:
    """Make an instance in which P and the other map are rotations, and XᵀU + HᵀK = PFᵀF, by the choice of U."""
    (p, _), (o, _) = torch.linalg.qr(i.p), torch.linalg.qr(i.o)
    return {"p": p, "o": o, "u": torch.linalg.pinv(i.x).mT @ (p @ i.f.mT @ i.f - i.h.mT @ i.k)}


def in_balance(i: Any) -> dict[str, Any]:
    """Make an instance with TᵀAT = T⁻¹BT⁻ᵀ, by the choice of B, and a rotation Q."""
    return {"q": torch.linalg.qr(i.q)[0], "b": i.t @ i.t.mT @ i.a @ i.t @ i.t.mT}


two_way = partial(Claim, source=BEYOND)
CLAIMS = (
    two_way(
        id="two-way-normal", reading="what solves the normal equation is the best map", given=(SOLVES,),
        **shown(
            (loss(OTHER).equals(loss(P) + (EXCESS + RIDGE * fro(OTHER - P) ** 2)),
             "expand about P; the terms of first order vanish by the normal equation"),
            (loss(P) <= loss(OTHER), "squares are not negative"),
        ),
        setting=paired("two-way fit", {**ROWS_, "P": "c d", "O": "c d", "S": "c d", "l": ""}).parametrised(solved),
    ),
    two_way(
        id="two-way-unique", reading="one Gram matrix regular, without a penalty", amends="two-way-normal",
        given=(REGULAR, STATIONARY, STATIONARY_TOO),
        **shown((OTHER.equals(P), "XD = 0 and KDᵀ = 0 for the difference D, as ‖XD‖² + ‖KDᵀ‖² = 0")),
        setting=TWO.parametrised(unique),
    ),
    two_way(
        id="two-way-exact", reading="every linear change of coordinates is found", amends="two-way-unique",
        given=(REGULAR, *EXACT, STATIONARY_TOO),
        **shown((OTHER.equals(P), "P solves the normal equation, too, and the solution is unique")),
        setting=TWO.parametrised(unique),
    ),
    two_way(
        id="two-way-open", reading="few rows: what they leave open", amends="two-way-unique",
        **shown(
            (misfit_(P + OPEN).equals(misfit_(P)), "X(I − X⁺X) = 0 and K(I − K⁺K) = 0"),
            ((rank(SILENT_LEFT) + rank(X_)).equals(rows(transpose(X_))), "X⁺X is a projection of the rank of X"),
            ((rank(SILENT_RIGHT) + rank(K)).equals(rows(transpose(K))), "K⁺K is a projection of the rank of K"),
        ),
        setting=paired("few rows", {**ROWS_, "P": "c d", "M": "c d"}, sizes={"n": 2, "r": 3, "c": 5, "d": 4}),
    ),
    two_way(
        id="two-way-effect", reading="an adapter carried by exact maps has the same effect", given=(READS, WRITES),
        concludes=(EFFECT_TARGET.equals(EFFECT),),
        proofs=(argued((EFFECT_TARGET.equals(U_ @ M @ (transpose(Q) @ transpose(H))), "XP = U"),
                       (EFFECT_TARGET.equals(EFFECT), "HQ = K")),),
        setting=paired("an adapter moved", {**ROWS_, "P": "c d", "Q": "c d", "M": "d d"}).parametrised(
            lambda i: {"u": i.x @ i.p, "k": i.h @ i.q},
        ),
    ),
    two_way(
        id="two-way-one-way", reading="without gradients: the regression of effect-best", amends="two-way-normal",
        **shown(((GRAM @ ONE_WAY).equals(transpose(X_) @ U_), "XᵀX(XᵀX)⁺Xᵀ = Xᵀ")),
        setting=paired("one-way fit", {"X": "n c", "U": "n d"}),
    ),
    two_way(
        id="two-way-polar", reading="among rotations: the polar factor (Procrustes)", amends="two-way-normal",
        given=(*ROTATIONS, POLAR), concludes=(misfit_(P) <= misfit_(OTHER),),
        proofs=(
            argued(
                (misfit_(P).equals(NORMS - 2 * fro(F) ** 2), "rotations keep norms, and XᵀU + HᵀK = PFᵀF"),
                (misfit_(OTHER).equals(NORMS - 2 * inner(F, F @ TURNED_BY)), "likewise"),
                (inner(F, F @ TURNED_BY) <= fro(F) * fro(F @ TURNED_BY), "Cauchy-Schwarz"),
                (fro(F @ TURNED_BY).equals(fro(F)), "PᵀO is a rotation"), (misfit_(P) <= misfit_(OTHER), ""),
            ),
        ),
        setting=paired("rotations", TURNED).parametrised(polar),
    ),
    two_way(
        id="two-way-balanced", reading="balanced coordinates go with the coordinates",
        given=(rank(G).equals(rows(G)), (Q @ transpose(Q)).equals(EYE), balance(TURN, C_).equals(B_)),
        concludes=(REBALANCED.equals(THERE),),
        proofs=(
            argued(
                (REBALANCED.equals(inverse(G) @ balance(TURN, C_) @ transpose(inverse(G))), "QQᵀ = I and GG⁻¹ = I"),
                (REBALANCED.equals(THERE), "T balances A and B"),
            ),
        ),
        setting=matrices("a gauge", dict.fromkeys(GRAMS, "d d"), SIZES_, meanings=GRAMS).parametrised(in_balance),
    ),
)  # fmt: skip
