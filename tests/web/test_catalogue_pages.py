"""Pages of alerts of days and patterns, and of what judging learned, in both languages."""

import json
import re
from html import unescape
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.core.pause import Pause
from fumewatch.health import Health
from fumewatch.store import Database
from fumewatch.web import create_app
from fumewatch.web.judged import sampling_windows
from tests.web.catalogue import Catalogue
from tests.web.conftest import NOW, now
from tests.web.test_browser import PHONE, Tab
from tests.web.test_pages import EN, ZH


@pytest.fixture
def looking(street: Database, catalogue: Catalogue, config: Config, health: Health) -> TestClient:
    return TestClient(create_app(street, config, health, now))


def page_of(looking: TestClient, catalogue: Catalogue, name: str, language: Any = EN) -> str:
    answer = looking.get(f"/alerts/{catalogue.alerts[name].id}", headers=language)
    assert answer.status_code == 200
    return answer.text


def days_of_page(text: str) -> dict[str, Any]:
    found = re.search(r'data-days="([^"]*)"', text)
    assert found
    shown: dict[str, Any] = json.loads(unescape(found[1]))
    return shown


def grounds(text: str) -> list[str]:
    """The addresses in the list of what the alert rests on."""
    found = re.search(r'id="grounds">(.*?)</section>', text, re.DOTALL)
    assert found
    return re.findall(r'href="([^"]*)"', found[1])


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        (
            "deterioration",
            "预计 2026-12-12 达到限值 1.00 mg/m³（2026-12-05 至 2026-12-19 之间）",
            "expected to reach the limit of 1.00 mg/m³ on 2026-12-12, between 2026-12-05 and "
            "2026-12-19",
        ),
        ("baseline", "净化器电流为清洗后基线的 63%", "purifier current at 63%"),
        ("cleaning", "净化器应于 2026-11-26 前清洗", "due for cleaning by 2026-11-26"),
        ("overdue", "已逾期", "Overdue for</dt><dd><b>15.6</b> days"),
        ("linkage_rate", "净化器联动率 70%", "purifier on for 70% of the fan"),
        ("validity", "营业时间数据有效率 54%", "54% of business hours with valid data"),
        ("outage", "2 台监测仪中有 2 台同时没有数据", "2 of 2 monitors silent at once"),
        ("recurrence", "历次告警与整改记录", "the earlier alerts, and what was done about them"),
    ],
)
def test_an_alert_says_the_number_that_matters(
    looking: TestClient, catalogue: Catalogue, name: str, zh: str, en: str
) -> None:
    assert zh in page_of(looking, catalogue, name, ZH)
    assert en in unescape(page_of(looking, catalogue, name))


def test_a_forecast_is_drawn_on_to_the_limit(looking: TestClient, catalogue: Catalogue) -> None:
    plot = days_of_page(page_of(looking, catalogue, "deterioration"))
    assert (len(plot["days"]), all(plot["judged"])) == (28, True)
    assert (plot["level"], plot["level_is_limit"]) == (1.0, True)
    (start, at), (end, level) = plot["ahead"]
    assert (start, end[:10], level) == ("2026-11-22", "2026-12-11", pytest.approx(1.0, abs=1e-3))
    assert at == pytest.approx(0.705, abs=2e-3), "the line on the last day, times the usual ratio"
    ends = [plot[bound][-1] for bound in ("steep", "flat")]
    assert [day[:10] for day, _ in ends] == ["2026-12-04", "2026-12-18"]
    assert [value for _, value in ends] == [pytest.approx(1.0, abs=2e-3)] * 2
    assert plot["steep"][0][1] > at > plot["flat"][0][1], "through the middle of the days"
    marks = {mark["what"]: mark["day"] for mark in plot["marks"]}
    assert marks == {"reached": "2026-12-12", "alert_opened": "2026-11-23"}


@pytest.mark.parametrize(
    ("name", "marks", "facts"),
    [
        ("stepped", {"step", "reached", "alert_opened"}, {"are_bars": False}),
        ("baseline", {"cleaned", "alert_opened"}, {"base": 2.05, "level": 1.435}),
        ("cleaning", {"cleaned", "cleaning due", "alert_opened"}, {"are_bars": True}),
        ("linkage_rate", {"alert_opened"}, {"level": 90.0, "unit": "%"}),
        ("validity", {"alert_opened"}, {"level": 90.0, "unit": "%"}),
    ],
)
def test_days_are_marked(
    looking: TestClient, catalogue: Catalogue, name: str, marks: set[str], facts: dict[str, Any]
) -> None:
    plot = days_of_page(page_of(looking, catalogue, name))
    assert {mark["what"] for mark in plot["marks"]} == marks
    assert {key: plot[key] for key in facts} == facts
    assert True in plot["judged"]


def test_days_after_a_step_are_judged_alone(looking: TestClient, catalogue: Catalogue) -> None:
    plot = days_of_page(page_of(looking, catalogue, "stepped"))
    step = next(mark["day"] for mark in plot["marks"] if mark["what"] == "step")
    assert step == "2026-11-07"
    assert plot["judged"] == [day >= step for day in plot["days"]]


def test_patterns_lead_to_what_they_rest_on(looking: TestClient, catalogue: Catalogue) -> None:
    told = {
        name: grounds(page_of(looking, catalogue, name)) for name in ("recurrence", "complaint")
    }
    assert [len(links) for links in told.values()] == [3, 1]
    for links in told.values():
        assert all(looking.get(link).status_code == 200 for link in links)
    mismatch = page_of(looking, catalogue, "mismatch")
    site, monitor = catalogue.sites[9], catalogue.monitors[9]
    assert grounds(mismatch) == [f"/sites/{site}#monitor-{monitor}"]
    assert mismatch.count("<td>Hour</td>") == 6
    assert "Restarts that the device told of" in page_of(looking, catalogue, "recurrence")


def test_an_outage_and_its_parts_lead_to_each_other(
    looking: TestClient, catalogue: Catalogue
) -> None:
    outage, part = catalogue.alerts["outage"].id, catalogue.alerts["part"].id
    links = grounds(page_of(looking, catalogue, "outage"))
    members = {f"/sites/{catalogue.sites[i]}#monitor-{catalogue.monitors[i]}" for i in (10, 11)}
    assert {*links} == {*members, f"/alerts/{part}"}
    assert f'href="/alerts/{outage}"' in page_of(looking, catalogue, "part")


def test_a_monitor_shows_what_was_learned_of_it(looking: TestClient, catalogue: Catalogue) -> None:
    text = unescape(looking.get(f"/sites/{catalogue.sites[3]}", headers=EN).text)
    for said in (
        *("06:00–09:15", "11:00–14:15", "17:00–23:00", "Seen on 13 days."),
        *("<b>11</b> min <span", "learned", "default, too little seen"),
        *("fume = 0.20 × nmhc + 0.80 × pm", "it is no independent evidence"),
        *("3 days since the last one", "2026-11-20", "2026-08-19"),
    ):
        assert said in text
    text = looking.get(f"/sites/{catalogue.sites[4]}", headers=ZH).text
    assert "尚未得知" in text, "a day is too little to know when it samples"
    text = looking.get(f"/sites/{catalogue.sites[5]}", headers=EN).text
    assert "Nothing yet: it takes some days of readings." in text


def test_an_alert_of_days_shades_no_readings(looking: TestClient, catalogue: Catalogue) -> None:
    for site, spans in ((3, []), (11, ["absence"])):
        text = looking.get(f"/sites/{catalogue.sites[site]}", headers=EN).text
        found = re.search(r'data-plot="([^"]*)"', text)
        assert found
        assert len(json.loads(unescape(found[1]))["spans"]) == len(spans)


@pytest.mark.parametrize(
    ("sampling", "windows"),
    [
        ([0.0] * 96, []),
        ([1.0] * 96, [("00:00", "24:00")]),
        ([0.24] * 95 + [0.26], [("23:45", "24:00")]),
        ([1.0] + [0.0] * 94 + [1.0], [("00:00", "00:15"), ("23:45", "24:00")]),
    ],
)
def test_sampling_windows(sampling: list[float], windows: list[tuple[str, str]]) -> None:
    assert sampling_windows(sampling) == windows


def test_a_monitor_says_why_it_is_not_judged(
    street: Database, catalogue: Catalogue, config: Config, health: Health
) -> None:
    pause = Pause.model_validate(
        {
            "match": {"monitors": ["XH0003"]},
            "from": "2026-11-20",
            "to": "2026-11-25",
            "reason": "maintenance",
            "note": "<b>换净化器</b>",
        }
    )
    paused = config.model_copy(update={"pause": [pause]})
    looking = TestClient(create_app(street, paused, health, now))
    address = f"/sites/{catalogue.sites[3]}"
    assert "维护中：&lt;b&gt;换净化器&lt;/b&gt;" in looking.get(address, headers=ZH).text
    text = looking.get(f"/sites/{catalogue.sites[4]}", headers=EN).text
    assert "Not judged now" not in text
    late = TestClient(create_app(street, config, health, lambda: NOW.replace(hour=20)))
    assert "outside business hours" in late.get(address, headers=EN).text


def test_who_has_data_to_verify_can_be_found(looking: TestClient, catalogue: Catalogue) -> None:
    assert 'href="/fleet#findings">1</a>' in looking.get("/status", headers=EN).text
    text = looking.get("/fleet", headers=EN).text
    found = re.search(r'id="findings">(.*?)</section>', text, re.DOTALL)
    assert found
    assert f'href="/sites/{catalogue.sites[9]}#monitor-{catalogue.monitors[9]}"' in found[1]
    assert "6 differ" in found[1]


def test_every_name_in_the_evidence_is_said_in_chinese(
    looking: TestClient, catalogue: Catalogue
) -> None:
    for name in catalogue.alerts:
        text = page_of(looking, catalogue, name, ZH)
        names = re.findall(r"<dt>([^<]*)</dt>", text.partition('class="columns"')[2])
        assert [one for one in names if re.fullmatch(r"[a-z_.]+", one)] == [], name


def addresses(catalogue: Catalogue, scheme: str) -> list[str]:
    """Half of the pages by day, half by night."""
    if scheme == "light":
        alerts, sites = ("deterioration", "validity", "outage"), catalogue.sites[3:4]
    else:
        alerts, sites = ("cleaning", "part", "mismatch"), catalogue.sites[-1:]
    shown = [f"/alerts/{catalogue.alerts[name].id}" for name in alerts]
    return [*shown, *(f"/sites/{one}" for one in sites)]


def settle(page: Page) -> None:
    """Every plot is drawn, or says that there is nothing to draw."""
    page.wait_for_function(
        """() => [...document.querySelectorAll(".plot")].every(
        (box) => box.dataset.drawn || !/Loading|正在/.test(box.textContent))"""
    )


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_pages_fit_a_phone_and_run_nothing_of_what_names_say(
    served_street: str, catalogue: Catalogue, browser: Browser, scheme: str
) -> None:
    tab = Tab(browser, **PHONE, color_scheme=scheme)
    language = "zh" if scheme == "light" else "en"
    for path in addresses(catalogue, scheme):
        page = tab.open(f"{served_street}{path}?lang={language}")
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
        assert page.evaluate("typeof hacked") == "undefined", path
    assert tab.complaints == []
    tab.context.close()


def test_a_picture_of_days_is_drawn(
    served_street: str, catalogue: Catalogue, browser: Browser
) -> None:
    tab = Tab(browser, locale="en")
    page = tab.open(f"{served_street}/alerts/{catalogue.alerts['deterioration'].id}")
    settle(page)
    box = page.locator(".days-plot")
    drawn = box.evaluate("(b) => [b.data.map((t) => t.name), b.layout.shapes.map((s) => s.name)]")
    assert {*drawn[0]} == {"between", "values", "steep", "flat", "line", "ahead", "reached"}
    assert {*drawn[1]} == {"level", "mark:alert_opened", "mark:reached"}
    said = box.get_attribute("aria-label") or ""
    assert "2026-12-12" in said, "who sees no picture hears the sentence"
    tab.context.close()
