"""Shares of a gain, drawn as dots on lines with marks at 0 and 1, in HTML without scripts or images, at any width."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

LEFT, RIGHT = -0.35, 1.35
"""Ends of a line; shares outside are drawn at the ends."""
MARKS: Final = {"lora": "○", "input": "■", "output": "▲", "residual": "◆", "carried": "●", "refined": "★"}
"""Kind of a dot -> its mark, so that colour is never the only distinction."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A number to plot, with its interval from ``low`` to ``high`` and a remark, if any; ``kind`` is a key of MARKS."""

    kind: str
    name: str
    share: float
    low: float | None = None
    high: float | None = None
    word: str = ""


def plot(lines: Sequence[tuple[str, Sequence[Dot]]], what: str) -> str:
    """Return HTML with lines of dots, each under its title, and a legend of the kinds that occur.

    Args:
        lines: title and dots of each line.
        what: description of the chart for screen readers.
    """
    kinds = {dot.kind: dot.name for _, dots in lines for dot in dots}
    legend = "".join(f'<span class="{kind}"><b>{MARKS[kind]}</b> {escape(name)}</span>' for kind, name in kinds.items())
    ends = f'<span style="left:{_at(0):.1f}%">0</span><span style="left:{_at(1):.1f}%">1</span>'
    return (
        f'<div class="dots" role="group" aria-label="{escape(what)}"><p class="legend">{legend}</p>\n'
        + "".join(_line(title, dots) for title, dots in lines)
        + f'<div class="line ends" aria-hidden="true"><p></p><div class="track">{ends}</div></div></div>\n'
    )


def _line(title: str, dots: Sequence[Dot]) -> str:
    marks = f'<i class="zero" style="left:{_at(0):.1f}%"></i><i class="one" style="left:{_at(1):.1f}%"></i>'
    for k, dot in enumerate(dots):
        top = f"top:{100 * (k + 0.5) / len(dots):.0f}%"
        if dot.low is not None and dot.high is not None:
            low, high = _at(dot.low), _at(dot.high)
            marks += f'<i class="span {dot.kind}" style="left:{low:.1f}%;width:{high - low:.1f}%;{top}"></i>'
        said = f"{dot.name} {dot.share:.2f}{f', {dot.word}' if dot.word else ''}"
        place = f"left:{_at(dot.share):.1f}%;{top}"
        marks += f'<b class="{dot.kind}" style="{place}" title="{escape(said)}">{MARKS[dot.kind]}</b>'
    told = "; ".join(f"{dot.name} {dot.share:.2f}{f' ({dot.word})' if dot.word else ''}" for dot in dots)
    shares = "&ensp;".join(f'<span class="{dot.kind}">{MARKS[dot.kind]} {dot.share:.2f}</span>' for dot in dots)
    height = f"height:{0.62 * len(dots) + 0.5:.2f}rem"
    return (
        f'<div class="line"><p>{escape(title)} <small>{shares}</small></p>'
        f'<div class="track" style="{height}" role="img" aria-label="{escape(told)}">{marks}</div></div>\n'
    )


def _at(share: float) -> float:
    return 100 * (min(max(share, LEFT), RIGHT) - LEFT) / (RIGHT - LEFT)
