"""Files of weights, all untrusted: safetensors, pickles, NeuroChem files, and folders of them."""
