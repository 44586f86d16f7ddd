"""Documentation: every example runs as written, every page is reachable, and every claim has a page."""

import doctest
import importlib
import inspect
import re
import shlex
from pathlib import Path

import pytest

from figures.readme import ROOT
from figures.site import claims, reference
from figures.site.__main__ import broken, linked, orphans, pages, within
from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.cli import main

WRITTEN = sorted((ROOT / "docs").rglob("*.md"))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def known(path: Path) -> str:
    return path.relative_to(ROOT / "docs").as_posix()


@pytest.mark.parametrize("path", [p for p in WRITTEN if ">>> " in p.read_text(encoding="utf-8")], ids=known)
def test_the_python_of_a_page_runs_as_written(path: Path, tmp_path: Path, monkeypatch, float32: None):
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"```\w*", "", path.read_text(encoding="utf-8"))
    found = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
    runner, said = doctest.DocTestRunner(optionflags=OPTIONS), list[str]()
    runner.run(found, out=said.append)
    assert not runner.failures, "".join(said)


CONSOLE = [
    (p, said) for p in WRITTEN for said in re.findall(r"```console\n(.*?)```", p.read_text(encoding="utf-8"), re.S)
]


@pytest.mark.parametrize(("path", "said"), CONSOLE, ids=[f"{known(p)}-{k}" for k, (p, _) in enumerate(CONSOLE)])
def test_the_commands_of_a_page_print_what_it_says(path: Path, said: str, capsys: pytest.CaptureFixture[str]):
    for shown in re.split(r"^\$ ", said, flags=re.M)[1:]:
        line, _, expected = shown.partition("\n")
        program, *words = shlex.split(line)
        assert program == "ioadapt"
        assert main(words) in (0, 1, 2)
        printed = capsys.readouterr()
        assert doctest.OutputChecker().check_output(expected, printed.out + printed.err, OPTIONS), printed


EXAMPLES = [name for name in reference.names() if reference.kind_of(reference.found(name)) in {"function", "class"}]


def test_a_public_function_or_class_has_an_example():
    """``make test`` runs these examples as doctests."""
    without = [name for name in EXAMPLES if ">>> " not in (reference.found(name).__doc__ or "")]
    assert without == []


def test_the_methods_of_a_public_class_have_docstrings():
    classes = [thing for thing in map(reference.found, EXAMPLES) if isinstance(thing, type)]
    methods = [getattr(c, name) for c in classes for name, m in vars(c).items() if name[0] != "_" and callable(m)]
    properties = [m for c in classes for m in vars(c).values() if isinstance(m, property)]
    assert [m for m in (*methods, *properties) if not inspect.getdoc(m)] == []


def test_whatever_a_package_exports_is_in_the_reference():
    there = set(reference.names())
    objects = {id(reference.found(name)) for name in there}
    for package in ("", ".adapters", ".formats", ".reporting", ".claims"):
        module = importlib.import_module(f"ioadapt_theory{package}")
        missing = [name for name in module.__all__ if id(getattr(module, name)) not in objects]
        assert [m for m in missing if m not in {"CLAIMS"}] == []


@pytest.mark.parametrize("name", ["prop-2-input", "lemma-1", "any-phi", "prop-4", "prop-2-input-sharp"])
def test_the_page_of_a_claim_says_what_the_registry_says(name: str):
    claim = CLAIMS[name]
    page = claims.page(claim)
    assert page.startswith(f"# {name}\n\n**{claim.expected.upper()}**")
    assert claim.statement in page
    assert ("<math" in page) == bool(claim.latex)
    assert f"ioadapt claims {name} --proof" in page
    for witness in (*claim.witnesses, *claim.attained):
        assert f"`{witness}`" in page
    assert all(proof.name in page for proof in claim.proofs)
    assert page.count("```") % 2 == 0


def test_every_page_is_in_a_table_of_contents_and_every_link_leads_somewhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(claims, "page", lambda claim: f"# {claim.id}\n")  # their text is tested above
    texts = {known(p): p.read_text(encoding="utf-8") for p in WRITTEN} | dict(pages())
    assert orphans({**texts, "new.md": "# New\n"}) == ["new.md"]
    for page, text in {**texts, "../README.md": (ROOT / "README.md").read_text(encoding="utf-8")}.items():
        folder = (ROOT / "docs" / page).parent
        for link in re.findall(r"\]\(([^)#:\s]+)\)", text):
            there = (folder / link).resolve()
            assert there.exists() or there.relative_to(ROOT / "docs").as_posix() in texts, f"{page}: {link}"


def test_files_that_are_not_on_the_site_are_named_and_not_linked():
    text = "[a](../toys/x.py) [b](claims.md) [c](../formats.md)"
    assert within("transfer.md", text) == "`toys/x.py` [b](claims.md) `formats.md`"
    assert within("tutorials/files.md", text) == text
    made = ["reference/index.md"]
    assert linked("tutorials/a.md", "see `reference/index.md`", made).endswith("](../reference/index.md)")


def test_the_banner_leads_to_the_front_page_from_every_folder(tmp_path: Path):
    build_main = pytest.importorskip("sphinx.cmd.build").build_main
    pytest.importorskip("furo")
    (tmp_path / "source" / "folder").mkdir(parents=True)
    (tmp_path / "source" / "contents.md").write_text("# One\n\n```{toctree}\nfolder/page\n```\n")
    (tmp_path / "source" / "folder" / "page.md").write_text("# Two\n")
    assert build_main(["-q", "-c", str(ROOT / "docs"), str(tmp_path / "source"), str(tmp_path / "html")]) == 0
    for page, link in (("contents.html", "index.html"), ("folder/page.html", "../index.html")):
        assert f'<a href="{link}">Introduction' in (tmp_path / "html" / page).read_text(encoding="utf-8")


def test_a_link_to_a_page_or_a_heading_that_is_not_there_is_found(tmp_path: Path):
    (tmp_path / "a.html").write_text('<a id="one" href="b.html#two">b</a><a href="#one"></a><img src="no.png">')
    (tmp_path / "b.html").write_text('<a href="a.html#one">a</a><a href="https://example.org/">out</a>')
    assert broken(tmp_path) == ["a.html: b.html#two", "a.html: no.png#"]
