"""A script by which bash and zsh complete the commands of `ioadapt`, their options and files."""

import argparse
from collections.abc import Callable, Iterable

SCRIPT = """_ioadapt() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} words
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
  [ "$COMP_CWORD" = 1 ] && words="{commands}"
  COMPREPLY=($(compgen -W "$words" -- "$cur") $([[ $cur == -* || $COMP_CWORD = 1 ]] || compgen -f -- "$cur"))
}}
complete -o filenames -F _ioadapt ioadapt
"""


def script(commands: Iterable[str], fill: Callable[[str, argparse.ArgumentParser], object]) -> str:
    """Return the script; ``fill`` adds a command's arguments to a parser."""
    cases = []
    for name in commands:
        parser = argparse.ArgumentParser()
        fill(name, parser)
        cases.append(f'    {name}) words="{" ".join(_words(parser))}" ;;')
    return SCRIPT.format(cases="\n".join(cases), commands=" ".join(commands))


def _words(parser: argparse.ArgumentParser) -> list[str]:
    found = dict.fromkeys(option for action in parser._actions for option in action.option_strings if option[1] == "-")
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= dict.fromkeys([*action.choices, *(w for sub in action.choices.values() for w in _words(sub))])
    return [*found]
