"""Two checkpoints as the weights that a report compares."""

from ioadapt_theory.adapters.base_weights import TensorWeights, checkpoint_weights, stored_weights
from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.names.transformers import HEADS
from ioadapt_theory.checkpoints.renaming import common


def by_modules(source: Checkpoint, target: Checkpoint) -> tuple[TensorWeights, TensorWeights]:
    """By the names of the models' modules, which adapters have."""
    one = checkpoint_weights(source)
    return one, checkpoint_weights(target, one.names)


def by_names(source: Checkpoint, target: Checkpoint) -> tuple[TensorWeights, TensorWeights]:
    """By names that both have, for a report without an adapter.

    Modules' names are asked for where one model has a head that the other ties: transformers knows them, whose import
    takes longer than the report.
    """
    heads = [any(name.endswith(HEADS) for name in checkpoint.tensors) for checkpoint in (source, target)]
    if heads[0] != heads[1]:
        return by_modules(source, target)
    one, two = common([source, target])[0]
    return stored_weights(one), stored_weights(two)
