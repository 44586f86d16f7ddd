"""Machine-checked proofs: Coq sources in `coq`, and the code that renders and builds them."""
