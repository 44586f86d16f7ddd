"""The report's page in a real browser; what its tables do is tested with the page of similarity."""

from pathlib import Path

import pytest

from ioadapt_theory.reporting import report
from ioadapt_theory.reporting.page import to_html
from tests.browser import Browse
from tests.report.models import network, tuned


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_tables_and_not_the_page(tmp_path: Path, browse: Browse, scheme: str):
    source = network(0, depth=14)
    told = report(source, tuned(source, 0.3, 1), names=("source", "target", None))
    (tmp_path / "report.html").write_text(to_html(told), encoding="utf-8")
    shown = browse(tmp_path / "report.html", width=390, height=800, color_scheme=scheme)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.locator(".answer").inner_text() == str(told)
    shown.get_by_role("searchbox").fill("26")
    assert shown.locator("output").inner_text() == "1 of 14"
