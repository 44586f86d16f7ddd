"""Parts of the molecules toy: the labelled data, the networks and the training."""
