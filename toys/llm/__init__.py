"""SmolLM2-135M and models derived from it, two tasks, and the parts of the study ``toys/smollm.py``."""
