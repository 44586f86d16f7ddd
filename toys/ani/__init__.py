"""Parts of the molecules toy: the labelled set, the networks, training."""
