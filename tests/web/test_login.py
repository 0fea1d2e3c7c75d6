"""Who gets in, who does not, and what a login opens."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from fumewatch.config import Config, WebSettings
from fumewatch.core.access import FREE_TRIES, TRIES_OF_ALL, Permission, Role, Scope
from fumewatch.store import Database, accounts, passwords, sessions
from fumewatch.web import create_app, origin
from fumewatch.web.who import STRANGER
from tests.web.accounts import (
    METRICS_TOKEN,
    NAMES,
    PASSWORD,
    Users,
    add_users,
    bearer,
    browser_of,
    kept,
    let_in,
    log_in,
    with_cheap_argon2,
    with_login,
)
from tests.web.conftest import NOW, all_up

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


pytestmark = pytest.mark.usefixtures("cheap")


@pytest.fixture(scope="module")
def cheap() -> Iterator[None]:
    with with_cheap_argon2():
        yield


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def users(database: Database, cheap: None) -> Users:
    return add_users(database, NOW)


@pytest.fixture
def app(database: Database, users: Users, config: Config, clock: Clock) -> FastAPI:
    return create_app(database, with_login(config), all_up(), clock)


@pytest.fixture
def browser(app: FastAPI) -> TestClient:
    return browser_of(app)


@pytest.fixture
def as_role(app: FastAPI, database: Database, users: Users) -> Any:
    def as_role(role: Role) -> TestClient:
        client = browser_of(app)
        let_in(client, database, users.accounts[role], NOW)
        return client

    return as_role


# ── The gate ────────────────────────────────────────────────────────────────────────────────────

OPEN = {"/livez", "/readyz", "/login", "/logout", "/i/{secret}", "/static/{name}"}
"""Besides what a link opens, /l/..., which tests/web/test_links.py is of."""


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every route."""
    found = [r for router in app.routes for r in getattr(router, "routes", [router])]
    paths = [
        (method, route.path)
        for route in _flat(found)
        for method in sorted(route.methods - {"HEAD"})
    ]
    assert len(paths) > 50
    return paths


def _flat(found: list[Any]) -> Iterator[APIRoute]:
    for one in found:
        if isinstance(one, APIRoute):
            yield one
        elif original := getattr(one, "original_router", None):
            yield from _flat(original.routes)


def filled(path: str) -> str:
    some = {"{id}": "1", "{answer}": "note", "{what}": "unlock", "{name}": "x", "{token}": "x"}
    for name, value in some.items():
        path = path.replace(name, value)
    return path


def test_a_stranger_gets_through_no_door_that_is_not_meant_to_be_open(
    app: FastAPI, browser: TestClient
) -> None:
    for method, path in [*routes(app), ("GET", "/api/v1/openapi.json"), ("GET", "/nothing")]:
        if path in OPEN or path.startswith("/l/"):
            continue
        answer = browser.request(method, filled(path))
        if path.startswith(("/api/", "/metrics")):
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Authorization: Bearer" in answer.json()["detail"]
        elif path == "/alerts/stream":
            assert answer.text == "event: reset\ndata: {}\n\n", "the page loads itself anew"
        else:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login"), path


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        (Scope.READ, "/api/v1/alerts", 200),
        (Scope.READ, "/api/v1/openapi.json", 200),
        (Scope.READ, "/metrics", 403),
        (Scope.ACT, "/api/v1/alerts", 200),
        (Scope.METRICS, "/api/v1/alerts", 403),
        (Scope.METRICS, "/metrics", 200),
        ("static", "/metrics", 200),
        ("static", "/api/v1/alerts", 403),
        ("wrong", "/metrics", 401),
        ("wrong", "/api/v1/alerts", 401),
        ("", "/api/v1/alerts", 401),
    ],
)
def test_what_a_token_opens(
    browser: TestClient, users: Users, token: Scope | str, path: str, status: int
) -> None:
    secret = METRICS_TOKEN if token == "static" else users.tokens.get(token, token)  # type: ignore[arg-type]
    assert browser.get(path, headers=bearer(secret)).status_code == status


def test_a_wrong_token_is_not_helped_by_a_good_cookie(as_role: Any) -> None:
    admin = as_role(Role.ADMIN)
    assert admin.get("/api/v1/alerts").status_code == 200
    assert admin.get("/api/v1/alerts", headers=bearer("x")).status_code == 401


def test_strangers_learn_no_more_than_whether_it_is_ready(
    browser: TestClient, as_role: Any
) -> None:
    assert browser.get("/livez").json() == {"status": "alive"}
    assert browser.get("/readyz").json() == {"ready": True, "parts": {}}
    assert set(as_role(Role.VIEWER).get("/readyz").json()["parts"]) == {
        *("broker", "database", "ingest")
    }
    page = browser.get("/login").text
    assert "fumewatch 0" not in page, "no version"
    assert "/fleet" not in page


def test_without_a_login_everybody_reads_and_nobody_acts(
    database: Database, users: Users, config: Config, clock: Clock
) -> None:
    app = create_app(database, config, all_up(), clock)
    stranger, admin = browser_of(app), browser_of(app)
    let_in(admin, database, users.accounts[Role.ADMIN], NOW)
    assert stranger.get("/status").status_code == 200
    assert stranger.get("/metrics").status_code == 200
    assert stranger.get("/users").status_code == 403
    assert stranger.post("/silences").headers["location"] == "/login"
    assert admin.get("/users").status_code == 200


def test_opening_up_takes_a_restart_and_closing_does_not(
    database: Database, users: Users, config: Config, clock: Clock
) -> None:
    app = create_app(database, with_login(config), all_up(), clock)
    app.state.context.use(config)
    assert browser_of(app).get("/status").status_code == 303
    app = create_app(database, config, all_up(), clock)
    app.state.context.use(with_login(config))
    assert browser_of(app).get("/status").status_code == 303


# ── Logging in and out ──────────────────────────────────────────────────────────────────────────


def test_a_login_opens_the_page_that_was_asked_for(
    browser: TestClient, database: Database, users: Users
) -> None:
    sent = browser.get("/fleet?street=华泾镇")
    assert (
        sent.headers["location"]
        == "/login?next=%2Ffleet%3Fstreet%3D%25E5%258D%258E%25E6%25B3%25BE%25E9%2595%2587"
    )
    page = browser.get(sent.headers["location"]).text
    assert 'name="next" value="/fleet?street=%E5%8D%8E%E6%B3%BE%E9%95%87"' in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    done = log_in(browser, " ZhangSan ", to="/fleet?street=%E5%8D%8E")
    assert (done.status_code, done.headers["location"]) == (303, "/fleet?street=%E5%8D%8E")
    assert done.headers["cache-control"] == "no-store"
    (cookie,) = done.headers.get_list("set-cookie")
    name, _, value = cookie.split(";")[0].partition("=")
    assert (name, len(value)) == ("fumewatch", 43)
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        *("HttpOnly", "Max-Age=604800", "Path=/", "SameSite=lax")
    }
    shown = browser.get("/fleet")
    assert shown.status_code == 200
    assert "张三 (zhangsan)" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert browser.get("/login?next=/status").headers["location"] == "/status", "is in already"
    with database.transaction() as conn:
        (row,) = sessions.of_account(conn, users.accounts[Role.INSPECTOR].id, 9)
        assert row.hash == passwords.digest(value) != value.encode()
        assert (row.address, row.agent) == ("192.0.2.1", "testclient")


def test_by_https_the_cookie_is_of_this_host_alone_and_the_site_is_https_for_good(
    database: Database, users: Users, config: Config, clock: Clock
) -> None:
    secure = with_login(config, "https://fume.example.org")
    app = create_app(database, secure, all_up(), clock)
    phone = browser_of(app, host="https://fume.example.org")
    done = log_in(phone, "kan")
    cookie = done.headers["set-cookie"]
    assert cookie.startswith("__Host-fumewatch=")
    assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert done.headers["strict-transport-security"] == "max-age=31536000"
    assert phone.get("/status").status_code == 200
    assert browser_of(app).get("/login").status_code == 200


@pytest.mark.parametrize("to", ["//evil.com", "/\\evil.com", "https://evil.com", "/logout", ""])
def test_a_login_leads_to_no_other_site(browser: TestClient, to: str) -> None:
    assert log_in(browser, "kan", to=to).headers["location"] == "/"


def test_whoever_is_not_let_in_learns_nothing(app: FastAPI, database: Database) -> None:
    with database.transaction() as conn:
        off = accounts.add(conn, "off", Role.ADMIN, "test", NOW)
        accounts.choose(conn, off, kept(), "test", NOW)
        accounts.disable(conn, off, "test", NOW)
        accounts.add(conn, "invited", Role.ADMIN, "test", NOW)
    pairs = [
        *(("kan", "wrong horse battery"), ("nobody", PASSWORD), ("kan", ""), ("", "")),
        *(("ka\0n", PASSWORD), ("张三", PASSWORD), ("kan' or 1=1 --", PASSWORD)),
        *(("k" * 5000, PASSWORD), ("kan", PASSWORD + "x" * 8000)),
        *(("off", PASSWORD), ("invited", PASSWORD), ("<script>alert(1)</script>", PASSWORD)),
    ]
    for n, (name, password) in enumerate(pairs):
        browser = browser_of(app, f"192.0.2.{n}")
        answer = log_in(browser, name, password)
        assert answer.status_code == 401, name
        assert "Name or password is wrong." in answer.text
        assert "set-cookie" not in answer.headers
        assert "<script>alert" not in answer.text
        assert PASSWORD not in answer.text
        assert browser.get("/status").status_code == 303


def test_a_name_that_nobody_has_takes_the_same_work(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not measured in seconds: each is one verification, against a hash of equal parameters."""
    seen: list[str] = []
    argon2 = passwords._argon2()

    class Counting:
        def verify_and_update(self, password: str, kept: str) -> tuple[bool, str | None]:
            seen.append(kept.rpartition("$")[0].rpartition("$")[0])
            return argon2.verify_and_update(password, kept)

    passwords._of_nobody()
    monkeypatch.setattr(passwords, "_argon2", Counting)
    for name in ("kan", "nobody"):
        log_in(browser, name, "wrong horse battery")
    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert seen[0].startswith("$argon2id$")


def test_after_logging_out_nothing_opens(browser: TestClient, app: FastAPI) -> None:
    log_in(browser, "kan")
    stolen = browser_of(app)
    stolen.cookies.set("fumewatch", browser.cookies["fumewatch"])
    assert browser.get("/logout").headers["location"] == "/", "a GET ends nothing"
    assert stolen.get("/status").status_code == 200
    out = browser.post("/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert "fumewatch" not in browser.cookies
    assert stolen.get("/status").status_code == 303


def test_each_login_has_a_cookie_of_its_own_and_ends_the_one_before(
    browser: TestClient, app: FastAPI
) -> None:
    browser.cookies.set("fumewatch", "planted by somebody else")
    log_in(browser, "kan")
    first = browser.cookies.get("fumewatch", domain="127.0.0.1", path="/")
    assert first != "planted by somebody else"
    old = browser_of(app)
    old.cookies.set("fumewatch", first or "")
    again = browser_of(app, headers={"cookie": f"fumewatch={first}"})
    log_in(again, "kan")
    assert old.get("/status").status_code == 303


@pytest.mark.parametrize(
    ("steps", "is_in"),
    [
        ([11 * HOUR, 11 * HOUR, 11 * HOUR], True),
        ([12 * HOUR], False),
        ([11 * HOUR] * 15, True),
        ([11 * HOUR] * 16, False),
    ],
)
def test_a_login_ends_by_itself(
    as_role: Any, clock: Clock, steps: list[timedelta], is_in: bool
) -> None:
    viewer = as_role(Role.VIEWER)
    for step in steps:
        clock.now += step
        status = viewer.get("/account").status_code
    assert status == (200 if is_in else 303)


@pytest.mark.parametrize("what", ["disable", "role", "password", "sessions"])
def test_a_login_ends_with_what_it_rested_on(
    as_role: Any, database: Database, users: Users, what: str
) -> None:
    viewer, account = as_role(Role.VIEWER), users.accounts[Role.VIEWER]
    assert viewer.get("/account").status_code == 200
    with database.transaction() as conn:
        match what:
            case "disable":
                accounts.disable(conn, account, "boss", NOW)
            case "role":
                accounts.set_role(conn, account, Role.ADMIN, "boss", NOW)
            case "password":
                accounts.choose(conn, account, passwords.hashed("another horse"), "boss", NOW)
            case _:
                accounts.end_sessions(conn, account, NOW)
    assert viewer.get("/account").status_code == 303


def test_the_first_user_is_made_by_command(
    database: Database, config: Config, clock: Clock
) -> None:
    page = browser_of(create_app(database, with_login(config), all_up(), clock)).get("/login")
    assert "fumewatch user add NAME --role admin" in page.text


# ── Guessing ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["kan", "nobody"])
def test_guesses_are_kept_waiting_longer_and_longer(
    browser: TestClient, app: FastAPI, clock: Clock, name: str
) -> None:
    assert [log_in(browser, name, "x").status_code for _ in range(FREE_TRIES)] == [401] * 5
    kept = log_in(browser, name)
    assert (kept.status_code, kept.headers["retry-after"]) == (429, "10")
    assert "Try again in 10 s" in kept.text
    clock.now += 10 * SECOND
    assert log_in(browser, name, "x").status_code == 401
    assert log_in(browser, name).headers["retry-after"] == "20", "the right one is not looked at"
    elsewhere = browser_of(app, "192.0.2.99")
    assert log_in(elsewhere, name).status_code == (303 if name == "kan" else 401)
    clock.now += 2 * HOUR
    assert log_in(browser, name).status_code == (303 if name == "kan" else 401)


def test_a_good_login_forgets_the_bad_ones_before(browser: TestClient) -> None:
    for _ in range(2):
        assert [log_in(browser, "kan", "x").status_code for _ in range(4)] == [401] * 4
        assert log_in(browser, "kan").status_code == 303


def test_of_guesses_sent_at_once_no_more_are_looked_at_than_one_by_one(
    database: Database, users: Users, config: Config, clock: Clock, database_url: str
) -> None:
    """To four daemons, two each. All are on their way before any could be counted: the table is
    held until every one waits."""
    looked_at: list[str] = []
    verified = passwords.verified

    def counting(password: str, kept: str | None) -> tuple[bool, str | None]:
        looked_at.append(password)
        return verified(password, kept)

    apps = [create_app(database, with_login(config), all_up(), clock) for _ in range(4)]
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(database_url) as holding,
        ThreadPoolExecutor(8) as pool,
    ):
        patch.setattr(passwords, "verified", counting)
        holding.execute("lock table login_failure in exclusive mode")
        tries = [pool.submit(log_in, browser_of(app), "kan", "x") for app in apps * 2]
        waits = "select count(*) from pg_locks where not granted and database = %s"
        (oid,) = holding.execute("select oid from pg_database where datname = current_database()")
        while holding.execute(waits, oid).fetchall() != [(8,)]:
            assert not any(each.done() for each in tries)
            time.sleep(0.01)
        holding.rollback()
        answers = sorted(each.result().status_code for each in tries)
    assert answers == [401] * FREE_TRIES + [429] * (8 - FREE_TRIES)
    assert len(looked_at) == FREE_TRIES


def test_guesses_from_everywhere_do_not_keep_the_owner_out(
    app: FastAPI, database: Database, users: Users
) -> None:
    home = browser_of(app, "198.51.100.7")
    assert log_in(home, "kan").status_code == 303
    with database.transaction() as conn:
        for n in range(TRIES_OF_ALL):
            sessions.count_failure(conn, "kan", f"203.0.113.{n}", NOW)
    stranger = log_in(browser_of(app, "203.0.113.200"), "kan", "x")
    assert (stranger.status_code, stranger.headers["retry-after"]) == (429, "30")
    assert log_in(browser_of(app, "198.51.100.7"), "kan").status_code == 303
    assert log_in(browser_of(app, "203.0.113.200"), "chen").status_code == 303, "another name"


def test_an_address_has_so_many_logins(browser: TestClient, app: FastAPI, clock: Clock) -> None:
    """Refused before the form is read: no password is looked at."""
    answers = [browser.post("/login", content=b"", headers={}).status_code for _ in range(31)]
    assert answers == [400] * 30 + [429]
    assert log_in(browser_of(app, "192.0.2.99"), "kan").status_code == 303
    clock.now += 10 * SECOND
    assert log_in(browser, "kan").status_code == 303


def test_a_crowd_takes_two_processors_and_the_rest_is_sent_away(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten are looked at, two at a time; the memory of any more is never asked for."""
    hold, lock = threading.Event(), threading.Lock()
    at_once, most = 0, 0

    def slow(password: str, kept: str | None) -> tuple[bool, None]:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        assert hold.wait(20)
        with lock:
            at_once -= 1
        return False, None

    monkeypatch.setattr(passwords, "verified", slow)
    answers: list[int] = []

    def one(n: int, client: TestClient) -> None:
        answers.append(log_in(client, f"user{n}").status_code)
        if answers.count(429) == 5:
            hold.set()

    with browser_of(app) as client:  # one event loop for all
        threads = [threading.Thread(target=one, args=(n, client)) for n in range(15)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(answers) == [401] * 10 + [429] * 5
    assert most == 2


def test_who_asks_too_much_is_told_to_wait(app: FastAPI, clock: Clock, users: Users) -> None:
    program = browser_of(app, headers=bearer(users.tokens[Scope.METRICS]))
    answers = [program.get("/api/v1/counts").status_code for _ in range(301)]
    assert (answers[0], answers[299], answers[300]) == (403, 403, 429)
    too_often = program.get("/api/v1/counts")
    assert too_often.headers["content-type"] == "application/problem+json"
    assert too_often.headers["retry-after"] == "10"
    other = browser_of(app, "192.0.2.99", headers=bearer(users.tokens[Scope.READ]))
    assert other.get("/api/v1/counts").status_code == 200
    assert program.get("/livez").status_code == 200
    clock.now += 10 * SECOND
    assert program.get("/api/v1/counts").status_code == 403


# ── Other sites ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.com"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://fume.example.org"}, False),
        ({"origin": "https://fume.example.org"}, True),
        ({"origin": "https://FUME.example.org:443"}, True),
        ({"origin": "http://fume.example.org"}, False),
        ({"origin": "http://127.0.0.1:8080"}, True),
        ({"origin": "http://127.0.0.1:8081"}, False),
        ({"origin": "https://fume.example.org.evil.com"}, False),
        ({"origin": "https://evil.com"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://[bad"}, False),
        ({"referer": "https://fume.example.org/"}, False),
        ({}, False),
    ],
)
def test_which_forms_are_of_our_own_pages(headers: dict[str, str], is_own: bool) -> None:
    """Behind a proxy that asks us as 127.0.0.1:8080, for people who know us as public_url."""
    web = WebSettings(public_url="https://fume.example.org")
    asked = {"host": "127.0.0.1:8080"} | headers
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert origin.is_own(method, asked, web) is is_own
    assert origin.is_own("GET", asked, web)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("fume.example.org", True),
        ("fume.example.org:443", True),
        ("127.0.0.1:8080", True),
        ("localhost:1234", True),
        ("[::1]:8080", True),
        ("10.1.2.3", True),
        ("evil.com", False),
        ("fume.example.org.evil.com", False),
        ("evil.com#fume.example.org", False),
        ("user@fume.example.org", False),
        ("fume.example.org:x", False),
        ("[", False),
    ],
)
def test_which_names_are_ours(host: str, is_ours: bool) -> None:
    web = WebSettings(public_url="https://fume.example.org")
    assert origin.is_our_name(host, web) is is_ours


def test_another_name_that_leads_here_opens_nothing(as_role: Any) -> None:
    admin, evil = as_role(Role.ADMIN), {"host": "evil.com"}
    for path in ("/", "/login", "/api/v1/alerts", "/readyz?"):
        assert admin.get(path, headers=evil).status_code == (200 if "readyz" in path else 421)
    assert admin.get("/metrics", headers=evil | bearer(METRICS_TOKEN)).status_code == 200
    assert admin.get("/livez", headers=evil).status_code == 200


def test_what_is_behind_the_login_is_kept_by_nobody(as_role: Any) -> None:
    admin = as_role(Role.ADMIN)
    for path in ("/", "/status", "/users", "/account", "/api/v1/alerts", "/nothing", "/login"):
        headers = admin.get(path).headers
        assert headers["cache-control"] == "no-store", path
        assert "unsafe" not in headers["content-security-policy"], path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers, "by http it would be noise"
    assert admin.get("/static/base.css").headers["cache-control"] == "no-cache"


def test_strangers_are_nobody() -> None:
    assert not any(STRANGER.may(permission) for permission in Permission)
    assert not STRANGER.may_act
    assert NAMES.keys() == set(Role)
