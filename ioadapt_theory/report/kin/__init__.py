"""What two models are to each other: what stands for what in them, and what was done to one to make the other."""
