"""Whom a login counts against, behind a reverse proxy and without."""

from collections.abc import Iterator, Sequence

import httpx2
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from fumewatch.config import Config, WebSettings
from fumewatch.core.access import FREE_TRIES
from fumewatch.store import Database
from fumewatch.web import Server, create_app
from tests.web.accounts import PASSWORD, add_users, with_cheap_argon2, with_login
from tests.web.conftest import NOW, all_up, now

PROXIES = ("127.0.0.1", "10.0.0.0/24")
FORWARDED = [
    ((), "127.0.0.1"),
    (("203.0.113.9",), "203.0.113.9"),
    (("203.0.113.9:51234",), "203.0.113.9"),
    (("[2001:db8::1]:443",), "2001:db8::/64"),
    (("198.51.100.1, 203.0.113.9",), "203.0.113.9"),
    (("198.51.100.1", "203.0.113.9"), "203.0.113.9"),
    (("127.0.0.1, 203.0.113.9",), "203.0.113.9"),
    (("203.0.113.9, 10.0.0.7",), "203.0.113.9"),
    (("10.0.0.8, 203.0.113.9, 10.0.0.7",), "203.0.113.9"),
]
"""What the proxy at 127.0.0.1 sends, one header line each, and who it is: the last one whom a proxy
of ours has seen. What stands before it the stranger has written."""


@pytest.fixture
def cheap(database: Database) -> Iterator[None]:
    with with_cheap_argon2():
        add_users(database, NOW)
        yield


def running(database: Database, config: Config, proxies: Sequence[str]) -> Server:
    return Server(create_app(database, with_login(config), all_up(), now), "127.0.0.1", 0, proxies)


def log_in(url: str, lines: Sequence[str], password: str = PASSWORD) -> int:
    headers = [("sec-fetch-site", "same-origin"), *(("x-forwarded-for", line) for line in lines)]
    sent = {"name": "kan", "password": password}
    return httpx2.post(f"{url}/login", data=sent, headers=headers).status_code


def counted(database: Database) -> list[str]:
    with database.transaction() as conn:
        return [row[0] for row in conn.execute("delete from login_failure returning address")]


@pytest.mark.usefixtures("cheap")
def test_a_proxy_of_ours_says_who_it_is_and_a_stranger_does_not(
    database: Database, config: Config
) -> None:
    with running(database, config, PROXIES) as server, capture_logs() as logs:
        for lines, address in FORWARDED:
            assert log_in(server.url, lines, "x") == 401
            assert counted(database) == [address], lines
        for n in range(FREE_TRIES + 1):
            forged = (f"198.51.100.{n}, 203.0.113.9",)
            assert log_in(server.url, forged, "x") == (401 if n < FREE_TRIES else 429)
        assert log_in(server.url, ("203.0.113.10",)) == 303, "a stranger keeps out only himself"
    assert [one for one in logs if "trusted_proxies" in one["event"]] == []


@pytest.mark.usefixtures("cheap")
def test_a_proxy_that_is_not_ours_is_not_heard_and_told_of(
    database: Database, config: Config
) -> None:
    with running(database, config, ()) as server, capture_logs() as logs:
        for lines in (("203.0.113.9",), ("127.0.0.2, 203.0.113.9",), ()):
            assert log_in(server.url, lines, "x") == 401
        assert counted(database) == ["127.0.0.1"]
    (told,) = [one for one in logs if "trusted_proxies" in one["event"]]
    assert (told["log_level"], told["address"]) == ("warning", "127.0.0.1")


@pytest.mark.parametrize(
    ("proxy", "fault"),
    [
        ("10.0.0.7", ""),
        ("10.0.0.0/24", ""),
        ("fd00::/64", ""),
        ("*", "'*' is no address; write 10.0.0.7, or 10.0.0.0/24 for all of a network"),
        ("proxy.example.org", "is no address"),
        ("10.0.0.7/24", "is no address"),
        ("0.0.0.0/0", "'0.0.0.0/0' is everybody: then anyone says who they are"),
        ("::/0", "is everybody"),
    ],
)
def test_which_proxies_can_be_named(proxy: str, fault: str) -> None:
    if not fault:
        assert WebSettings(trusted_proxies=(proxy,)).trusted_proxies == (proxy,)
        return
    with pytest.raises(ValidationError) as raised:
        WebSettings(trusted_proxies=(proxy,))
    assert fault in str(raised.value)
