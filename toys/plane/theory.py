"""The theory of App. A.2 for the crescent: closed form of the expected distance, and the bounds of Props. 3-5.

The propositions assume E[xᵀx] = σ²I and no biases. Neither assumption holds here. But with S = E[(x, 1)ᵀ(x, 1)], the
stack is a linear function of z = (x, 1)S^-½, and E[zᵀz] = I, so that the propositions hold with σ = 1.
"""

import torch
from torch import Tensor, nn

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.settings.matrices import SharedFunction
from toys.plane.methods import Method, learned, plain
from toys.plane.world import augmented, isotropic_moment, moment


def theory(
    method: Method, source: nn.Sequential, target: nn.Sequential, one: nn.Sequential, two: nn.Sequential
) -> dict[str, float | None]:
    """Return the expected squared distance ``exact`` between the outputs of ``one`` and ``two``, and its ``bound``.

    The inputs are the crescent's, or isotropic ones for keys with the prefix ``isotropic_``. ``one`` and ``two`` are
    ``source`` and ``target`` with the adapter. A bound is None if the paper has none.
    """
    bound: float | None
    figures: dict[str, float | None] = {}
    for law, second_moment in (("", moment()), ("isotropic_", isotropic_moment())):
        if method.proposition:
            (ab,) = learned(one).values()
            exact, bound = proposition(method, ab, source, target, second_moment)
        else:
            exact = expected(plain(one), plain(two), second_moment)
            bound = None if method.placement else exact  # Lemma 3 is an equality
        figures |= {f"{law}exact": exact, f"{law}bound": bound}
    return figures


def expected(source: nn.Sequential, target: nn.Sequential, second_moment: Tensor) -> float:
    """Return E‖y − y'‖² for the outputs of two plain stacks on inputs x with E[(x, 1)ᵀ(x, 1)] = ``second_moment``."""
    one, two = (torch.linalg.multi_dot(list(augmented(m))) for m in (source, target))
    return float((_root(second_moment) @ (one - two)).square().sum())


def proposition(
    method: Method, ab: Tensor, source: nn.Sequential, target: nn.Sequential, second_moment: Tensor
) -> tuple[float, float]:
    """Return both sides of the inequality in the method's proposition: the expected squared distance, and its bound."""
    root = _root(second_moment)
    (w1, w2), (w1_target, w2_target) = (list(augmented(m)) for m in (source, target))
    claim = "prop-5"
    match method.placement, method.maps:
        case "weight", ("0",):
            ab = root @ nn.functional.pad(ab, (0, 1, 0, 1))  # the 1 of (x, 1) is unchanged
            claim = "prop-3"
        case "weight", ("1",):
            ab = nn.functional.pad(ab, (0, 0, 0, 1))
            claim = "prop-3-second"
        case "input", ("0",):
            ab = root @ nn.functional.pad(ab, (0, 1, 0, 1)) @ torch.linalg.inv(root)
            claim = "prop-4"
    instance = SharedFunction(
        w1=root @ w1,
        w2=w2,
        w1_target=root @ w1_target,
        w2_target=w2_target,
        ab=ab,
        sigma=torch.ones((), dtype=root.dtype),
    )
    inequality = CLAIMS[claim].inequality
    return float(inequality.lhs(instance)), float(inequality.rhs(instance))


def _root(second_moment: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(second_moment)
    return (vectors * values.sqrt()) @ vectors.mT
