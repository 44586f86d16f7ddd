"""The order in which a network computes, from its layers' names (files sort 10 before 2), and groups of layers."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ioadapt_theory.checkpoints.names.kinds import KINDS
from ioadapt_theory.errors import UnknownNameError
from ioadapt_theory.similarity.result import Comparison, Pair, Row

GROUPS: Final = ("kind", "block")
"""Ways to group layers."""

STAGES: Final = (
    r"conv_in|x_embedder|pos_embed\w*|patch_embed\w*|\w*embed_tokens|\w*embeddings?|wte|wpe|token_embd|img_in|txt_in",
    r"time\w*|temb|add_embedding|class_embed\w*|label_emb|context_embedder|vector_in|guidance_in",
    r"down_blocks|input_blocks|encoder",
    r"mid_block|middle_block|layers|blocks|h|transformer_blocks|double_blocks|blk",
    r"single_transformer_blocks|single_blocks|up_blocks|output_blocks|decoder",
    r"norm|ln_f|final_\w*|norm_out|conv_norm_out|output_norm",
    r"conv_out|proj_out|out|lm_head|head|classifier|output",
)
"""Names of the stages of a network, in order; a name's first part that occurs here decides."""

INSIDE: Final = (
    r"resnets|norm1|input_layernorm|ln_1|attn_norm|layernorm_before|norm",
    r"attentions|conv1|time_emb_proj|proj_in|attn1|self_attn|self_attention|attention|attn|q_proj|to_q|query",
    r"k_proj|to_k|key",
    r"v_proj|to_v|value",
    r"o_proj|to_out|norm2|post_attention_layernorm|ln_2|ffn_norm|layernorm_after",
    r"attn2|encoder_attn|cross_attn|conv2|transformer_blocks",
    r"norm3|gate_proj|up_proj",
    r"mlp|ff|ffn|feed_forward|ff_context|down_proj",
    r"downsamplers|upsamplers|proj_out|conv_shortcut",
)
"""Names of the parts of a block, in its order."""


def place(name: str) -> tuple[object, ...]:
    """Return a key to sort names by: the stage, then numbers as numbers and the parts of a block in their order."""
    stage = next((s for part in name.split(".") if (s := _rank(STAGES, part)) is not None), len(STAGES) // 2)
    name = re.sub(r"\b(resnets|attentions)\.(\d+)\.", r"\2.\1.", name)  # resnets.0, attentions.0, resnets.1
    name = re.sub(r"\b((?:down|up)samplers)\.\d+\.", r"9999.\1.", name)
    return stage, *map(_key, name.split("."))


def _key(part: str) -> tuple[int, int, str]:
    if part.isdecimal():
        return 0, int(part[:9]), ""
    rank = _rank(INSIDE, part)
    return (1, rank, "") if rank is not None else (2, 0, part)


def _rank(table: tuple[str, ...], part: str) -> int | None:
    return next((i for i, pattern in enumerate(table) if re.fullmatch(pattern, part)), None)


def in_order(c: Comparison) -> list[Row]:
    """Return the rows in the order in which the network computes."""
    return sorted(c.rows, key=lambda row: place(row.name))


def groups(c: Comparison, by: str) -> Iterator[tuple[str, Comparison, Pair]]:
    """Yield the name and rows of every group with every pair; blocks in the network's order, kinds in a fixed order."""
    if by not in GROUPS:
        raise UnknownNameError("grouping", by, GROUPS)
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in in_order(c):
        rows[row.layer.kind if by == "kind" else row.layer.block].append(row)
    for name in sorted(rows, key=KINDS.index) if by == "kind" else rows:
        for pair in c.pairs:
            yield name, replace(c, rows=tuple(rows[name])), pair
