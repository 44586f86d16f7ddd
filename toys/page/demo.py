"""``make demo``: show how adapters move between toy models and between real networks, and write a page about it.

All numbers on the screen are computed on this machine, offline, on a CPU, in about a minute.
"""

import sys

from ioadapt_theory.cli import OK, Parser, guarded


def main(argv: list[str] | None = None) -> int:
    def body() -> int:
        Parser(prog="python -m toys.page.demo", description=__doc__).parse_args(argv)
        from toys.page.screen import run  # imported here, where Ctrl-C is handled

        sys.stdout.write(f"\n{run()}")
        return OK

    return guarded("demo", body)


if __name__ == "__main__":
    sys.exit(main())
