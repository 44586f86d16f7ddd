"""The `ioadapt` command, with one module per subcommand. Heavy packages are imported only when they are needed."""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import IO, Any, NoReturn, TextIO, cast

from ioadapt_theory.cli.files import check_files
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, WorkerError, near_misses, printable

COMMANDS: dict[str, str] = {
    "claims": "list the paper's claims, with verdicts and corrections",
    "verify": "repeat the numerical checks of the claims",
    "adapters": "inspect an adapter file, or convert it",
    "map": "map two models once, to move any adapter",
    "transfer": "move an adapter to another model, and predict its gain there",
    "resize": "reduce an adapter's rank and change its effect least",
    "extract": "turn the difference of two models into a LoRA",
    "report": "predict whether an adapter works on another model",
    "similarity": "compare the weights of checkpoints, layer by layer",
}
"""The subcommands, with their one-line help.

Each has a module of this package with ``add_arguments(parser)``, ``files(args) -> Files`` and ``run(args) -> int``.
"""

OK, FINDING, MISUSE, LOST, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses of a command: FINDING for a negative result, LOST for lost worker processes."""

COMPLETION = """_ioadapt() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} words
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
  [ "$COMP_CWORD" = 1 ] && words="{commands}"
  COMPREPLY=($(compgen -W "$words" -- "$cur") $([[ $cur == -* || $COMP_CWORD = 1 ]] || compgen -f -- "$cur"))
}}
complete -o filenames -F _ioadapt ioadapt
"""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises its errors, without the usage lines, and suggests similar choices."""

    asked = ""  # the command whose help is named

    def error(self, message: str) -> NoReturn:
        """Raise InvalidValueError, which ``guarded`` turns into exit status 2."""
        see = "" if message.endswith("?") or "give" in message else f"; see `{self.asked or self.prog} --help`"
        hint = "; for JSON, use --format json" if message.startswith("unrecognized") and "--json" in message else see
        msg = f"{message[:1].upper()}{message[1:].rstrip('.')}{hint}{'' if message.endswith('?') else '.'}"
        raise InvalidValueError(msg)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices and (near := near_misses(value, action.choices)):
            msg = f"invalid choice: {value!r}. Did you mean {' or '.join(repr(name) for name in near)}?"
            raise argparse.ArgumentError(action, msg)
        super()._check_value(action, value)


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand; return 0, or 1 for a negative result, 2 for errors, 3 for lost workers, 130 for Ctrl-C."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words[:1] and words[0] in {"inspect", "convert", "bake"}:
        words = ["adapters", *words]
    chosen = next((a for a in words if not a.startswith("-")), None)
    status = guarded(f"ioadapt {chosen}" if chosen in COMMANDS else "ioadapt", lambda: _main(words, chosen))
    if status == INTERRUPTED and argv is None:  # all files are closed; freeing models and modules takes a second
        sys.stdout.flush()
        os._exit(status)
    return status


def _main(argv: list[str], chosen: str | None) -> int:
    paper = "the paper 'Revisit Model Adaptation from Parameters to Features'"
    about = f"Input and output adapters: check the claims of {paper}, convert and move adapters, compare checkpoints."
    parser = Parser(prog="ioadapt", description=about)
    parser.asked = f"ioadapt {chosen}" if chosen in COMMANDS else ""
    version = import_module("importlib.metadata").version("ioadapt-theory") if {"--version", "-V"} & {*argv} else ""
    parser.add_argument("-V", "--version", action="version", version=version)
    completion = 'complete words in bash: eval "$(ioadapt --completion)"'
    parser.add_argument("--completion", action="store_true", help=completion)
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, summary in COMMANDS.items():
        about = f"{summary[0].upper()}{summary[1:]}."
        form = argparse.RawDescriptionHelpFormatter
        sub = commands.add_parser(name, help=summary, description=about, formatter_class=form)
        if name == chosen:  # the other subcommands are not imported
            module_of(name).add_arguments(sub)
    args = parser.parse_args(argv)
    if args.completion:
        sys.stdout.write(_completion())
        return OK
    if args.command is None:
        parser.print_help()
        return OK
    command = module_of(args.command)
    check_files(command.files(args))
    return int(command.run(args))


def module_of(command: str) -> Any:
    return import_module(f"ioadapt_theory.cli.{'mapping' if command == 'map' else command}")  # map is a builtin


def _completion() -> str:
    """Return a script by which bash and zsh complete the commands of `ioadapt`, their options and files."""
    cases = []
    for name in COMMANDS:
        parser = argparse.ArgumentParser()
        module_of(name).add_arguments(parser)
        cases.append(f'    {name}) words="{" ".join(_words(parser))}" ;;')
    return COMPLETION.format(cases="\n".join(cases), commands=" ".join(COMMANDS))


def _words(parser: argparse.ArgumentParser) -> list[str]:
    found = dict.fromkeys(option for action in parser._actions for option in action.option_strings if option[1] == "-")
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= dict.fromkeys([*action.choices, *(w for sub in action.choices.values() for w in _words(sub))])
    return [*found]


def guarded(name: str, body: Callable[[], int]) -> int:
    """Run ``body``, report expected errors on stderr in one sentence, and return the exit status."""
    speak_utf_8()
    try:
        with _printable_output():
            status = body()
            sys.stdout.flush()  # flushed here, so that errors are reported
    except IoAdaptError as error:
        say(f"{name}: {error}")
        return LOST if isinstance(error, WorkerError) else MISUSE
    except BrokenPipeError:
        discard_stdout()
        return OK
    except OSError as error:  # a full disk, a folder that cannot be written
        discard_stdout()
        place = "" if error.filename is None else f" {error.filename}"
        say(f"{name}: Cannot read or write{place}: {error.strerror or error}.")
        return MISUSE
    except MemoryError:
        say(f"{name}: There is not enough memory to run this command.")
        return MISUSE
    except KeyboardInterrupt:
        say(f"{name}: interrupted.")
        return INTERRUPTED
    except Exception as error:
        if not isinstance(error, RuntimeError | ArithmeticError) and type(error).__name__ != "LinAlgError":
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        say(f"{name}: The computation failed ({reason}); check that weights and inputs are finite and not extreme.")
        return MISUSE
    return status


@contextmanager
def _printable_output() -> Iterator[None]:
    """Escape control characters in output and warnings, since names in files may contain terminal commands."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_args, **_options: f"{printable(str(message))}\n"
    try:
        with redirect_stdout(cast("IO[str]", _Printable(sys.stdout))):
            yield
    finally:
        warnings.formatwarning = before


def say(line: str) -> None:
    sys.stderr.write(f"{printable(line)}\n")


class _Printable:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def speak_utf_8() -> None:
    """Switch stdout and stderr to UTF-8, since formulas contain Greek letters. Use null devices for missing streams."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8")


def discard_stdout() -> None:
    """Redirect stdout to the null device after a failed write, since flushing its buffer at exit would fail again."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
