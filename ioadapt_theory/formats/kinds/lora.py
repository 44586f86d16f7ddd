"""LoRA and DoRA in files of all tools, and PEFT's PEANUT of depth 0 without activations, which is an output LoRA."""

from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import DoRA, LoRA, Spec
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.kinds import Built, Kind, Parts


def build(parts: Parts, s: float) -> Built:
    """Return a LoRA with A = downᵀ, B = upᵀ and scaling ``s``, or a DoRA if there is a magnitude."""
    down, up = parts["down"], parts["up"]
    channels, columns = down.shape[1], up.shape[0]
    a, b = down.flatten(1).mT, up.flatten(1).mT
    size = (a.shape[0], columns, channels)
    spec = Spec(rank=a.shape[1], scaling=s)
    m = parts.get("magnitude", parts.get("dora_scale"))
    if m is None:
        return "lora", {Placement.WEIGHT: LoRA.stored(size, spec, {"A": a, "B": b})}
    if m.numel() != columns or ("dora_scale" in parts and m.shape[0] != columns):
        msg = (
            f"the DoRA magnitude must have one value for each of the {columns} outputs, not shape {list(m.shape)} (see"
            " LyCORIS's wd_on_output=False); use the library that wrote the adapter to merge it into the base model"
        )
        raise UnsupportedError(msg)
    return "dora", {Placement.WEIGHT: DoRA.stored(size, spec, {"A": a, "B": b, "m": m.flatten()})}


def peanut(parts: Parts, s: float) -> Built:
    return "lora", {Placement.OUTPUT: on_side(parts["peanut_A"].mT, parts["peanut_B"].mT, s)}


def on_side(a: Tensor, b: Tensor, s: float) -> LoRA:
    """Return a LoRA that multiplies a layer's inputs or outputs by I + s AB; A is n x r, and B is r x n."""
    n, r = a.shape
    return LoRA.stored((n, n, n), Spec(rank=r, scaling=s), {"A": a, "B": b})


KINDS = {
    "lora": Kind(
        frozenset({"down", "up"}),
        frozenset({"magnitude", "dora_scale", "up_bias", "diff_b"}),
        lambda shapes: shapes["down"][0],
        build,
    ),
    "peanut": Kind(frozenset({"peanut_A", "peanut_B"}), frozenset(), lambda _: None, peanut),
}
