"""How the parts of a foreign adapter, stored as torch stores weights, become our families in the paper's layout.

Every builder works on meta tensors as well, so a file's shapes are checked before any of its numbers is read.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import Family, Spec
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats.kinds.holding import hold

Parts = Mapping[str, Tensor]

REQUIRED = {
    "lora": {"down", "up"},
    "loha": {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"},
    "lokr": set(),
    "glora": {"a1", "a2"},
    "full": {"diff"},
    "peanut": {"peanut_A", "peanut_B"},
}
SHIFTS = ("up_bias", "diff_b")
"""Biases that an adapter brings along: to be scaled like its change, and scaled already."""
OPTIONAL: dict[str, set[str]] = {
    "lora": {"mid", "magnitude", "dora_scale", *SHIFTS},
    "loha": {"hada_t1", "hada_t2", "diff_b"},
    "lokr": {"lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "diff_b"},
    "glora": {"b1", "b2"},
    "full": {"diff_b"},
    "peanut": set(),
}


def kind_of(roles: set[str]) -> str:
    """Which kind of adapter has these parts.

    Raises:
        FileFormatError: parts are missing or do not belong together.
    """
    roles = roles - {"alpha"}
    for kind, required in REQUIRED.items():
        if required <= roles <= required | OPTIONAL[kind] and roles:
            return kind
    if roles & {"magnitude", "dora_scale"} and not roles & {"down", "up"}:
        msg = "a DoRA magnitude on a LoHa or LoKr is not read here; let the library that wrote it merge it"
        raise UnsupportedError(msg)
    msg = f"the parts {', '.join(sorted(roles)) or 'alpha alone'} make no whole adapter"
    raise FileFormatError(msg)


def build(kind: str, parts: Parts, scaling: float) -> Adapter:
    """Our adapter for the parts of one layer.

    Raises:
        FileFormatError: shapes that contradict each other.
        UnsupportedError: a variant that our families do not have.
    """
    try:
        family, placed = BUILDERS[kind](parts, scaling)
    except (RuntimeError, IndexError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        shapes = ", ".join(f"{role} {list(t.shape)}" for role, t in parts.items())
        msg = f"the shapes {shapes} do not fit together"
        raise FileFormatError(msg) from None
    (*_, last), columns = placed.values(), placed[Placement.WEIGHT].size[1] if Placement.WEIGHT in placed else 0
    shifts = [(role, parts[role].flatten()) for role in SHIFTS if role in parts]
    if any(b.shape != (columns,) for _, b in shifts):
        msg = f"a bias of {shifts[0][1].numel()} numbers for {columns} outputs"
        raise FileFormatError(msg)
    shift = [b if role == "up_bias" else b / last.scaling for role, b in shifts]
    return Adapter(family, placed, torch.stack(shift).sum(0) if shift else None)


Placed = tuple[str, dict[Placement, Family]]


def _lora(parts: Parts, s: float) -> Placed:
    down, up = parts["down"], parts["up"]
    channels, columns = down.shape[1], up.shape[0]
    if "mid" in parts:  # Tucker: a k x k core between two 1 x 1 convolutions
        mid = parts["mid"]
        a = torch.einsum("mnk,nc->ckm", mid.flatten(2), down.flatten(1)).flatten(0, 1)
    else:
        a = down.flatten(1).mT
    b = up.flatten(1).mT
    size = (a.shape[0], columns, channels)
    spec = Spec(rank=_same(a.shape[1], b.shape[0]), scaling=s)
    m = parts.get("magnitude", parts.get("dora_scale"))
    if m is None:
        return "lora", {Placement.WEIGHT: hold("lora", size, spec, A=a, B=b)}
    if m.numel() != columns or ("dora_scale" in parts and m.shape[0] != columns):
        msg = (
            f"a DoRA magnitude of shape {list(m.shape)} is not one for each of {columns} outputs (LyCORIS with"
            " wd_on_output=False has one for each input); let the library that wrote it merge it"
        )
        raise UnsupportedError(msg)
    return "dora", {Placement.WEIGHT: hold("dora", size, spec, A=a, B=b, m=m.flatten())}


def _loha(parts: Parts, s: float) -> Placed:
    (a1, b1, channels), (a2, b2, _) = (
        _factors(parts[f"hada_w{i}_a"], parts[f"hada_w{i}_b"], parts.get(f"hada_t{i}")) for i in (1, 2)
    )
    _same(*a1.shape[:1], *a2.shape[:1]), _same(b1.shape[1], b2.shape[1]), _same(a1.shape[1], a2.shape[1])
    size = (a1.shape[0], b1.shape[1], channels)
    spec = Spec(rank=_same(a1.shape[1], b1.shape[0]), scaling=s)
    return "loha", {Placement.WEIGHT: hold("loha", size, spec, A1=a1, B1=b1, A2=a2, B2=b2)}


def _lokr(parts: Parts, s: float) -> Placed:
    w1 = parts["lokr_w1"] if "lokr_w1" in parts else _pair(parts, "lokr_w1")
    c = w1.mT
    if "lokr_w2" in parts:
        w2 = parts["lokr_w2"]
        d, n2, in_n = {"D": w2.flatten(1).mT}, w2.shape[0], w2.shape[1]
        m2, rank = d["D"].shape[0], max(w2.flatten(1).shape)
    else:
        if not {"lokr_w2_a", "lokr_w2_b"} <= set(parts):
            msg = "LoKr needs w2, or w2_a and w2_b"
            raise FileFormatError(msg)
        a, b, in_n = _factors(parts["lokr_w2_a"], parts["lokr_w2_b"], parts.get("lokr_t2"))
        d, n2, m2, rank = {"A": a, "B": b}, b.shape[1], a.shape[0], _same(a.shape[1], b.shape[0])
    channels = c.shape[0] * in_n
    size = (c.shape[0] * m2, c.shape[1] * n2, channels)
    return "lokr", {Placement.WEIGHT: hold("lokr", size, Spec(rank=rank, scaling=s), C=c, **d)}


def _glora(parts: Parts, s: float) -> Placed:
    """W + WA + B of LyCORIS: the input part with A = a2ᵀ a1ᵀ, and the LoRA b2ᵀ b1ᵀ beside it (Eq. 6, left)."""
    a, b = parts["a2"].flatten(1).mT, parts["a1"].flatten(1).mT
    n = _same(a.shape[0], b.shape[1])
    spec = Spec(rank=_same(a.shape[1], b.shape[0]), scaling=s)
    placed = {Placement.INPUT: hold("lora", (n, n, n), spec, A=a, B=b)}
    if "b1" not in parts and "b2" not in parts:
        return "lora", placed
    if parts["b2"].is_meta or bool(parts["b2"].any() and parts["b1"].any()):
        placed |= _lora({"down": parts["b2"], "up": parts["b1"]}, s)[1]
    return "lora", placed


def _full(parts: Parts, s: float) -> Placed:
    diff = parts["diff"]
    if diff.ndim < 2:
        msg = "a change of a vector (a norm or a bias) is not read"
        raise UnsupportedError(msg)
    delta = diff.flatten(1).mT * s
    phi = hold("full", (*delta.shape, diff.shape[1]), Spec(), Delta=delta)
    return "full", {Placement.WEIGHT: phi}


def _peanut(parts: Parts, s: float) -> Placed:
    a, b = parts["peanut_A"].mT, parts["peanut_B"].mT
    n = _same(a.shape[0], b.shape[1])
    spec = Spec(rank=_same(a.shape[1], b.shape[0]), scaling=s)
    return "lora", {Placement.OUTPUT: hold("lora", (n, n, n), spec, A=a, B=b)}


BUILDERS: dict[str, Callable[[Parts, float], Placed]] = {
    "lora": _lora,
    "loha": _loha,
    "lokr": _lokr,
    "glora": _glora,
    "full": _full,
    "peanut": _peanut,
}


def _factors(w_a: Tensor, w_b: Tensor, core: Tensor | None) -> tuple[Tensor, Tensor, int]:
    """(A, B, input channels) of w_a w_b, or of the Tucker product Σ t_ij w_a,ip w_b,jr over its core t."""
    if core is None:
        return w_b.mT, w_a.mT, w_b.shape[1]
    a = torch.einsum("ijk,jc->cki", core.flatten(2), w_b).flatten(0, 1)
    return a, w_a, w_b.shape[1]


def _pair(parts: Parts, key: str) -> Tensor:
    if not {f"{key}_a", f"{key}_b"} <= set(parts):
        msg = f"LoKr needs {key.removeprefix('lokr_')}, or its two factors"
        raise FileFormatError(msg)
    return parts[f"{key}_a"] @ parts[f"{key}_b"]


def _same(a: int, b: int) -> int:
    if a != b:
        msg = f"sizes {a} and {b} have to be equal"
        raise ValueError(msg)
    return a
