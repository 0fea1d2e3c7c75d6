"""Silences: their page, the API's list, and the mark on an alert."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.core.alert import Alert, Severity
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.routing import Matchers
from fumewatch.health import Health
from fumewatch.store import Database, monitors, silences, sites
from fumewatch.web import Server, alerts, create_app
from fumewatch.web.silences import silenced_by
from tests.web.conftest import NOW, now
from tests.web.seed import STREETS, alert, facts, open_alert
from tests.web.test_browser import PHONE, SCRIPT, Tab
from tests.web.test_pages import EN, ZH

HOUR = timedelta(hours=1)


def silence(start: float, end: float, reason: str, author: str = "张三", **matchers) -> Silence:
    return Silence(
        matchers=Matchers.model_validate(matchers),
        starts_at=NOW + start * HOUR,
        ends_at=NOW + end * HOUR,
        reason=reason,
        author=author,
        created_at=NOW + (start - 1) * HOUR,
    )


@pytest.fixture
def opened(database: Database) -> list[Alert]:
    """Two warnings and a critical one, of three monitors in streets of their own."""
    with database.transaction() as conn:
        sites.replace(conn, facts(3))
        ids = monitors.register(conn, [("xuhui", f"XH{i:04d}") for i in range(3)])
        severities = (Severity.WARNING, Severity.WARNING, Severity.CRITICAL)
        found = [
            alert(id, "exceedance", NOW - n * HOUR, severity=severity)
            for n, (id, severity) in enumerate(zip(ids.values(), severities, strict=True), 1)
        ]
        for one in found:
            open_alert(conn, one)
    return found


@pytest.fixture
def client(database: Database, opened: list[Alert], config: Config, health: Health) -> TestClient:
    """Over silences 1 in force, 2 to come, 3 over, 4 ended early."""
    warnings = {"match": {"severity": "warning"}, "match_not": {"street": STREETS[0]}}
    with database.transaction() as conn:
        silences.add(conn, silence(-1, 1, "屋顶维修", **warnings))
        silences.add(conn, silence(2, 3, SCRIPT, SCRIPT, match_re={"site": [SCRIPT + ".*"]}))
        silences.add(conn, silence(-3, -2, "canteens closed"))
        silences.add(conn, silence(-3, 9, "by mistake"))
        silences.end(conn, 4, "李四", NOW - HOUR)
    return TestClient(create_app(database, config, health, now))


def test_the_api_lists_those_in_force_and_to_come(client: TestClient) -> None:
    found = client.get("/api/v1/silences").json()["silences"]
    assert [(one["id"], one["state"], one["alerts"]) for one in found] == [
        (1, "active", 1),
        (2, "coming", None),
    ]
    assert found[0]["conditions"] == [
        {"label": "severity", "sign": "=", "values": ["warning"]},
        {"label": "street", "sign": "!=", "values": [STREETS[0]]},
    ]
    assert found[0]["ends_at"] == "2026-11-23T20:30:00+08:00"


def test_and_those_that_ended_where_they_are_asked_for(client: TestClient) -> None:
    found = client.get("/api/v1/silences?ended=2").json()["silences"][2:]
    assert [(one["id"], one["state"], one["ended_by"]) for one in found] == [
        (4, "ended", "李四"),
        (3, "ended", None),
    ]
    assert [one["over_at"] for one in found] == [
        "2026-11-23T18:30:00+08:00",
        "2026-11-23T17:30:00+08:00",
    ]
    assert len(client.get("/api/v1/silences?ended=1").json()["silences"]) == 3
    assert client.get("/api/v1/silences?ended=-1").status_code == 422


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            ZH,
            (
                "生效中",
                "未开始",
                "已结束",
                "屋顶维修",
                "张三",
                "街镇 不是",
                "李四 提前结束",
                "全部预警",
            ),
        ),
        (EN, ("In force", "To come", "Ended", "Street is not", "ended by 李四", "1 fires now")),
    ],
    ids=["zh", "en"],
)
def test_the_page_says_who_silenced_what_why_and_until_when(
    client: TestClient, language: dict[str, str], said: tuple[str, ...]
) -> None:
    text = " ".join(client.get("/silences", headers=language).text.split())
    assert [one for one in said if one not in text] == []
    assert text.index("屋顶维修") < text.index("by mistake") < text.index("canteens closed")
    assert "<script>hacked" not in text


def test_without_any_the_page_says_how_to_add_one(
    database: Database, config: Config, health: Health
) -> None:
    client = TestClient(create_app(database, config, health, now))
    text = client.get("/silences", headers=EN).text
    assert "No silence is in force or to come." in text
    assert "fumewatch silences add --help" in text
    assert "/silences" in client.get("/status").text


def test_an_alert_says_by_what_it_is_silenced(client: TestClient, opened: list[Alert]) -> None:
    context = client.app.state.context
    shown = [alerts.detail(context, one.id).alert for one in opened]
    found = silenced_by(context, shown)
    assert {id: [one.id for one in by] for id, by in found.items()} == {opened[1].id: [1]}
    page = client.get(f"/alerts/{opened[1].id}", headers={"accept-language": "zh"})
    said = " ".join(page.text.split())
    assert "20:30 之前不通知人员" in said
    assert "屋顶维修" in said
    assert "/silences#silence-1" in said


@pytest.fixture
def served(database: Database, client: TestClient, config: Config, health: Health) -> Iterator[str]:
    with Server(create_app(database, config, health, now), "127.0.0.1", 0) as server:
        yield server.url


def test_the_page_fits_on_a_phone_whatever_people_wrote(served: str, browser: Browser) -> None:
    tab = Tab(browser, **PHONE)
    page = tab.open(f"{served}/silences")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("window.hacked") is None
    assert tab.complaints == []
    tab.context.close()
