"""Weight similarity of real checkpoints: `python -m ioadapt_theory.similarity sd15 lcm`."""
