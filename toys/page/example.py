"""The example on the page, as text that the tests also run as code."""

from typing import Final

EXAMPLE: Final = """\
from ioadapt_theory import merge, transfer

# source: a model with a trained adapter; target: the other model;
# batch: inputs for both, without labels; need: outputs are logits
print(transfer(source, target, inputs=batch, need="labels"))
merge(target)  # plain weights again
"""
