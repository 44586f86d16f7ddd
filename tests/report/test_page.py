"""The report's page in a real browser: sorting with gaps, filter, keyboard, heads that stay, a phone, dark, paper."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ioadapt_theory.report.assemble import report
from ioadapt_theory.report.page import to_html
from tests.browser import Browse
from tests.report.models import network, tuned

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen layers, some of whose sides have no figure."""
    source = network(0, depth=14)
    found = report(source, tuned(source, 0.3, 1), names=("source", "target", None))
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(to_html(found), encoding="utf-8")
    return path


HEADS = ".long thead th"


def column(shown: "Page", k: int) -> list[str]:
    return shown.eval_on_selector_all(".long tbody tr", f"rows => rows.map(r => r.cells[{k}].textContent)")


def test_columns_sort_both_ways_by_key_and_say_so(page: Path, browse: Browse):
    shown = browse(page)
    shown.locator(f"{HEADS} button").nth(2).focus()
    shown.keyboard.press("Enter")
    up = [float(x) for x in column(shown, 2) if x != "-"]
    assert up == sorted(up)
    assert shown.locator(HEADS).nth(2).get_attribute("aria-sort") == "ascending"
    shown.keyboard.press("Space")
    assert [float(x) for x in column(shown, 2) if x != "-"] == up[::-1]
    assert shown.locator(f"{HEADS}[aria-sort]").count() == 1
    shown.locator(f"{HEADS} button").nth(0).click()
    assert column(shown, 0) == [str(k) for k in range(0, 28, 2)]


def test_the_filter_keeps_the_layers_with_its_words(page: Path, browse: Browse):
    shown = browse(page)
    shown.get_by_role("searchbox").fill("1 shared")
    kept = [row.inner_text().split()[0] for row in shown.locator(".long tbody tr:visible").all()]
    assert kept
    assert all("1" in row.inner_text() for row in shown.locator(".long tbody tr:visible").all())
    assert shown.locator("output").inner_text() == f"{len(kept)} of 14"


def test_heads_stay_while_layers_scroll(page: Path, browse: Browse):
    shown = browse(page, height=300)
    box = shown.locator(".long")
    box.evaluate("box => { box.scrollTop = 60; }")
    assert box.evaluate("box => box.scrollTop") > 30
    top = box.evaluate("box => box.querySelector('th').getBoundingClientRect().top - box.getBoundingClientRect().top")
    assert abs(top) < 2


def test_a_phone_scrolls_tables_and_not_the_page(page: Path, browse: Browse):
    shown = browse(page, width=390, height=800)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.locator(".long").evaluate("box => box.scrollWidth > box.clientWidth")


def contrast(one: list[int], two: list[int]) -> float:
    """As WCAG counts it."""
    lights = []
    for colour in (one, two):
        parts = [c / 255 for c in colour[:3]]
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        lights.append(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_legible_in_light_and_dark(page: Path, browse: Browse, scheme: str):
    shown = browse(page, color_scheme=scheme)
    numbers = "style => style.match(/\\d+/g).map(Number)"
    paper = shown.evaluate(f"({numbers})(getComputedStyle(document.querySelector('.long thead th')).backgroundColor)")
    for cell in ("td.shared", "td"):
        ink = shown.evaluate(f"({numbers})(getComputedStyle(document.querySelector('.long {cell}')).color)")
        assert contrast(ink, paper) > 4.5


def test_paper_has_every_layer(page: Path, browse: Browse):
    shown = browse(page, height=400)
    shown.emulate_media(media="print")
    box = shown.locator(".long")
    assert box.evaluate("box => box.scrollHeight <= box.clientHeight + 1")
    assert not shown.get_by_role("searchbox").is_visible()
