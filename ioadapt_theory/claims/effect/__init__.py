"""The effect of an adapter on another model: the share of its gain that is kept, and the placement that loses least."""
