"""A script by which bash and zsh complete the commands of `ioadapt`, their options and files."""

import argparse

from ioadapt_theory.cli import COMMANDS, module_of

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


def script() -> str:
    cases = []
    for name in COMMANDS:
        parser = argparse.ArgumentParser()
        module_of(name).add_arguments(parser)
        cases.append(f'    {name}) words="{" ".join(_words(parser))}" ;;')
    return SCRIPT.format(cases="\n".join(cases), commands=" ".join(COMMANDS))


def _words(parser: argparse.ArgumentParser) -> list[str]:
    found = dict.fromkeys(option for action in parser._actions for option in action.option_strings if option[1] == "-")
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= dict.fromkeys([*action.choices, *(w for sub in action.choices.values() for w in _words(sub))])
    return [*found]
