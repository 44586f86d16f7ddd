"""placement="residual": in a transformer, the side of each layer that is on the residual stream.

The side is "input" for layers that read the stream (q, k, v, up, gate), and "output" for those that write to it (o,
down). The basis on the other side is arbitrary. For an invertible matrix R of a head, the weights W_v R and R⁻¹W_o, or
(without rotary embeddings) W_q R and W_k R⁻ᵀ, give the same outputs; MLP neurons can be permuted and (for ReLU) scaled.
An adapter on the residual side gives (I + AB)W_v R or R⁻¹W_o(I + AB), so it has exactly the same effect on such a
model. The effect differs if the basis of the residual stream itself changes; no placement is exact for both changes.
"""

import re
from collections.abc import Collection

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.errors import InvalidValueError

READS = re.compile(
    r"(.*\.)?("
    r"q|k|v|wq|wk|wv|q_proj|k_proj|v_proj|qkv|qkv_proj|to_q|to_k|to_v|to_qkv|to_added_qkv|query|key|value"
    r"|add_q_proj|add_k_proj|add_v_proj|query_key_value|c_attn|in_proj|q_lin|k_lin|v_lin|Wqkv|to_qkv_mlp_proj"
    r"|up_proj|gate_proj|gate_up_proj|fc1|fc_in|c_fc|lin1|wi|wi_0|wi_1|w1|w3|dense_h_to_4h|intermediate\.dense"
    r"|net\.0\.proj|ff(_context)?\.linear_in|(img|txt)_mlp\.0|proj_mlp"
    r"|layers\.\d+\.linear1|single_blocks\.\d+\.linear1|(attentions|transformer_in)\.(\d+\.)?proj_in"
    r")"
)
WRITES = re.compile(
    r"(.*\.)?("
    r"o|wo|o_proj|out_proj|to_out|to_out\.0|to_add_out|c_proj|out_lin|output\.dense|attention\.dense|self_attention\.dense"
    r"|self_attn\.dense|attn2?\.proj|(img|txt)_attn\.proj"
    r"|down_proj|fc2|fc_out|lin2|w2|dense_4h_to_h|net\.2|ff(_context)?\.linear_out|(img|txt)_mlp\.2"
    r"|layers\.\d+\.linear2|single_blocks\.\d+\.linear2|(attentions|transformer_in)\.(\d+\.)?proj_out"
    r"|single_transformer_blocks\.\d+\.proj_out"
    r")"
)
"""Endings of layer names in Llama, GPT-2, GPT-J, GPT-NeoX, BERT, T5, OPT, CLIP, torch and diffusers: ``READS`` for
layers that read the residual stream, and ``WRITES`` for layers that write to it.

A name with several meanings is matched only together with the part before it: ``proj_out`` writes to the stream in
FLUX's single blocks and around a UNet's attention, but reads it at the end of a transformer; ``linear1`` occurs in
torch and in FLUX. A UNet's proj_in and proj_out connect an outer and an inner stream; the side of the outer one is
chosen, and the other side would be equally exact.
"""


class UnknownSideError(InvalidValueError):
    """Error: the name of a layer does not show whether it reads the residual stream or writes to it."""

    def __init__(self, names: Collection[str]) -> None:
        kinds = [*dict.fromkeys(re.sub(r".*\.(?=[^.]*[^.\d][^.]*(\.\d+)*$)", "", name) for name in names)]
        super().__init__(
            "placement='residual' does not know whether these layers read the residual stream or write to it:"
            f" {', '.join(kinds)}; set placement_pattern={{{kinds[0]!r}: 'input', ...}} (or 'output'), or exclude them."
        )


def residual_side(name: str) -> Placement:
    if READS.fullmatch(name):
        return Placement.INPUT
    if WRITES.fullmatch(name):
        return Placement.OUTPUT
    raise UnknownSideError([name])
