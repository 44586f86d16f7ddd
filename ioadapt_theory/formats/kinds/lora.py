"""LoRA and DoRA in files of all tools."""

from ioadapt_theory.adapters.families import DoRA, Family, LoRA, Spec
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.kinds import Kind, Parts


def build(parts: Parts, s: float) -> Family:
    """Return a LoRA with A = downᵀ, B = upᵀ and scaling ``s``, or a DoRA if there is a magnitude."""
    down, up = parts["down"], parts["up"]
    channels, columns = down.shape[1], up.shape[0]
    a, b = down.flatten(1).mT, up.flatten(1).mT
    size = (a.shape[0], columns, channels)
    spec = Spec(rank=a.shape[1], scaling=s)
    m = parts.get("magnitude", parts.get("dora_scale"))
    if m is None:
        return LoRA.stored(size, spec, {"A": a, "B": b})
    if m.numel() != columns or ("dora_scale" in parts and m.shape[0] != columns):
        msg = (
            f"the DoRA magnitude has shape {list(m.shape)}, but only one value for each of the {columns} outputs is"
            " supported (LyCORIS: wd_on_output=True); merge the adapter into its base with the library that wrote it"
        )
        raise UnsupportedError(msg)
    return DoRA.stored(size, spec, {"A": a, "B": b, "m": m.flatten()})


KINDS = {
    "lora": Kind(
        frozenset({"down", "up"}),
        frozenset({"magnitude", "dora_scale", "up_bias", "diff_b"}),
        lambda shapes: shapes["down"][0],
        build,
    ),
}
