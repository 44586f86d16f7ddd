"""Compiled loops over weights (the extra ``fast``); numba compiles them on the first use and keeps the result."""

from typing import Any

import numpy as np
from numba import njit


@njit("void(uint16[::1], float32[::1])", cache=True, nogil=True)
def widen_half(raw: Any, out: Any) -> None:
    """The numbers of fp16 by shifting bits, which a processor does for many at once; what is not finite becomes NaN."""
    up = np.float32(2.0**112)  # the exponent's bias of 15 becomes 127, and subnormal numbers come out right
    for i in range(raw.shape[0]):
        h = np.uint32(raw[i])
        bits = np.uint32((h & np.uint32(0x7FFF)) << np.uint32(13) | (h & np.uint32(0x8000)) << np.uint32(16))
        value = bits.view(np.float32) * up
        out[i] = np.float32(np.nan) if h & np.uint32(0x7C00) == np.uint32(0x7C00) else value


@njit("void(uint16[::1], float32[::1])", cache=True, nogil=True)
def widen_bfloat(raw: Any, out: Any) -> None:
    """The numbers of bf16: the upper halves of those of float32."""
    for i in range(raw.shape[0]):
        out[i] = np.uint32(np.uint32(raw[i]) << np.uint32(16)).view(np.float32)


@njit(
    "UniTuple(float64, 4)(float32[::1], float32[::1])",
    cache=True,
    nogil=True,
    fastmath={"reassoc", "contract", "nsz"},  # in any order, as a vector unit sums; NaN and infinity count
)
def products(a: Any, b: Any) -> tuple[float, float, float, float]:
    """⟨a, a⟩, ⟨a, b⟩, ⟨b, b⟩ and ‖a - b‖², in float64."""
    aa = ab = bb = dd = 0.0
    for i in range(a.shape[0]):
        x, y = np.float64(a[i]), np.float64(b[i])
        d = x - y
        aa += x * x
        ab += x * y
        bb += y * y
        dd += d * d
    return aa, ab, bb, dd
