"""The byte-level language model of the study of drift, and its text from Python's library."""
