"""Layer-by-layer similarity of checkpoints: of their weights, or of the input and output spaces of layers."""

from ioadapt_theory.similarity.compute import compare
from ioadapt_theory.similarity.matching import Space
from ioadapt_theory.similarity.result import Comparison, Row
from ioadapt_theory.similarity.weights import Values

__all__ = ["Comparison", "Row", "Space", "Values", "compare"]
