"""The example of the page, as text and as code that the tests run."""

from typing import Final

EXAMPLE: Final = """\
import torch
from torch import nn
from ioadapt_theory import adapt, merge, transfer

source = nn.Sequential(nn.Linear(768, 320))
target = nn.Sequential(nn.Linear(768, 640))

adapt(source, target_modules=["0"], placement="input", rank=4)
train = [p for p in source.parameters() if p.requires_grad]
# ... your training loop over `train` ...

print(transfer(source, target))
# 1 of 1 layers matched: 1 by name, no evidence.
merge(target)  # plain weights again
"""
