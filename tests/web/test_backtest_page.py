"""The page of a backtest in a real browser: it draws, fits a phone, runs no script but its own."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.backtest.conftest import CONFIG, HEADER, MILDER, SITES, rows
from tests.cli.conftest import Fumewatch, Write, fumewatch, write

__all__ = ["fumewatch", "write"]


@pytest.fixture
def report(fumewatch: Fumewatch, write: Write, tmp_path: Path) -> Path:
    new, old = write(MILDER, "new.toml"), write(CONFIG, "old.toml")
    file = write("\n".join([HEADER, *rows()]), "h.csv")
    sites = write(SITES, "sites.csv")
    said = fumewatch(
        *("backtest", "-c", new, "--against", old, "--readings", file, "--sites", sites),
        *("--html", tmp_path / "report.html"),
    )
    assert said.code == 0
    return tmp_path / "report.html"


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.soak), 390])
def test_the_page_draws_every_difference(report: Path, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    page.goto(report.as_uri())
    assert page.inner_text("h1").endswith("and missed 1 of 3 early warnings.")
    assert page.locator("#days .bars path").count() >= 2
    plots = page.locator("[data-plot]")
    assert plots.count() == 2
    for i in range(plots.count()):
        plots.nth(i).scroll_into_view_if_needed()
        plots.nth(i).locator(".scatterlayer path.js-line").first.wait_for(state="attached")
    assert "<script>alert(1)</script>" in page.inner_text("ol")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Missed 1").click()
    assert page.locator("li.difference:visible").count() == 1
    assert complaints == []
    assert set(asked) <= {"file", "data", "blob"}
    page.close()


def test_the_page_is_the_same_each_time(report: Path, fumewatch: Fumewatch, tmp_path: Path) -> None:
    fumewatch(
        *("backtest", "-c", tmp_path / "new.toml", "--against", tmp_path / "old.toml"),
        *("--readings", tmp_path / "h.csv", "--sites", tmp_path / "sites.csv"),
        *("--html", tmp_path / "again.html"),
    )
    assert (tmp_path / "again.html").read_bytes() == report.read_bytes()
