"""Maps between two models: one change of coordinates carries activations forward and gradients back."""

from ioadapt_theory.maps.fit import map_models, map_size
from ioadapt_theory.maps.model_map import ModelMap

__all__ = ["ModelMap", "map_models", "map_size"]
