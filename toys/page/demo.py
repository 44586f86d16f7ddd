"""``make demo``: the idea on a crescent, real networks, their weights, on one screen; and a page to play with.

Everything is computed here and now, offline, on a CPU, in about a minute; every number comes from that run.
"""

import sys

from ioadapt_theory.cli import OK, Parser, guarded


def main(argv: list[str] | None = None) -> int:
    """Print the screen; status 0, or 2 with one sentence."""

    def body() -> int:
        Parser(prog="python -m toys.page.demo", description=__doc__).parse_args(argv)
        from toys.page.screen import run  # here, where Ctrl-C is one sentence

        sys.stdout.write(f"\n{run()}")
        return OK

    return guarded("demo", body)


if __name__ == "__main__":
    sys.exit(main())
