"""``python -m figures.site``: build the documentation into out/docs, with warnings as errors and no network access."""

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from os.path import dirname, join, normpath, relpath
from pathlib import Path
from typing import Final

from figures.readme import FRONT, ROOT
from figures.site import claims, commands, reference
from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.errors import InvalidValueError, MissingExtraError

OUT: Final = ROOT / "out" / "docs"
ROOT_PAGE: Final = "contents.md"
TOCTREE: Final = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)
LINK: Final = re.compile(r"\[([^\]]*)\]\((\.\./[^)]*)\)")
TITLED: Final = re.compile(r".*<(.*)>")
TARGET: Final = re.compile(r'(?:href|src)="(?!https?:|data:|mailto:)([^"#?]*)[^"#]*(?:#([^"]*))?"')
FRONT_TO_SITE: Final = re.compile(r'href="([\w/-]+)\.md"')


def pages() -> Iterator[tuple[str, str]]:
    yield from claims.pages()
    yield from reference.pages()
    yield from commands.pages()


def sources(folder: Path) -> None:
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "index.html"))
    made = dict(pages())
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    texts = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    for page, text in texts.items():
        (folder / page).write_text(linked(page, within(page, text), made), encoding="utf-8")
    if more := orphans(texts):
        entries = "\n".join(name.removesuffix(".md") for name in more)
        toctree = f"\n```{{toctree}}\n:hidden:\n:caption: More\n\n{entries}\n```\n"
        (folder / ROOT_PAGE).write_text(linked(ROOT_PAGE, texts[ROOT_PAGE], made) + toctree, encoding="utf-8")


def within(page: str, text: str) -> str:
    """Replace links of the page to files outside docs/, which are not on the site, with the files' paths as code."""

    def kept(link: re.Match[str]) -> str:
        path = normpath(join("docs", dirname(page), link[2]))
        return link[0] if path.startswith("docs/") else f"`{path}`"

    return LINK.sub(kept, text)


def linked(page: str, text: str, made: Iterable[str]) -> str:
    """Return the text of ``page`` with links in place of the names of generated pages, ``made``."""
    for name in made:
        text = text.replace(f"`{name}`", f"[`{name}`]({relpath(name, dirname(page) or '.')})")
    return text


def orphans(texts: Mapping[str, str]) -> list[str]:
    """Return the pages that no table of contents lists, except for the root page."""
    named = {ROOT_PAGE}
    for page, text in texts.items():
        for block in TOCTREE.findall(text):
            names = (TITLED.sub(r"\1", line) for line in block.splitlines() if line and not line.startswith(":"))
            named |= {normpath(join(dirname(page), f"{name}.md")) for name in names}
    return sorted(texts.keys() - named)


def front() -> str:
    return FRONT_TO_SITE.sub(r'href="\1.html"', FRONT.read_text(encoding="utf-8"))


def build(out: Path = OUT) -> int:
    """Return the exit status of Sphinx, which builds the site; it is not 0 if Sphinx warned.

    Raises:
        MissingExtraError: Sphinx is not installed.
        InvalidValueError: a link is broken.
    """
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        raise MissingExtraError("sphinx", "docs") from None
    source, html = out / "source", out / "html"
    for folder in (source, html):
        shutil.rmtree(folder, ignore_errors=True)
    sources(source)
    strict = ["-q", "-W", "--keep-going", "-n", "-d", str(out / "doctrees")]
    status = build_main([*strict, str(source), str(html)])
    (html / "index.html").write_text(front(), encoding="utf-8")
    if missing := broken(html):
        msg = f"The site has broken links ({len(missing)}): {'; '.join(missing[:5])}."
        raise InvalidValueError(msg)
    return int(status)


def broken(html: Path) -> list[str]:
    """Return the page and the target of every link in the built HTML whose file or anchor does not exist."""
    texts = {path: path.read_text(encoding="utf-8") for path in html.rglob("*.html")}
    missing = []
    for page, text in texts.items():
        for name, heading in TARGET.findall(text):
            there = (page.parent / name).resolve() if name else page
            if not there.exists() or (heading and f'id="{heading}"' not in texts.get(there, "")):
                missing.append(f"{page.name}: {name}#{heading}")
    return missing


def main(argv: list[str] | None = None) -> int:
    def body() -> int:
        Parser(prog="python -m figures.site", description=__doc__).parse_args(argv)
        if build():
            msg = "Sphinx printed warnings, which count as errors; fix them and build again."
            raise InvalidValueError(msg)
        sys.stdout.write(f"{OUT / 'html' / 'index.html'}\n")
        return OK

    return guarded("figures.site", body)


if __name__ == "__main__":
    sys.exit(main())
