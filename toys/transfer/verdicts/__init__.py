"""What follows from the figures of a study: verdicts, the endpoint of all studies, a repetition, what carries over."""
