"""placement="residual": in a transformer, the side of each layer that faces the residual stream.

Input for what reads the stream (q, k, v, up, gate), output for what writes to it (o, down). The spaces on the other
side are private to the model: W_q R, W_k R⁻ᵀ and W_v R, R⁻¹W_o for each head, a permutation and (for ReLU) positive
scales for the neurons change every weight and no output. On these sides (I + AB)W and W(I + AB) do not meet R, so an
adapter moved to the other model does exactly what it did. It is not exact when the residual stream itself is expressed
in another basis, and no placement is exact under both.
"""

import re

from ioadapt_theory.adapters.placement import Placement
from ioadapt_theory.errors import InvalidValueError

READS = re.compile(
    r"(.*\.)?("
    r"q|k|v|wq|wk|wv|q_proj|k_proj|v_proj|qkv|qkv_proj|to_q|to_k|to_v|to_qkv|add_q_proj|add_k_proj|add_v_proj|query|key|value"
    r"|query_key_value|c_attn|in_proj|q_lin|k_lin|v_lin|Wqkv"
    r"|up_proj|gate_proj|gate_up_proj|fc1|c_fc|lin1|wi|wi_0|wi_1|w1|w3|dense_h_to_4h|intermediate\.dense|net\.0\.proj"
    r")"
)
WRITES = re.compile(
    r"(.*\.)?("
    r"o|wo|o_proj|out_proj|to_out|to_out\.0|to_add_out|c_proj|out_lin|output\.dense|attention\.dense|self_attention\.dense"
    r"|down_proj|fc2|lin2|w2|dense_4h_to_h|net\.2"
    r")"
)
"""Last parts of layer names, of Llama, GPT-2, GPT-NeoX, BERT, T5, OPT, CLIP and diffusers' attention blocks."""


def residual_side(name: str) -> Placement:
    """The side of the layer of this name that faces the residual stream.

    Raises:
        InvalidValueError: the name is of no known kind.
    """
    if READS.fullmatch(name):
        return Placement.INPUT
    if WRITES.fullmatch(name):
        return Placement.OUTPUT
    msg = (
        f"placement='residual' does not know whether {name} reads the residual stream or writes to it; say so with"
        f" placement_pattern={{{name.rpartition('.')[2]!r}: 'input'}} (or 'output'), or exclude it."
    )
    raise InvalidValueError(msg)
