"""Who may do what; how long a failed login keeps somebody waiting; where a login leads."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.access import (
    FORGOTTEN_AFTER,
    FREE_TRIES,
    LONGEST_WAIT,
    TRIES_OF_ALL,
    WAIT_OF_ALL,
    Failures,
    Permission,
    Role,
    Scope,
    Terms,
    Weak,
    account_name,
    address_key,
    holds,
    of_role,
    of_scopes,
    own_path,
    wait_of,
    weakness,
)

NOW = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
NONE = timedelta(0)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (of_role(Role.VIEWER), {"read"}),
        (of_role(Role.INSPECTOR), {"read", "act"}),
        (of_role(Role.ADMIN), {"read", "act", "administer", "metrics"}),
        (of_scopes(frozenset({Scope.READ})), {"read"}),
        (of_scopes(frozenset({Scope.ACT})), {"read", "act"}),
        (of_scopes(frozenset({Scope.METRICS})), {"metrics"}),
        (of_scopes(frozenset({Scope.METRICS, Scope.READ})), {"metrics", "read"}),
        (of_scopes(frozenset()), set()),
    ],
)
def test_who_may_do_what(who: frozenset[Permission], may: set[str]) -> None:
    assert who == may


@pytest.mark.parametrize(
    ("created", "seen", "is_good"),
    [
        (NONE, NONE, True),
        (6 * DAY, 11 * HOUR, True),
        (6 * DAY, 12 * HOUR, False),
        (7 * DAY, NONE, False),
        (7 * DAY - SECOND, SECOND, True),
    ],
)
def test_until_when_a_session_holds(created: timedelta, seen: timedelta, is_good: bool) -> None:
    terms = Terms(idle=12 * HOUR, longest=7 * DAY)
    assert holds(NOW - created, NOW - seen, terms, NOW) is is_good


@pytest.mark.parametrize(
    ("here", "ago", "wait_s"),
    [
        (0, 0, 0),
        (FREE_TRIES - 1, 0, 0),
        (FREE_TRIES, 0, 10),
        (FREE_TRIES, 4, 6),
        (FREE_TRIES, 10, 0),
        (FREE_TRIES + 1, 0, 20),
        (FREE_TRIES + 3, 0, 80),
        (FREE_TRIES + 50, 0, 900),
        (10**9, 3600, 0),
    ],
)
def test_each_wrong_password_doubles_the_wait(here: int, ago: int, wait_s: int) -> None:
    failures = Failures(here=here, here_last=NOW - ago * SECOND)
    assert wait_of(failures, NOW) == wait_s * SECOND


@pytest.mark.parametrize(
    ("everywhere", "is_known", "wait"),
    [
        (TRIES_OF_ALL - 1, False, NONE),
        (TRIES_OF_ALL, False, WAIT_OF_ALL),
        (10**6, False, WAIT_OF_ALL),
        (10**6, True, NONE),
    ],
)
def test_who_tries_from_everywhere_slows_strangers_and_not_the_owner(
    everywhere: int, is_known: bool, wait: timedelta
) -> None:
    failures = Failures(everywhere=everywhere, everywhere_last=NOW, is_known=is_known)
    assert wait_of(failures, NOW) == wait


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(-100, 10**5),
    st.booleans(),
)
def test_nobody_waits_for_ever(here: int, everywhere: int, ago: int, is_known: bool) -> None:
    at = NOW - ago * SECOND
    failures = Failures(here, at, everywhere, at, is_known)
    wait = wait_of(failures, NOW)
    assert NONE <= wait <= LONGEST_WAIT + 100 * SECOND
    assert wait_of(failures, at + FORGOTTEN_AFTER) == NONE


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("correct horse", None),
        ("长江黄河珠江淮河海河松", None),
        ("short", Weak.SHORT),
        ("x" * 201, Weak.LONG),
        ("zhangsan01", Weak.NAME),
        ("ZhangSan2026", Weak.NAME),
        ("zhangsanzhangsan", Weak.NAME),
        ("zhangsan and his horse", None),
        ("1234567890", Weak.COMMON),
        ("QWERTYUIOP", Weak.COMMON),
        ("aaaaaaaaaaaa", Weak.MONOTONOUS),
        ("121212121212", Weak.MONOTONOUS),
    ],
)
def test_what_is_no_password(password: str, why: Weak | None) -> None:
    assert weakness(password, "zhangsan", "张三") == why


@pytest.mark.parametrize(
    ("text", "name"),
    [("zhangsan", "zhangsan"), (" ZhangSan ", "zhangsan"), ("li.si-2_x", "li.si-2_x")],
)
def test_a_name_is_kept_in_small_letters(text: str, name: str) -> None:
    assert account_name(text) == name


@pytest.mark.parametrize("text", ["", " ", "..", "张三", "a b", "a@b", "a" * 33, "a\0", "a/b"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        account_name(text)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("no\naddress", "no address"),
        ("", ""),
    ],
)
def test_one_address_is_one_key(address: str, key: str) -> None:
    assert address_key(address) == key


@pytest.mark.parametrize(
    "path", ["/", "/alerts/1?done=x#y", "/fleet?street=%E5%8D%8E&q=a", "/users", "/..//evil.com"]
)
def test_a_login_leads_to_the_page_that_was_asked_for(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "//evil.com",
        "/\\evil.com",
        "\\\\evil.com",
        "https://evil.com",
        "javascript:alert(1)",
        "/\t/evil.com",
        "/\n/evil.com",
        " //evil.com",
        "evil.com",
        "/张",
        "/login?next=/",
        "/logout",
        "/l/token",
        "/i/secret",
        "/api/v1/alerts",
        "/" * 2000,
    ],
)
def test_and_to_nowhere_else(text: str) -> None:
    assert own_path(text) == "/"


@given(st.text("/\\.:@#?%\t\n e", max_size=12) | st.text(max_size=20))
def test_a_login_never_leads_to_another_site(text: str) -> None:
    led = urlsplit(urljoin("https://fume.example.org/login", own_path(text)))
    assert (led.scheme, led.netloc) == ("https", "fume.example.org")
