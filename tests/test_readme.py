"""README.md quotes what the code says; what it links to is there, and each dependency has its reason."""

import re

import pytest

from figures.readme import README, ROOT, filled

TEXT = README.read_text(encoding="utf-8")


def test_the_generated_sections_are_up_to_date():
    assert filled(TEXT) == TEXT, "run: python -m figures.readme"


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_what_it_links_to_exists(path):
    assert (ROOT / path).exists()


def test_the_first_two_commands_are_demo_and_test():
    assert re.findall(r"^    (\S.*)$", TEXT, re.MULTILINE)[:2] == ["make demo", "make test"]


def test_every_dependency_has_its_reason():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(r for extra, reqs in extras.items() if extra != "test" for r in reqs)]
    names = {re.split(r"[<>=\[ ]", requirement)[0] for requirement in listed} - {"ioadapt-theory"}
    assert {name for name in names if f"`{name}`" not in TEXT} == set()
