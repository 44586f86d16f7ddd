"""One pass over the files, shared out to workers."""
