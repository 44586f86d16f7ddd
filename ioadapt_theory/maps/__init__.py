"""Maps between two models: one change of coordinates carries activations forward and gradients back."""
