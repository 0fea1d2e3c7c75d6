"""What the pages say of a configuration that was refused, and how they follow one taken over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.core.errors import Fault
from fumewatch.health import Health
from fumewatch.store import Database
from fumewatch.web import Server, create_app
from tests.web.conftest import now
from tests.web.seed import Seeded
from tests.web.test_browser import PHONE, Tab
from tests.web.test_pages import EN, ZH

FAULTS = [
    Fault("/etc/fumewatch/config.toml:12", 'rule "exceedance": above: 0 is <b>nothing</b>'),
    Fault("environment variable FUMEWATCH_WEB__LISTEN", "no such option"),
    Fault(str(Path("/etc/fumewatch/config.toml:40")), "receiver: missing; it has no default"),
]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (EN, "The configuration of 19:30 was refused: 3 faults. That of 19:30 stays in force."),
        (ZH, "19:30 的配置有 3 处错误，未启用；仍使用 19:30 的配置。"),
    ],
    ids=["en", "zh"],
)
def test_every_page_says_that_a_configuration_was_refused(
    client: TestClient, seeded: Seeded, health: Health, language: dict[str, str], said: str
) -> None:
    health.config_refused(FAULTS)
    alert = seeded.alerts["linkage"].id
    for path in ("/", "/fleet", "/status", "/dead-letters", f"/alerts/{alert}", "/nothing-here"):
        text = client.get(path, headers=language).text
        assert said in text, path
        assert "<b>config.toml:12</b> rule &#34;exceedance&#34;" in text
        assert "&lt;b&gt;nothing" in text
        assert "FUMEWATCH_WEB__LISTEN" in text
        assert "/etc/fumewatch" not in text, "readers need not know where it lies"
    health.config_taken()
    assert said not in client.get("/", headers=language).text


def test_it_is_said_while_the_database_is_away(away: TestClient, health: Health) -> None:
    health.config_refused(FAULTS[:1])
    text = away.get("/", headers=EN).text
    assert "was refused: 1 fault. That of" in text


def test_what_waits_for_a_restart_is_named_without_its_values(
    client: TestClient, health: Health
) -> None:
    assert 'class="notice' not in client.get("/", headers=EN).text
    health.config_taken(["[mqtt] url", "[web] listen"])
    text = client.get("/", headers=EN).text
    assert "2 changes of the configuration take effect after a restart." in text
    assert "<li>[mqtt] url</li>" in text


def test_a_refused_one_does_not_make_the_daemon_unready(client: TestClient, health: Health) -> None:
    health.config_refused(FAULTS)
    assert client.get("/readyz").status_code == 200


def test_pages_go_by_the_configuration_taken_over(
    district: Database, seeded: Seeded, config: Config, health: Health
) -> None:
    app = create_app(district, config, health, now)
    client, path = TestClient(app), f"/api/v1/alerts/{seeded.alerts['severe'].id}"
    before = client.get(path).json()["alert"]
    rule = next(rule for rule in config.rule if rule.id == before["rule"])
    renamed = rule.model_copy(
        update={"text": rule.default_title().model_copy(update={"en": "New"})}
    )
    web = config.web.model_copy(update={"public_url": "https://fume.example.org"})
    app.state.context.use(
        config.model_copy(update={"rule": (renamed,), "web": web, "language": "en"})
    )
    after = client.get(path).json()["alert"]
    assert before["title"]["en"] != after["title"]["en"] == "New"
    assert after["link"].startswith("https://fume.example.org/alerts/")
    assert '<html lang="en"' in client.get("/").text


@pytest.fixture
def refused(district: Database, seeded: Seeded, config: Config, health: Health) -> Iterator[str]:
    health.config_taken(["[mqtt] url"])
    health.config_refused([*FAULTS, Fault("config.toml:1", "x" * 300)])
    with Server(create_app(district, config, health, now), "127.0.0.1", 0) as server:
        yield server.url


def test_the_faults_open_on_a_tap_and_fit_on_a_phone(refused: str, browser: Browser) -> None:
    tab = Tab(browser, **PHONE)
    page = tab.open(refused)
    notice = page.locator(".notice.refused")
    expect(notice.locator("li").first).to_be_hidden()
    notice.locator("summary").tap()
    expect(notice.locator("li").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert tab.complaints == []
    tab.context.close()
