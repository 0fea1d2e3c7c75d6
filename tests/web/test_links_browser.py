"""A link on a phone, in a real Chromium."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from fumewatch.config import Config
from fumewatch.store import Database, actions
from fumewatch.web import Server, create_app
from tests.web.conftest import NOW, all_up, now
from tests.web.phones import RECEIVER, Scene, open_case, photo, place, token, with_links
from tests.web.test_browser import Tab

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
HOSTILE = "<img src=x onerror=hacked=1>"


@pytest.fixture
def case(database: Database) -> Scene:
    place(database, name=HOSTILE)
    return open_case(database, NOW - timedelta(minutes=41))


@pytest.fixture
def site(database: Database, config: Config) -> Iterator[str]:
    app = create_app(database, with_links(config), all_up(), now)
    with Server(app, "127.0.0.1", 0) as server:
        yield server.url


def test_an_alert_is_answered_on_a_phone(
    site: str, case: Scene, database: Database, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "shot.jpg").write_bytes(photo(3000, 2000))
    tab = Tab(browser, **PHONE)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    address = f"{site}/l/{token(case.alert, case.owner)}"
    page = tab.open(address)
    page.wait_for_selector(".plot[data-drawn]")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    _nothing_is_done(database, case)

    page.get_by_role("button", name="签收").tap()
    expect(page.get_by_role("status")).to_contain_text("已保存")
    expect(page.locator(".is-done")).to_contain_text("王经理")

    page.get_by_text("整改中", exact=True).first.tap()
    page.get_by_label("整改措施").fill("已联系厂家")
    page.locator("#correcting button").tap()
    expect(page.locator("#record")).to_contain_text("已联系厂家")

    page.locator("#corrected summary").tap()
    page.locator("#corrected input[type=file]").set_input_files([tmp_path / "shot.jpg"] * 4)
    assert "最多 3 张" in page.locator("#corrected input[type=file]").evaluate(
        "(e) => e.validationMessage"
    )
    page.locator("#corrected input[type=file]").set_input_files(tmp_path / "shot.jpg")
    page.locator("#corrected button").tap()
    picture = page.locator("#record .photos img")
    expect(picture).to_have_count(1)
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.photos img').naturalWidth === 1600")

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("window.hacked") is None
    assert tab.complaints == []
    key = address.rpartition("/")[2]
    assert all(url.startswith((f"{site}/l/{key}", f"{site}/static/")) for url in asked)
    page.goto(f"{site}/alerts/{case.alert}")
    expect(page.locator(".timeline")).to_contain_text("王经理")
    expect(page.locator(".timeline .photos img")).to_have_count(1)
    assert page.evaluate("window.hacked") is None
    tab.context.close()


def _nothing_is_done(database: Database, case: Scene) -> None:
    with database.transaction() as conn:
        assert actions.of(conn, case.alert) == []


def test_an_inspector_says_who_they_are_once(site: str, case: Scene, browser: Browser) -> None:
    tab = Tab(browser, **(PHONE | {"locale": "en", "color_scheme": "dark"}))
    page = tab.open(f"{site}/l/{token(case.alert, RECEIVER)}")
    page.locator("#acknowledge button").tap()
    expect(page.locator("#acknowledge input[name=name]")).to_be_focused()
    page.locator("#acknowledge input[name=name]").fill("Chen")
    page.locator("#acknowledge button").dblclick()
    expect(page.locator(".is-done")).to_contain_text("Chen")
    expect(page.locator("#record .done")).to_have_count(1)
    page.locator("#outcome summary").tap()
    expect(page.locator("#outcome input[name=name]")).to_have_value("Chen")
    page.get_by_label("False alarm").check()
    page.get_by_role("button", name="Save the outcome").tap()
    expect(page.locator(".hero")).to_contain_text("False alarm")
    expect(page.locator("#answers details")).to_have_count(1)
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("button, summary, input, header a")]
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 40).length"""
    )
    assert sizes == 0
    assert tab.complaints == []
    tab.context.close()


def test_a_flood_over_a_real_socket_is_cut_off_and_told(
    site: str, case: Scene, database: Database
) -> None:
    """No length promised, and more than may come: the answer is there nevertheless."""
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
    sent = httpx2.post(
        f"{site}/l/{token(case.alert, case.owner)}/corrected",
        content=itertools.chain([head], itertools.repeat(bytes(1_000_000), 40)),
        headers={"content-type": "multipart/form-data; boundary=x", "accept-language": "zh"},
    )
    assert (sent.status_code, "内容过大" in sent.text) == (413, True)
    _nothing_is_done(database, case)
