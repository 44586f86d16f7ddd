"""The pages quote what the code says; what they link to is there, and each dependency has its reason."""

import re
import tomllib

import pytest

import figures.site.__main__ as site
from figures.readme import PAGES, ROOT, SECTIONS, filled
from ioadapt_theory.errors import FileFormatError

TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
LINKS = [(page, link) for page, text in TEXTS.items() for link in re.findall(r"\]\(([^)#:]+)\)", text)]


@pytest.mark.parametrize("page", TEXTS)
def test_the_generated_sections_are_up_to_date(page):
    assert filled(TEXTS[page]) == TEXTS[page], "run: python -m figures.readme"


def test_every_section_stands_on_one_page_between_its_markers():
    begun = re.findall(r"<!-- (\S+): written by", "".join(TEXTS.values()))
    ended = re.findall(r"<!-- end of (\S+) -->", "".join(TEXTS.values()))
    assert sorted(begun) == sorted(ended) == sorted(SECTIONS)


def test_a_section_of_which_nothing_is_known_is_refused():
    with pytest.raises(FileFormatError, match="No section 'weather'"):
        filled("<!-- weather: written by python -m figures.readme -->\n<!-- end of weather -->")


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_what_a_page_links_to_exists(page, link):
    made = {ROOT / "docs" / name for name, _ in site.pages()}  # when the site is built
    path = (ROOT / page).parent / link
    assert path.exists() or path in made


def test_the_first_two_commands_are_demo_and_test():
    assert re.findall(r"^    (\S.*)$", TEXTS["README.md"], re.MULTILINE)[:2] == ["make demo", "make test"]


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(r for extra, reqs in extras.items() if extra != "test" for r in reqs)]
    names = {re.split(r"[<>=\[ ]", requirement)[0] for requirement in listed} - {"ioadapt-theory"}
    assert {name for name in names if f"`{name}`" not in TEXTS["docs/layout.md"]} == set()


def test_the_rule_s_figures_are_those_of_the_page():
    figures = r"keeps ([\d.]+) of the gain, LoRA ([\d.]+); of all (\d+) moves that keep half the limit misses (\d+)"
    kept, lora, moves, missed = re.findall(figures, TEXTS["docs/transfer.md"])[0]
    said = " ".join(TEXTS["README.md"].split())
    assert f"kept {kept} of the gain on related models, where LoRA kept {lora};" in said
    assert f"missed {missed} of the {moves} moves that kept half" in said
