"""One checkpoint from any source: named tensors known from a header, values read piece by piece."""
