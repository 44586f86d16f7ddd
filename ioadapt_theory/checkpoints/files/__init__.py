"""Files of weights, none of them trusted: safetensors, pickles, NeuroChem, and folders of these."""
