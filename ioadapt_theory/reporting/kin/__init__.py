"""What two models are to each other: which layer is which, how their weights are alike, and the word for it."""
