"""Tables for the terminal, and self-contained HTML pages with tables that sort and filter."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

WIDTH = 80
"""Line width if that of the terminal is unknown."""


def aligned(lines: Sequence[Sequence[str]], width: int = WIDTH, least: int = 16) -> str:
    """Return aligned columns. The first is cut to fit, or gets its own lines if fewer than ``least`` characters fit."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    room = width - sum(w + 2 for w in widths[1:])
    printed = []
    for line in lines:
        cells = "".join(f"  {text.rjust(w)}" for text, w in zip(line[1:], widths[1:], strict=True))
        if room >= min(widths[0], least):
            name = line[0] if len(line[0]) <= room else f"{line[0][: room // 3]}…{line[0][room // 3 + 1 - room :]}"
            printed.append(f"{name.ljust(min(widths[0], room))}{cells}".rstrip())
        else:
            printed += [line[0], cells]
    return "".join(f"{line}\n" for line in printed)


def document(title: str, body: str, more_style: str = "") -> str:
    """Return an HTML page with our style sheet and script; ``body`` is the HTML below the title."""
    style, script = ((files(__package__) / name).read_text(encoding="utf-8") for name in ("pages.css", "pages.js"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>\n{style}{more_style}</style>'
        f"</head><body><h1>{escape(title)}</h1>{body}<script>\n{script}</script></body></html>\n"
    )


def table_of(lines: Sequence[Sequence[str]], *, long: bool = False) -> str:
    """Return an HTML table with sort buttons in its first line; a ``long`` table has a filter and a fixed header."""
    head = "".join(f'<th scope="col"><button type="button">{escape(x)}</button></th>' for x in lines[0])
    rows = "".join(
        f'<tr><th scope="row">{escape(line[0])}</th>{"".join(f"<td>{escape(x)}</td>" for x in line[1:])}</tr>'
        for line in lines[1:]
    )
    search = '<label>Filter <input type="search" placeholder="part of a name"></label><output></output>' if long else ""
    kind = "scroll long" if long else "scroll"
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="part">{search}<div class="{kind}" tabindex="0">{table}</div></div>'


def folded(what: str, content: str) -> str:
    return f"<details><summary>{escape(what)}</summary>{content}</details>"
