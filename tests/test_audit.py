"""What `make audit` makes of pip-audit's report."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

JUDGE = runpy.run_path(str(Path(__file__).parents[1] / ".ci/audit"))["judge"]
CLEAN = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([CLEAN], 0, "clean: 1 packages"),
        ([CLEAN, BAD], 1, "b 2: CVE-1, CVE-2"),
        ([BAD, SKIPPED], 1, "VULNERABLE: 1 of 2"),
        ([SKIPPED, SKIPPED], None, "knows no package"),
        ([CLEAN, SKIPPED], 3, "NOT KNOWN of 1: c"),
    ],
)
def test_only_what_was_looked_up_is_clean(
    packages: list[dict[str, Any]], status: int | None, said: str
) -> None:
    found = JUDGE(json.dumps({"dependencies": packages, "fixes": []}))
    assert found[0] == status
    assert said in found[1]


@pytest.mark.parametrize("report", ["", "no JSON", "{}", "[]"])
def test_no_report_says_nothing(report: str) -> None:
    assert JUDGE(report) == (None, "no answer")
