"""What a person sees, in a real Chromium against the real server."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from fumewatch.config import Config
from fumewatch.core.alert import Alert, Severity
from fumewatch.core.facts import Facts, MonitorFacts
from fumewatch.health import Health
from fumewatch.store import Database, monitors, sites
from fumewatch.web import Server, create_app
from tests.web.seed import Seeded, alert, facts, open_alert, resolve
from tests.web.test_live import without_connections

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 800}}
SCRIPT = "<script>hacked=1</script><img src=x onerror=hacked=1>"
QUOTES = "\"'><svg onload=hacked=1>`${hacked=1}`{{7*7}}"


class Tab:
    """A page that remembers everything its console complained of."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context = browser.new_context(**({"locale": "zh-CN"} | DESK | options))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, address: str) -> Page:
        self.page.goto(address)
        return self.page


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    tab = Tab(browser)
    yield tab
    tab.context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Tab]:
    tab = Tab(browser, **PHONE)
    yield tab
    tab.context.close()


def few(seeded: Seeded) -> list[str]:
    """One of each kind."""
    return [
        *("/", "/?state=pending", "/fleet?street=华泾镇&q=面", "/status", "/dead-letters"),
        "/delivery",
        *(f"/alerts/{seeded.alerts[name].id}" for name in ("severe", "offline")),
        *(f"/sites/{seeded.sites[i]}" for i in (1, 3, 7)),
        f"/monitors/{seeded.monitors[-1]}",
    ]


def drawn(page: Page) -> Any:
    """The first plot's data and layout, once it is drawn."""
    page.wait_for_selector(".plot[data-drawn]")
    return page.evaluate(
        """() => { const plot = document.querySelector(".plot");
        return { data: plot.data.map((t) => ({ ...t, x: [...t.x], y: [...t.y] })),
                 shapes: plot.layout.shapes, range: plot.layout.xaxis.range }; }"""
    )


def test_no_page_complains(served: str, seeded: Seeded, tab: Tab) -> None:
    for path in (*few(seeded), "/?lang=en"):
        page = tab.open(served + path)
        if page.locator(".plot").count():
            page.wait_for_selector(".plot[data-drawn], .plot-note")
    assert tab.complaints == []


def test_no_page_is_wider_than_a_phone(served: str, seeded: Seeded, phone: Tab) -> None:
    for language in ("zh", "en"):
        for path in few(seeded):
            page = phone.open(f"{served}{path}{'&' if '?' in path else '?'}lang={language}")
            if language == "zh" and page.locator(".plot").count():
                page.wait_for_selector(".plot[data-drawn]")
            assert page.evaluate("document.documentElement.scrollWidth") == 360, path
    assert phone.complaints == []


def test_what_a_thumb_taps_is_large_enough(served: str, phone: Tab) -> None:
    for path in ("/", "/fleet", "/status", "/dead-letters", "/delivery"):
        page = phone.open(served + path)
        sizes = page.evaluate(
            """() => [...document.querySelectorAll("main a, header a, button, select, input")]
            .filter((e) => e.checkVisibility() && !e.closest(".skip, .key, p"))
            .map((e) => [e.textContent.trim().slice(0, 30), e.getBoundingClientRect()])
            .filter(([, box]) => box.height < 40 || box.width < 40).map(([text]) => text)"""
        )
        assert sizes == [], path


def test_a_plot_shows_readings_limit_alerts_states_and_gaps(
    served: str, seeded: Seeded, tab: Tab
) -> None:
    plot = drawn(tab.open(f"{served}/sites/{seeded.sites[0]}"))
    fume = next(t for t in plot["data"] if t["meta"] == {"channel": "fume"})
    assert len(fume["x"]) > 1300
    assert fume["x"][-1] == "2026-11-23T19:29:00", "in the site's zone"
    assert None in fume["y"], "the gap of an hour is a gap"
    shapes = {shape["name"]: shape for shape in plot["shapes"]}
    assert shapes["limit:fume"]["y0"] == 1.0
    span = shapes[f"alert:/alerts/{seeded.alerts['severe'].id}"]
    assert (span["x0"], span["x1"]) == ("2026-11-23T19:08:00", "2026-11-23T19:30:00")
    bands = {t["meta"]["band"] for t in plot["data"] if "band" in t["meta"]}
    assert bands >= {"fan_on", "fan_off", "purifier_on", "purifier_off_while_fan_on"}
    assert plot["range"] == ["2026-11-22T19:30:00", "2026-11-23T19:30:00"]


def test_held_values_are_drawn_apart(served: str, seeded: Seeded, tab: Tab) -> None:
    plot = drawn(tab.open(f"{served}/sites/{seeded.sites[4]}"))
    fume = [t for t in plot["data"] if t["meta"].get("channel") == "fume"]
    everything, fresh = fume
    hours = {x[11:13] for x, y in zip(fresh["x"], fresh["y"], strict=True) if y is None}
    assert {"03", "14", "15"} <= hours
    assert sum(y is not None for y in everything["y"]) > sum(y is not None for y in fresh["y"])


def test_the_purifier_off_while_the_fan_runs_stands_out(
    served: str, seeded: Seeded, tab: Tab
) -> None:
    plot = drawn(tab.open(f"{served}/alerts/{seeded.alerts['linkage'].id}"))
    off = next(t for t in plot["data"] if t["meta"].get("band") == "purifier_off_while_fan_on")
    assert off["x"][0] == "2026-11-23T18:56:00"


@pytest.mark.soak
def test_a_plot_is_zoomed_with_buttons(served: str, seeded: Seeded, tab: Tab) -> None:
    page = tab.open(f"{served}/sites/{seeded.sites[0]}")
    drawn(page)
    page.get_by_role("button", name="6 小时").click()
    page.wait_for_function(
        "() => document.querySelector('.plot').layout.xaxis.range[0] === '2026-11-23T13:30:00'"
    )


@pytest.mark.soak
def test_plots_follow_the_dark(served: str, seeded: Seeded, browser: Browser) -> None:
    tab = Tab(browser, color_scheme="dark")
    page = tab.open(f"{served}/sites/{seeded.sites[0]}")
    drawn(page)
    colour = "document.querySelector('.plot').layout.hoverlabel.bgcolor"
    dark = page.evaluate(colour)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"() => {colour} !== '{dark}'")
    assert tab.complaints == []
    tab.context.close()


def test_the_language_is_switched_and_stays(served: str, tab: Tab) -> None:
    page = tab.open(f"{served}/?state=resolved")
    expect(page.locator("h1")).to_have_text("预警")
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("Alerts")
    assert "state=resolved" in page.url
    page.get_by_role("link", name="Monitors").first.click()
    expect(page.locator("h1")).to_have_text("Monitors")


def test_filters_need_no_button_and_make_short_addresses(served: str, tab: Tab) -> None:
    page = tab.open(served)
    page.get_by_label("级别").select_option("critical")
    page.wait_for_url("**/?severity=critical")
    expect(page.locator("#open > li")).to_have_count(3)


def test_a_phone_shows_every_filter_whole(served: str, phone: Tab) -> None:
    page = phone.open(served)
    boxes = page.locator(".filters select").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().right)"
    )
    assert len(boxes) == 4
    assert max(boxes) <= 360


def test_everything_is_reached_by_keyboard(served: str, seeded: Seeded, tab: Tab) -> None:
    page = tab.open(served)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("跳到正文")
    page.locator("#open a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts/*")


@pytest.fixture
def ids(database: Database) -> list[int]:
    with database.transaction() as conn:
        sites.replace(conn, facts(4))
        return list(monitors.register(conn, [("xuhui", f"XH{i:04d}") for i in range(4)]).values())


def fire(database: Database, monitor: int, **more: Any) -> Alert:
    one = alert(monitor, "exceedance", datetime.now(UTC), **more)
    with database.transaction() as conn:
        open_alert(conn, one)
    return one


def test_a_new_alert_appears_and_ends_without_a_reload(
    live: str, database: Database, ids: list[int], tab: Tab
) -> None:
    page = tab.open(live)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.evaluate("stays = true")
    fire(database, ids[1])
    critical = fire(database, ids[0], severity=Severity.CRITICAL)
    rows = page.locator("#open > li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("老弄堂本帮菜馆")
    expect(rows.first).to_have_class("alert critical is-new")
    expect(page.locator("[data-count='alerts.critical']")).to_have_text("1", timeout=8000)
    with database.transaction() as conn:
        resolve(conn, critical, datetime.now(UTC))
    expect(rows).to_have_count(1)
    expect(page.locator("#resolved > li")).to_have_count(1)
    assert page.evaluate("stays"), "the page was not loaded again"
    assert tab.complaints == []


def test_a_lost_connection_is_shown_and_nothing_is_missed(
    database: Database, config: Config, health: Health, ids: list[int], tab: Tab
) -> None:
    def app() -> Any:
        return create_app(database, config, health, lambda: datetime.now(UTC))

    server = Server(app(), "127.0.0.1", 0)
    server.start()
    page = tab.open(server.url)
    sign = page.locator("#live")
    expect(sign).to_have_attribute("data-state", "live")
    server.stop()
    expect(sign).to_have_attribute("data-state", "lost")
    expect(sign).to_contain_text("连接中断")
    for id in ids:
        fire(database, id)
    with Server(app(), "127.0.0.1", int(server.url.rpartition(":")[2])):
        expect(sign).to_have_attribute("data-state", "live")
        expect(page.locator("#open > li")).to_have_count(4)
        page.goto("about:blank")


def test_a_database_that_is_away_is_shown(live: str, database_url: str, tab: Tab) -> None:
    page = tab.open(live)
    sign = page.locator("#live")
    expect(sign).to_have_attribute("data-state", "live")
    with without_connections(database_url):
        expect(sign).to_have_attribute("data-state", "away", timeout=20_000)
    expect(sign).to_have_attribute("data-state", "live", timeout=20_000)


def test_a_hostile_name_that_comes_alive_stays_a_name(
    live: str, database: Database, tab: Tab
) -> None:
    """tests/web/test_hostile.py is of those that are there when a page is loaded."""
    known = facts(1)
    names = {"name": SCRIPT, "street": QUOTES, "address": SCRIPT}
    outlet = replace(known.outlets[0], name=QUOTES, sites=("S0000",))
    code = "'\"><script>hacked=1"
    with database.transaction() as conn:
        device = MonitorFacts("xuhui", code, "O0000", SCRIPT, QUOTES)
        sites.replace(conn, Facts((replace(known.sites[0], **names),), (outlet,), (device,)))
        monitors.register(conn, [("xuhui", code)])
    page = tab.open(live)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    fire(database, 1)
    expect(page.locator("#open > li")).to_have_count(1)
    expect(page.locator("#open > li").first).to_contain_text("<script>hacked=1</script>")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main svg[onload], main img, main script:not([type])").count() == 0
    assert tab.complaints == []
