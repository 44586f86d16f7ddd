"""`python -m ioadapt_theory` is the command `ioadapt`."""

import sys

from ioadapt_theory.cli import main

if __name__ == "__main__":
    sys.exit(main())
