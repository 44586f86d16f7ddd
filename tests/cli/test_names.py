"""A command and the function that it calls have one name and one default for one thing."""

import argparse
import inspect

import pytest

import ioadapt_theory
from ioadapt_theory.cli import module_of
from ioadapt_theory.formats.export import factors
from ioadapt_theory.moving.convert import convert

FILES = {*"prompts rows length config component device out instead force dtype html all".split()}
"""Options of commands alone: what is read, where it runs, what is written."""
PRINTED = {"help", "format", "quiet", "by", "figure"}
MODELS = {"inputs", "adapter", "source", "target", "base", "tuned"}
"""Arguments of both, which are models or tensors in Python."""
PYTHON = {"call", "name", "names", "rename", "strict", "trainable", "progress", "lost"}
"""Options of functions alone: functions, and names of what is in memory."""
PAIRS = {
    "transfer": (ioadapt_theory.transfer, set(), {"tuned", "starts", "own", "share", "draws"}),
    "map": (ioadapt_theory.map_models, set(), {"draws"}),
    "resize": (ioadapt_theory.resize, set(), {"model"}),
    "extract": (ioadapt_theory.extract, {"style"}, set()),
    "report": (ioadapt_theory.report, set(), set()),
    "similarity": (
        ioadapt_theory.compare,
        {"models", "list", "variant", "offline", "cache"},
        {"first", "second", "more"},
    ),
    "verify": (ioadapt_theory.verify, {"claims", "jobs", "instance"}, {"claim", "run"}),
    "adapters convert": (convert, {"file", "partial", "match"}, {"w", "bias"}),
    "adapters bake": (factors, {"file", "partial", "match", "style"}, {"layers"}),
}
"""Command -> its function, and the options of only one of them."""
TOLD = {("transfer", "match"), ("map", "placements"), ("map", "layers")}
"""Options whose default depends on the models, or is told as all in help."""


def options_of(command: str) -> dict[str, object]:
    name, _, action = command.partition(" ")
    parser = argparse.ArgumentParser()
    module_of(name).add_arguments(parser)
    if action:
        (inner,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        parser = inner.choices[action]
    return {one.dest: one.default for one in parser._actions}


@pytest.mark.parametrize("command", PAIRS)
def test_a_command_and_its_function_have_the_same_options(command: str):
    function, told, known = PAIRS[command]
    there = options_of(command)
    here = inspect.signature(function).parameters
    assert {*there} - FILES - PRINTED - MODELS - told - {"names"} == {*here} - PYTHON - MODELS - known
    for name in {*there} & {*here} - MODELS - PYTHON:
        default = here[name].default
        if (command, name) not in TOLD and there[name] is not None and default is not inspect.Parameter.empty:
            assert there[name] == default, name
