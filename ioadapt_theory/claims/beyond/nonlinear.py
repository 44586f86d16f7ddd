"""Props. 4 and 5 for models f and f' that need not be linear, with g = f − f'. Outputs on n samples form n rows."""

import torch
from torch import Tensor

from ioadapt_theory.claims import arithmetic
from ioadapt_theory.claims.language import *

F, F_TARGET = matrix("f"), matrix("f_target")
G, MOVED, XAB, LIP = matrix("g"), matrix("h"), matrix("xab"), scalar("lip")
SAMPLES = matrices("outputs on n samples", {"F": "n d", "F_target": "n d", "AB": "d d"},
                   meanings={"F": "outputs of f", "F_target": "outputs of f'"})  # fmt: skip
PAIRS = matrices("outputs on n samples", {"G": "n d", "H": "n d", "XAB": "n c", "Lip": ""}, meanings={
    "G": "outputs of g at the inputs X", "H": "its outputs at X(I + AB)", "XAB": "the change of the inputs",
    "Lip": "a Lipschitz constant of g"})  # fmt: skip
LIPSCHITZ = fro(MOVED - G) <= LIP * fro(XAB)
ROWS, HIDDEN, OUT = matrix("x"), matrix("a"), matrix("b")
WHITE = (1 / (rows(ROWS) * SIGMA**2) * (transpose(ROWS) @ ROWS)).equals(EYE)
"""The n rows of X, drawn with equal probability, have the second moments σ²I."""


def network(x: Term) -> Term:
    """Return the difference of two networks of one hidden ReLU layer, which is such a network itself."""
    return relu(x @ HIDDEN) @ OUT


RELU = matrices("a hidden ReLU layer", {"X": "n c", "A": "c h", "B": "h d", "AB": "c c", "sigma": ""},
                {"n": 6, "c": 2, "h": 5, "d": 3},
                meanings={"A": "hidden weights", "B": "output weights", "sigma": "XᵀX = nσ²I"})  # fmt: skip


def white(i: Any) -> dict[str, Tensor]:
    """Make instances whose inputs have the second moments σ²I."""
    return {"x": torch.linalg.qr(i.x)[0] * i.x.shape[-2] ** 0.5 * i.sigma[:, None, None]}


def within_reach(raw: Mapping[str, Tensor]) -> Any:
    """Return instances with ‖H − G‖_F < Lip · ‖XAB‖_F."""
    lip, change = raw["lip"].exp(), raw["h"]
    length = [arithmetic.frobenius_sq(m).sqrt() for m in (raw["xab"], change)]
    size = lip * length[0] * torch.sigmoid(raw["lip"] + 2) / length[1]
    return PAIRS.build(g=raw["g"], h=raw["g"] + size[..., None, None] * change, xab=raw["xab"], lip=lip)


CLAIMS = (
    Claim(
        id="nonlinear-output", source=BEYOND,
        reading="Prop. 5 for any f, f' and any law of x, of outputs F, F' on n samples", amends="prop-5",
        **at_most(
            fro(F @ T - F_TARGET @ T) ** 2, Link("I + AB factored out on the right", fro((F - F_TARGET) @ T) ** 2),
            Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", (fro(F - F_TARGET) * spectral(T)) ** 2),
            Link("expand", spectral(T) ** 2 * fro(F - F_TARGET) ** 2),
        ),
        setting=SAMPLES, strategies=(RandomInstances(), GradientAscent()),
    ),
    Claim(
        id="nonlinear-input", source=BEYOND, reading="Prop. 4 for ReLU networks and inputs X of second moments σ²I",
        amends="prop-4", given=(WHITE,),
        concludes=(fro(network(ROWS @ T)) ** 2 <= spectral(T) ** 2 * fro(network(ROWS)) ** 2,), **refuted_by("relu"),
        setting=RELU.parametrised(white),
    ),
    Claim(
        id="nonlinear-input-lipschitz", source=BEYOND,
        reading="Prop. 4 for Lipschitz f − f' = g, of G = g(X) and H = g(X(I + AB)) on n samples",
        amends="nonlinear-input", given=(LIPSCHITZ,),
        **at_most(
            fro(MOVED) ** 2, Link("g(xT) = g(x) + (g(xT) − g(x))", fro(G + (MOVED - G)) ** 2),
            Link("triangle inequality", (fro(G) + fro(MOVED - G)) ** 2),
            Link("(a + b)² ≤ 2a² + 2b²", 2 * fro(G) ** 2 + 2 * fro(MOVED - G) ** 2),
            Link("Lipschitz", 2 * fro(G) ** 2 + 2 * (LIP * fro(XAB)) ** 2),
        ),
        attained=("nonlinear-lipschitz",), words=(ATTAINED,), setting=replace(PAIRS, parametrise=within_reach),
        strategies=SEARCHES,
    ),
)  # fmt: skip
