"""The effect of an adapter on another model: the retained share of its gain, and the placement that loses least."""
