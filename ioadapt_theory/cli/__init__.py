"""`ioadapt`: parses, calls, prints; a file a subcommand, no mathematics, nothing heavy imported before it is needed."""

import argparse
import io
import os
import sys
from importlib import import_module

from ioadapt_theory.errors import IoAdaptError

COMMANDS: dict[str, str] = {
    "claims": "which statements of the paper stand, which fall, and what is true instead",
    "verify": "collect the evidence again, or evaluate one instance of a claim",
    "adapters": "what an adapter file is, and the same adapter for another tool, side or base",
    "similarity": "how alike the weights of checkpoints are, layer by layer, and the spaces adapters live in",
}
"""Subcommand -> its one-line help; each is a module here with ``add_arguments(parser)`` and ``run(args) -> int``."""

OK, FINDING, MISUSE, INTERRUPTED = 0, 1, 2, 130


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; 0 as expected, 1 a finding, 2 misuse, 130 interrupted."""
    argv = sys.argv[1:] if argv is None else argv
    speak_utf_8()
    parser = argparse.ArgumentParser(prog="ioadapt", description=__doc__.split(":")[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    chosen = next((a for a in argv if not a.startswith("-")), None)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == chosen:  # the others need no arguments, so they are not even imported
            import_module(f"ioadapt_theory.cli.{name}").add_arguments(sub)
    args = parser.parse_args(argv)
    return run(args.command, args)


def run(command: str, args: argparse.Namespace) -> int:
    """Run a parsed subcommand, turning errors into one sentence on stderr and a status."""
    try:
        status = int(import_module(f"ioadapt_theory.cli.{command}").run(args))
        sys.stdout.flush()  # here, where what goes wrong with it can be said
    except IoAdaptError as error:
        sys.stderr.write(f"ioadapt {command}: {error}\n")
        return MISUSE
    except BrokenPipeError:
        discard_stdout()
        return OK
    except OSError as error:  # a full disk, a folder that cannot be written
        discard_stdout()
        place = "" if error.filename is None else f" {error.filename}"
        sys.stderr.write(f"ioadapt {command}: Cannot read or write{place}: {error.strerror or error}.\n")
        return MISUSE
    except KeyboardInterrupt:
        sys.stderr.write(f"ioadapt {command}: interrupted; what was finished is kept.\n")
        return INTERRUPTED
    return status


def speak_utf_8() -> None:
    """Formulas have Greek letters, and JSON is UTF-8, whatever the terminal is said to be."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8")


def discard_stdout() -> None:
    """What is still buffered would raise again when Python exits."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
