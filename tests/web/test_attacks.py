"""What an attacker would try at the pages, as far as no other test does it already."""

import http.client
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from fumewatch import __version__
from fumewatch.config import Config
from fumewatch.core.access import FREE_TRIES, Role, Scope
from fumewatch.core.errors import Fault
from fumewatch.store import Database, DatabaseSettings, accounts
from fumewatch.web import Server, create_app
from fumewatch.web import server as server_module
from fumewatch.web.forms import MOST_BYTES
from tests.fixtures.database import Servers
from tests.web.accounts import (
    PASSWORD,
    Users,
    add_users,
    bearer,
    browser_of,
    let_in,
    log_in,
    with_cheap_argon2,
    with_login,
)
from tests.web.conftest import NOW, all_up, migrated, now

CROSS = {"sec-fetch-site": "cross-site"}
ACTIONS = "/api/v1/alerts/00000000-0000-5000-8000-000000000000/actions"


@pytest.fixture(scope="module")
def house(servers: Servers) -> Iterator[tuple[Database, Users]]:
    with with_cheap_argon2():
        for database in migrated(servers, "attacked"):
            yield database, add_users(database, NOW)


@pytest.fixture
def app(house: tuple[Database, Users], config: Config) -> FastAPI:
    return create_app(house[0], with_login(config), all_up(), now)


@pytest.fixture
def as_role(app: FastAPI, house: tuple[Database, Users]) -> Callable[..., TestClient]:
    def as_role(role: Role, address: str = "192.0.2.1") -> TestClient:
        client = browser_of(app, address)
        let_in(client, house[0], house[1].accounts[role], NOW)
        return client

    return as_role


@pytest.mark.parametrize(
    "host", ["127.0.0.1/l/", "127.0.0.1/livez", "127.0.0.1/static/?", "127.0.0.1/l/#", "/l/", "x"]
)
def test_a_host_with_a_path_in_it_moves_nobody_past_the_gate(app: FastAPI, host: str) -> None:
    stranger = browser_of(app, headers={"host": host})
    for path in ("/status", "/api/v1/alerts", "/users", "/metrics"):
        answer = stranger.get(path)
        assert answer.status_code in (401, 421), (path, answer.headers)


def test_what_the_gate_looks_at_is_what_routes_look_at(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a version of Starlette makes of the host of a request."""
    monkeypatch.setattr(Request, "url", property(lambda _: URL("http://127.0.0.1/l//status")))
    for path in ("/status", "/api/v1/alerts", "/users"):
        assert browser_of(app).get(path).status_code in (303, 401), path


@pytest.mark.parametrize(
    "path", ["//l/status", "/l/../status", "/%6c/../status", "/status/../l/", "/STATUS", "/status/"]
)
def test_a_path_with_turns_in_it_leads_nowhere(app: FastAPI, path: str) -> None:
    answer = browser_of(app).request("GET", f"http://127.0.0.1:8080{path}")
    assert answer.status_code in (303, 307, 401, 404)
    assert "fumewatch_" not in answer.text


def test_an_invitation_is_told_to_no_log(config: Config, away: Database) -> None:
    stranger = browser_of(create_app(away, with_login(config), all_up(), now))
    with capture_logs() as logs:
        assert stranger.get("/i/a-secret-of-an-invitation").status_code == 503
        assert stranger.post("/i/a-secret-of-an-invitation", headers=CROSS).status_code == 403
    assert [(log["event"], log["path"]) for log in logs] == [
        ("page_without_store", "/i/..."),
        ("foreign_form_refused", "/i/..."),
    ]


@pytest.fixture
def away() -> Iterator[Database]:
    settings = DatabaseSettings(
        url="postgresql://nobody@127.0.0.1:9/none", connect_timeout=timedelta(seconds=0.2)
    )
    database = Database(settings)
    database.open()
    yield database
    database.close()


def test_a_stranger_is_told_nothing_of_what_is_wrong_inside(
    config: Config, away: Database, house: tuple[Database, Users]
) -> None:
    """Neither while the database is away nor on a page that refuses something."""
    health = all_up()
    health.down("broker", "no connection to mqtt.inside.example:8883")
    fault = Fault("config.toml:12", "'inside' is no rule")
    health.config_refused([fault])
    for database in (away, house[0]):
        stranger = browser_of(create_app(database, with_login(config), health, now))
        for answer in (
            stranger.get("/login"),
            stranger.post("/login", content=b"x"),
            stranger.get("/i/x"),
            stranger.get("/readyz"),
            stranger.post("/logout", headers=CROSS),
        ):
            assert "inside" not in answer.text, answer.url
            assert f"fumewatch {__version__}" not in answer.text, answer.url


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (CROSS, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.com"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 303),
        ({"origin": "null"}, 303),
        ({}, 303),
    ],
)
def test_nobody_is_logged_in_as_somebody_else_by_another_site(
    app: FastAPI, house: tuple[Database, Users], headers: dict[str, str], status: int
) -> None:
    """With an invitation of the attacker's own. By http a browser says nothing of either."""
    with house[0].transaction() as conn:
        account = accounts.named(conn, "kan")
        assert account
        secret = accounts.invite(conn, account, "test", NOW)
    victim = browser_of(app)
    del victim.headers["sec-fetch-site"]
    form = {"password": PASSWORD, "again": PASSWORD}
    answer = victim.post(f"/i/{secret}", data=form, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (status, status == 303)


def test_a_screen_left_open_does_not_help_to_guess(
    app: FastAPI, as_role: Callable[..., TestClient]
) -> None:
    left = as_role(Role.ADMIN, "192.0.2.77")

    def change(old: str, new: str = "a new horse battery") -> int:
        form = {"now": old, "password": new, "again": new}
        return int(left.post("/account/password", data=form).status_code)

    assert [change("guess") for _ in range(FREE_TRIES)] == [422] * FREE_TRIES
    assert change(PASSWORD) == 429, "the right one is not looked at either"
    assert log_in(browser_of(app, "192.0.2.77"), "chen").status_code == 429
    assert log_in(browser_of(app, "192.0.2.78"), "chen").status_code == 303


def test_a_weak_new_password_is_no_wrong_old_one(as_role: Callable[..., TestClient]) -> None:
    own = as_role(Role.INSPECTOR, "192.0.2.79")
    form = {"now": PASSWORD, "password": "short", "again": "short"}
    answers = [own.post("/account/password", data=form) for _ in range(FREE_TRIES + 2)]
    assert {answer.status_code for answer in answers} == {422}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {}, 422),
        (b" " * (MOST_BYTES + 1), {}, 413),
        (iter([b"{}"]), {}, 411),
        (b"{}", {"content-length": "-1"}, 411),
        (b"{}", {"content-length": "\N{SUPERSCRIPT TWO}".encode()}, 411),
    ],
)
def test_an_endless_body_is_refused_before_it_is_read(
    app: FastAPI, house: tuple[Database, Users], body: Any, headers: dict[str, str], status: int
) -> None:
    program = browser_of(app, headers=bearer(house[1].tokens[Scope.ACT]))
    answer = program.post(ACTIONS, content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def address_of(server: Server) -> tuple[str, int]:
    return "127.0.0.1", int(server.url.rpartition(":")[2])


def test_as_many_as_there_may_be_are_all_answered(app: FastAPI) -> None:
    with Server(app, "127.0.0.1", 0, most=3, patience_s=15) as server:
        held = [socket.create_connection(address_of(server), timeout=15) for _ in range(3)]
        for one in held:
            one.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert one.recv(1000).startswith(b"HTTP/1.1 200")
        for one in held:
            one.close()


@pytest.mark.parametrize(
    "more",
    [b"G", b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n"
     b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"],
    ids=["a head", "a body"],
)  # fmt: skip
def test_who_was_answered_may_not_keep_us_waiting_for_the_rest_either(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    monkeypatch.setattr(server_module, "_BODY_PATIENCES", 1)
    with Server(app, "127.0.0.1", 0, patience_s=1) as server:
        asks = socket.create_connection(address_of(server), timeout=15)
        asks.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert asks.recv(1000).startswith(b"HTTP/1.1 200")
        asks.sendall(more)
        while asks.recv(1000):
            pass  # it is closed in the end, else this times out
        asks.close()


def test_who_holds_connections_open_holds_no_more_than_so_many(app: FastAPI) -> None:
    """And none for long. The rest of the daemon keeps its files."""
    with Server(app, "127.0.0.1", 0, most=3, patience_s=1) as server:
        address = address_of(server)
        held = [socket.create_connection(address, timeout=15) for _ in range(5)]
        for slow in held:
            try:
                slow.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
                assert slow.recv(1000) == b"", "it is closed, and nothing is said"
            except ConnectionError:
                pass
            slow.close()
        asks = socket.create_connection(address, timeout=15)
        asks.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert asks.recv(1000).startswith(b"HTTP/1.1 200")
        asks.close()


@pytest.mark.parametrize(
    ("proxies", "said", "believed"),
    [
        ((), "203.0.113.9", "127.0.0.1"),
        (("10.0.0.1",), "203.0.113.9", "127.0.0.1"),
        (("127.0.0.1",), "203.0.113.9", "203.0.113.9"),
        (("127.0.0.1",), "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (("127.0.0.1",), "a\x1b[2J<b>", "a [2J<b>"),
    ],
)
def test_only_a_proxy_that_is_known_says_who_asks(
    app: FastAPI, proxies: tuple[str, ...], said: str, believed: str
) -> None:
    """Of a chain what the proxy itself saw: whoever asks may have begun it."""
    with Server(app, "127.0.0.1", 0, proxies) as server, capture_logs() as logs:
        asking = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=15)
        asking.request("POST", "/login", headers=CROSS | {"X-Forwarded-For": said})
        assert asking.getresponse().status == 403
        asking.close()
    assert [log["address"] for log in logs if log["event"] == "foreign_form_refused"] == [believed]
