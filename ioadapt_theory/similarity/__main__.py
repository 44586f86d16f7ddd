"""`python -m ioadapt_theory.similarity` is the same as `ioadapt similarity`."""

import sys

from ioadapt_theory.cli import main

if __name__ == "__main__":
    sys.exit(main(["similarity", *sys.argv[1:]]))
