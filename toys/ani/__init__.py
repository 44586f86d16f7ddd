"""Parts of the molecules experiment: labelled set, networks, training, experiment, summary, picture."""
