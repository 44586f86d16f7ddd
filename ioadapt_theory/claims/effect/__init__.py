"""The effect of an adapter on another model: the share of its gain that is left, and which placement loses least."""
