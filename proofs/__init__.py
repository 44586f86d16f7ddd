"""Machine-checked proofs: Coq sources in `coq`, and what renders and builds them."""
