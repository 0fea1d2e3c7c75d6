"""Hostile names and texts on every page and in every answer of the API."""

import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.core.access import Role
from fumewatch.store import Database, accounts
from fumewatch.web import Server, create_app
from tests.fixtures.database import Servers
from tests.hostile import HARMLESS, NOW, TABLE, Scene, scene, unseen
from tests.web.accounts import browser_of, let_in, with_login
from tests.web.conftest import all_up, migrated, now


@dataclass(frozen=True)
class House:
    database: Database
    scene: Scene

    @property
    def lists(self) -> list[str]:
        """They show every text; and so does the first alert."""
        lists = ("/", "/?state=resolved", "/fleet", "/status", "/dead-letters", "/delivery")
        return [*lists, "/silences", "/users", "/account", f"/alerts/{self.scene.alerts[0]}"]

    @property
    def pages(self) -> list[str]:
        """A few with a text as their title as well."""
        alerts, sites = self.scene.alerts, self.scene.sites
        some = [list(TABLE).index(name) for name in ("image", "quotes", "lines", "bidi", "jinja")]
        return [
            *self.lists,
            *(f"/alerts/{alerts[n]}" for n in some[:3]),
            *(f"/sites/{sites[n]}" for n in some),
            f"/monitors/{self.scene.stranger}",
        ]

    @property
    def looked_at(self) -> list[str]:
        """All that need no login, with one of each kind that shows the texts as titles."""
        found, number = self.scene, list(TABLE).index("quotes")
        lists = [path for path in self.lists if path not in ("/status", "/users", "/account")]
        return [*lists, f"/sites/{found.sites[number]}?lang=en", f"/monitors/{found.stranger}"]

    def admin(self, config: Config) -> TestClient:
        client = browser_of(create_app(self.database, with_login(config), all_up(), now))
        with self.database.transaction() as conn:
            account = accounts.named(conn, "user0")
            assert account
            accounts.set_role(conn, account, Role.ADMIN, "test", NOW)
        let_in(client, self.database, account, NOW)
        return client


def house(servers: Servers, called: str, texts: list[str]) -> Iterator[House]:
    for database in migrated(servers, called):
        yield House(database, scene(database, texts, NOW))


@pytest.fixture(scope="module")
def hostile(servers: Servers) -> Iterator[House]:
    yield from house(servers, "hostile", list(TABLE.values()))


@pytest.fixture(scope="module")
def harmless(servers: Servers) -> Iterator[House]:
    yield from house(servers, "harmless", [f"{HARMLESS} {n}" for n in range(len(TABLE))])


class Shape(HTMLParser):
    """What of a page is markup: elements with their attributes' names; addresses by themselves."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[tuple[str, ...]] = Counter()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[(tag, *(name for name, _ in attrs))] += 1
        self.addresses += [v or "" for n, v in attrs if n in ("href", "src", "action")]

    def handle_comment(self, data: str) -> None:
        self.elements[("comment",)] += 1


def test_a_hostile_text_is_no_part_of_a_page(
    hostile: House, harmless: House, config: Config
) -> None:
    """Every page has the elements that it has with harmless texts, and no others."""
    one, other = hostile.admin(config), harmless.admin(config)
    for path, as_harmless in zip(hostile.pages, harmless.pages, strict=True):
        page = one.get(path)
        assert page.status_code == 200, path
        shape, expected = Shape(page.text), Shape(other.get(as_harmless).text)
        assert shape.elements == expected.elements, path
        assert all(a.startswith(("/", "#", "?")) and a[:2] != "//" for a in shape.addresses), path
        assert unseen(page.text, but="\n\t") == [], path
    assert "{{7*7}}{% raw %}" in html.unescape(one.get("/").text)
    assert "{0.__class__}{site}{}" in html.unescape(one.get("/").text)


def test_the_api_tells_a_hostile_text_as_it_is(hostile: House, config: Config) -> None:
    """As JSON, which no browser takes for a page."""
    program, told = hostile.admin(config), ""
    for path in ("alerts", "monitors", "sites", "silences", "delivery", "dead-letters"):
        answer = program.get(f"/api/v1/{path}?{'ended=99' if path == 'silences' else 'limit=200'}")
        assert answer.headers["content-type"] == "application/json", path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        told += str(answer.json())
    assert str({"name": TABLE["quotes"]})[1:-1] in told


def test_no_browser_does_what_a_text_says(hostile: House, config: Config, browser: Browser) -> None:
    """With all there is to be opened open and a plot drawn; nor does a phone's page get wider."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else 0)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if "evil" in request.url else 0)
    with Server(create_app(hostile.database, config, all_up(), now), "127.0.0.1", 0) as server:
        for path in hostile.looked_at:
            page.goto(server.url + path)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            if page.locator(".plot").count():
                page.wait_for_selector(".plot[data-drawn], .plot-note")
            assert page.evaluate("window.hacked") is None, path
            assert page.evaluate(_NOT_OURS) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") == 390, path
    context.close()
    assert said == []


_NOT_OURS = """[...document.querySelectorAll("*")].filter((one) =>
    [...one.attributes].some((a) => a.name.startsWith("on") || /^\\s*javascript:/i.test(a.value)
        && ["href", "src", "action"].includes(a.name))
    || (one.href && new URL(one.href.baseVal ?? one.href, location).host !== location.host)
    || (one.localName === "script" && !one.src && one.type !== "application/json")
).map((one) => one.outerHTML)"""
