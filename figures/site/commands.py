"""A page with the ``--help`` output of every command."""

import os
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from unittest.mock import patch

from figures.site.claims import fenced
from ioadapt_theory.cli import COMMANDS, main

EXIT = "Exit status: 0 success, 1 a negative result, 2 an error, 3 a lost worker process, 130 interrupted."
ACTIONS = {"adapters": ("inspect", "convert", "bake")}


def pages() -> Iterator[tuple[str, str]]:
    parts = ["# Commands", EXIT]
    for name, summary in COMMANDS.items():
        parts.append(f"## ioadapt {name}\n\n{summary[:1].upper()}{summary[1:]}.\n\n{fenced(shown(name))}")
        parts += [f"### ioadapt {name} {action}\n\n{fenced(shown(name, action))}" for action in ACTIONS.get(name, ())]
    yield "commands.md", "\n\n".join(parts) + "\n"


def shown(*words: str) -> str:
    said = StringIO()
    with patch.dict(os.environ, COLUMNS="100", NO_COLOR="1"), redirect_stdout(said):
        with suppress(SystemExit):
            main([*words, "--help"])
    return said.getvalue().rstrip()
