"""Every route beside every role and every token: who gets in, who does not.

The routes are the application's own: one that is not in the table fails.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.core.access import Role, Scope
from fumewatch.store import Database
from fumewatch.web import create_app
from tests.fixtures.database import Servers
from tests.web.accounts import (
    METRICS_TOKEN,
    Users,
    add_users,
    bearer,
    browser_of,
    let_in,
    with_cheap_argon2,
    with_login,
)
from tests.web.conftest import NOW, all_up, migrated, now

STRANGER, METRICS_KEY = "stranger", "metrics_token"
EVERYBODY: Final = (STRANGER, *Role, *Scope, METRICS_KEY)
OPENS_TO: Final[dict[str, set[str]]] = {
    "all": set(EVERYBODY),
    "who has the key": set(EVERYBODY),  # in the address; anything else is not found
    "read": {*Role, Scope.READ, Scope.ACT},
    "user": set(Role),
    "act": {Role.INSPECTOR, Role.ADMIN, Scope.ACT},
    "inspector": {Role.INSPECTOR, Role.ADMIN},
    "admin": {Role.ADMIN},
    "metrics": {Role.ADMIN, Scope.METRICS, METRICS_KEY},
}
DOORS: Final = {
    "GET /livez": "all",
    "GET /readyz": "all",
    "GET /metrics": "metrics",
    "GET /static/{name}": "all",
    "GET /login": "all",
    "POST /login": "all",
    "GET /logout": "all",
    "POST /logout": "all",
    "GET /i/{secret}": "who has the key",
    "POST /i/{secret}": "who has the key",
    "GET /l/{token}": "who has the key",
    "GET /l/{token}/readings": "who has the key",
    "GET /l/{token}/photos/{id}": "who has the key",
    "GET /l/{token}/{answer}": "who has the key",
    "POST /l/{token}/{answer}": "who has the key",
    "GET /": "read",
    "GET /alerts/stream": "read",
    "GET /alerts/{id}": "read",
    "GET /alerts/{id}/{answer}": "read",
    "POST /alerts/{id}/{answer}": "inspector",
    "GET /photos/{id}": "read",
    "GET /sites/{id}": "read",
    "GET /monitors/{id}": "read",
    "GET /fleet": "read",
    "GET /status": "read",
    "GET /dead-letters": "read",
    "GET /delivery": "read",
    "POST /delivery/retry": "admin",
    "GET /silences": "read",
    "POST /silences": "admin",
    "POST /silences/{id}/end": "admin",
    "GET /users": "admin",
    "POST /users": "admin",
    "POST /users/{id}/{what}": "admin",
    "GET /users/{id}/{what}": "admin",
    "GET /account": "user",
    "POST /account/password": "user",
    "GET /account/password": "read",
    "POST /account/sessions/others": "user",
    "POST /account/sessions/{id}/end": "user",
    "GET /api/v1/openapi.json": "read",
    "GET /api/v1/alerts": "read",
    "GET /api/v1/alerts/stream": "read",
    "GET /api/v1/alerts/{id}": "read",
    "POST /api/v1/alerts/{id}/actions": "act",
    "GET /api/v1/counts": "read",
    "GET /api/v1/fleet": "read",
    "GET /api/v1/monitors": "read",
    "GET /api/v1/monitors/{id}": "read",
    "GET /api/v1/monitors/{id}/device": "read",
    "GET /api/v1/monitors/{id}/readings": "read",
    "GET /api/v1/sites": "read",
    "GET /api/v1/sites/{id}": "read",
    "GET /api/v1/dead-letters": "read",
    "GET /api/v1/delivery": "read",
    "GET /api/v1/silences": "read",
}
_SOME: Final = {"{answer}": "note", "{what}": "unlock", "{name}": "x", "{token}": "x"}
_TO_EACH_OTHER: Final = ("GET /login", "GET /logout", "POST /logout")
"""They lead from one to the other, and end what the rest is asked with."""
_UUID: Final = "00000000-0000-5000-8000-000000000000"


@pytest.fixture(scope="module")
def house(servers: Servers) -> Iterator[tuple[Database, Users]]:
    """With one of each; what is done behind the doors leaves them as they are."""
    with with_cheap_argon2():
        for database in migrated(servers, "doors"):
            yield database, add_users(database, NOW)


@pytest.fixture
def app(house: tuple[Database, Users], config: Config) -> FastAPI:
    return create_app(house[0], with_login(config), all_up(), now)


@pytest.fixture
def enter(app: FastAPI, house: tuple[Database, Users]) -> Callable[[str], TestClient]:
    """One of EVERYBODY, from an address of their own."""
    database, users = house
    tokens = {**users.tokens, METRICS_KEY: METRICS_TOKEN}

    def enter(who: str) -> TestClient:
        address = f"192.0.2.{EVERYBODY.index(who)}"
        if who in tokens:
            return browser_of(app, address, headers=bearer(tokens[who]))
        client = browser_of(app, address)
        if isinstance(who, Role):
            let_in(client, database, users.accounts[who], NOW)
        return client

    return enter


def doors(app: FastAPI) -> set[str]:
    """GET /path of every route."""
    found = {
        f"{method} {route.path}"
        for route in flat(app.routes)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert len(found) > 50
    return found


def flat(found: list[Any]) -> Iterator[Any]:
    for one in found:
        if router := getattr(one, "original_router", None):
            yield from flat(router.routes)
        else:
            assert isinstance(one, APIRoute) or one.path == "/api/v1/openapi.json", one
            yield one


def ask(client: TestClient, door: str, **more: Any) -> Any:
    method, _, path = door.partition(" ")
    for name, value in _SOME.items():
        path = path.replace(name, value)
    path = path.replace("{id}", _UUID if "alerts" in path or "photos" in path else "999999")
    path = path.replace("{secret}", "x")
    return client.request(method, path + ("?after=x" if "stream" in path else ""), **more)


def is_let_in(answer: Any) -> bool:
    """As far as the door: that there is nothing behind it, or that a form is empty, comes later."""
    if answer.text == "event: reset\ndata: {}\n\n":
        return False  # the page that listens is told to load anew: to the login
    return answer.status_code not in (401, 403) and not answer.headers.get(
        "location", ""
    ).startswith("/login")


def test_every_door_is_in_the_table(app: FastAPI) -> None:
    assert doors(app) == set(DOORS)


@pytest.mark.parametrize("who", EVERYBODY)
def test_who_gets_through_which_door(enter: Callable[[str], TestClient], who: str) -> None:
    client = enter(who)
    asked = [door for door in DOORS if door not in _TO_EACH_OTHER]
    let = {door for door in asked if is_let_in(ask(client, door))}
    assert let == {door for door in asked if who in OPENS_TO[DOORS[door]]}


def test_no_door_with_a_key_opens_to_another(enter: Callable[[str], TestClient]) -> None:
    """Not even to who administers."""
    for who in (STRANGER, Role.ADMIN):
        for door in (door for door, opens_to in DOORS.items() if opens_to == "who has the key"):
            assert ask(enter(who), door, data={"password": "x"}).status_code == 404, door


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "null"}, {}],
)
def test_no_form_of_another_site_does_anything(
    enter: Callable[[str], TestClient], headers: dict[str, str]
) -> None:
    """The cookie is the administrator's own. Links are keys themselves: nobody else knows them."""
    admin = enter(Role.ADMIN)
    del admin.headers["sec-fetch-site"]
    for door in DOORS:
        if door.startswith("POST /") and not door.startswith(("POST /l/", "POST /i/")):
            assert ask(admin, door, headers=headers).status_code == 403, door
    assert admin.get("/account").status_code == 200, "and nobody is logged out"
