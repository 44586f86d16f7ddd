"""`python -m ioadapt_theory.similarity sd15 lcm` is `ioadapt similarity sd15 lcm`."""

import sys

from ioadapt_theory.cli import main

if __name__ == "__main__":
    sys.exit(main(["similarity", *sys.argv[1:]]))
