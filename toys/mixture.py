"""A rank of four is split between an output adapter and LoRA (Eq. 6), and both are moved (Fig. 7 in small).

Model, text and targets are those of ``toys/language.py``.

Examples:
  python toys/mixture.py            12 seeds, learning rates chosen for every split
  python toys/mixture.py --quick    2 seeds and smaller models
"""

import sys

from toys.language import REVISION, world
from toys.transfer import command

__all__ = ["REVISION", "main", "world"]


def main(argv: list[str] | None = None) -> int:
    """See ``toys.transfer.command.main``."""
    return command.main("mixture", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
