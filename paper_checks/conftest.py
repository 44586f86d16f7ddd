"""The summary of `pytest paper_checks`: each verified claim with its worst ratio, the evidence and the time."""

import json
from typing import Any

import pytest
import torch

KEY = "verification"
"""Name of the property in which a test passes its verification to the summary, also with pytest-xdist."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    results = [
        json.loads(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == KEY
    ]
    if not results:
        return
    from ioadapt_theory.claims import CLAIMS, Verification
    from ioadapt_theory.claims.report import counted, summary

    by_claim = {raw["claim"]: Verification.from_json(raw) for raw in results}
    shown = {name: by_claim[name] for name in CLAIMS if name in by_claim}
    terminalreporter.section("verdicts")
    terminalreporter.write(summary(CLAIMS, shown))
    terminalreporter.write(counted([CLAIMS[name] for name in shown]))
