"""LyCORIS's LoHa, LoKr and full changes."""

from ioadapt_theory.adapters.families import Full, LoHa, LoKr, Spec
from ioadapt_theory.formats.kinds import Kind, Parts, Shapes


def _loha(parts: Parts, s: float) -> LoHa:
    b1, b2 = (parts[f"hada_w{i}_a"].mT for i in (1, 2))
    a1, a2 = (parts[f"hada_w{i}_b"].flatten(1).mT for i in (1, 2))
    size = (a1.shape[0], b1.shape[1], parts["hada_w1_b"].shape[1])
    spec = Spec(rank=a1.shape[1], scaling=s)
    return LoHa.stored(size, spec, {"A1": a1, "A2": a2, "B1": b1, "B2": b2})


def _lokr(parts: Parts, s: float) -> LoKr:
    c = (parts["lokr_w1"] if "lokr_w1" in parts else parts["lokr_w1_a"] @ parts["lokr_w1_b"]).mT
    if "lokr_w2" in parts:
        w2 = parts["lokr_w2"]
        d, n2, in_n = {"D": w2.flatten(1).mT}, w2.shape[0], w2.shape[1]
        m2, rank = d["D"].shape[0], max(w2.flatten(1).shape)
    else:
        a, b, in_n = parts["lokr_w2_b"].flatten(1).mT, parts["lokr_w2_a"].mT, parts["lokr_w2_b"].shape[1]
        d, n2, m2, rank = {"A": a, "B": b}, b.shape[1], a.shape[0], a.shape[1]
    size = (c.shape[0] * m2, c.shape[1] * n2, c.shape[0] * in_n)
    phi = LoKr.stored(size, Spec(rank=rank, scaling=s), {"C": c, **d})
    phi.scaling = s  # alpha is applied even if only the first factor has a rank
    return phi


def _lokr_rank(shapes: Shapes) -> int | None:
    return next((shapes[k][1] for k in ("lokr_w2_a", "lokr_w1_a") if k in shapes), None)


def _full(parts: Parts, s: float) -> Full:
    delta = parts["diff"].flatten(1).mT * s
    size = delta.shape[0], delta.shape[1], parts["diff"].shape[1]
    return Full.stored(size, Spec(), {"Delta": delta})


KINDS = {
    "loha": Kind(
        frozenset({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"}),
        frozenset({"diff_b"}),
        lambda shapes: shapes["hada_w1_b"][0],
        _loha,
    ),
    "lokr": Kind(
        frozenset(),
        frozenset("lokr_w1 lokr_w1_a lokr_w1_b lokr_w2 lokr_w2_a lokr_w2_b diff_b".split()),
        _lokr_rank,
        _lokr,
    ),
    "full": Kind(frozenset({"diff"}), frozenset({"diff_b"}), lambda _: None, _full),
}
