"""Who may do what, until when a session holds, how long a failed login keeps somebody waiting."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fumewatch.core.phrases import one_line

SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 200
LONGEST_NAME: Final = 32
LONGEST_DISPLAY: Final = 24
"""With the name in brackets behind it, as long as the name of who acts may be."""

FREE_TRIES: Final = 5
"""From one address; those beyond are kept waiting, each twice as long as the one before."""
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=15)
TRIES_OF_ALL: Final = 30
"""Of one name from all addresses together; beyond, a stranger's address waits a while."""
WAIT_OF_ALL: Final = timedelta(seconds=30)
FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""Without another failure, failures count no more."""


class Role(StrEnum):
    """Of an account. Each may do what the one before it may."""

    VIEWER = "viewer"
    INSPECTOR = "inspector"
    ADMIN = "admin"


class Scope(StrEnum):
    """Of a token."""

    READ = "read"
    ACT = "act"
    METRICS = "metrics"


class Permission(StrEnum):
    """`act`: answer alerts. `administer`: silences, deliveries, users."""

    READ = "read"
    ACT = "act"
    ADMINISTER = "administer"
    METRICS = "metrics"


class Change(StrEnum):
    """What is done to accounts and tokens."""

    ADDED = "added"
    INVITED = "invited"
    CHOSEN = "password changed"
    ROLE = "role changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    UNLOCKED = "unlocked"
    SESSIONS_ENDED = "sessions ended"
    ISSUED = "token added"
    REVOKED = "token revoked"


_OF_ROLES: Final = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.INSPECTOR: frozenset({Permission.READ, Permission.ACT}),
    Role.ADMIN: frozenset(Permission),
}
_OF_SCOPES: Final = {
    Scope.READ: frozenset({Permission.READ}),
    Scope.ACT: frozenset({Permission.READ, Permission.ACT}),
    Scope.METRICS: frozenset({Permission.METRICS}),
}


def of_role(role: Role) -> frozenset[Permission]:
    return _OF_ROLES[role]


def of_scopes(scopes: frozenset[Scope]) -> frozenset[Permission]:
    return frozenset().union(*(_OF_SCOPES[scope] for scope in scopes))


# ── Sessions ──


@dataclass(frozen=True, slots=True)
class Terms:
    """Of sessions: how long one holds unused, and at most."""

    idle: timedelta
    longest: timedelta


def holds(created_at: datetime, seen_at: datetime, terms: Terms, now: datetime) -> bool:
    """Whether a session that was not ended still opens the pages."""
    return now < until(created_at, seen_at, terms)


def until(created_at: datetime, seen_at: datetime, terms: Terms) -> datetime:
    """When it ends by itself, unless it is used."""
    return min(created_at + terms.longest, seen_at + terms.idle)


# ── Failed logins ──


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed logins of one name since the last good one, from one address and from all of them.

    `is_known`: the account was in use from this address before.
    """

    here: int = 0
    here_last: datetime | None = None
    everywhere: int = 0
    everywhere_last: datetime | None = None
    is_known: bool = False


def wait_of(failures: Failures, now: datetime) -> timedelta:
    """How long until another try is looked at; none: at once.

    Whoever knows only a name can keep its owner waiting for WAIT_OF_ALL at most, and at an address
    where the owner has logged in before not at all.
    """
    waits = [_left(failures.here_last, _wait_here(failures.here), now)]
    if failures.everywhere >= TRIES_OF_ALL and not failures.is_known:
        waits.append(_left(failures.everywhere_last, WAIT_OF_ALL, now))
    return max(waits)


def _wait_here(count: int) -> timedelta:
    if count < FREE_TRIES:
        return timedelta(0)
    doubled = min(count - FREE_TRIES, 10)
    return min(FIRST_WAIT * (1 << doubled), LONGEST_WAIT)


def _left(last: datetime | None, wait: timedelta, now: datetime) -> timedelta:
    if last is None or now - last >= FORGOTTEN_AFTER:
        return timedelta(0)
    return max(timedelta(0), last + wait - now)


def address_key(address: str) -> str:
    """Of an IPv6 address the /64: whoever has one has all of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return one_line(address, 64)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


# ── Names and passwords ──


class Weak(StrEnum):
    """Why a password is not taken."""

    SHORT = "password too short"
    LONG = "password too long"
    NAME = "password is the name"
    COMMON = "password too common"
    MONOTONOUS = "password of too few characters"


_FIRST_TRIED: Final = """
1234567890 0123456789 0987654321 9876543210 12345678910 123456789a a123456789 1234567891
123456789q q123456789 123123123123 1122334455 1231231231 147258369 1472583690 741852963
789456123 7894561230 1qaz2wsx3edc 1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4t5 qwertyuiop qwerty12345
qwerty1234 qwerty123456 qwertyuiop123 asdfghjkl asdfghjkl123 zxcvbnm123 password12 password123
password1234 password12345 passw0rd123 p@ssw0rd123 p@ssword123 password@123 administrator
admin12345 admin123456 admin@1234 admin@12345 administrator1 iloveyou123 woaini1314
woaini1314520 5201314520 1314520520 woaini520 woaini123456 abc1234567 abcd123456 abcde12345
abc123456789 abcd1234567 aa123456789 aa12345678 letmein123 letmein1234 welcome123 welcome1234
welcome@123 changeme123 changeme1234 football123 baseball123 princess123 sunshine123 superman123
dragon12345 monkey12345 master12345 shadow12345 michael123 computer123 internet123 test123456
test12345678 guest12345 user123456 root123456 root12345678 toor123456 linux123456 huawei@123
huawei12#$ admin@huawei h3c@123456 hello12345 helloworld helloworld1 trustno1234 starwars123
fumewatch1 fumewatch123 fumewatch2026 shanghai123 shanghai2026 beijing123 beijing2008
china123456 xuhui123456 zhongguo123 wangwei123 zhang12345 chengguan1 chengguan123 huanbao123
youyan12345
"""
_COMMON: Final = frozenset(_FIRST_TRIED.split())
"""Of ten characters and more; shorter ones are refused anyway."""


def weakness(password: str, *names: str) -> Weak | None:
    """`names`: of the account, which the password must not be."""
    if len(password) < SHORTEST_PASSWORD:
        return Weak.SHORT
    if len(password) > LONGEST_PASSWORD:
        return Weak.LONG
    folded = password.casefold()
    if any(_is_made_of(folded, name.casefold()) for name in names if name):
        return Weak.NAME
    if folded in _COMMON:
        return Weak.COMMON
    if len(set(folded)) < 4:
        return Weak.MONOTONOUS
    return None


def _is_made_of(password: str, name: str) -> bool:
    """The name, again and again or with a few digits behind it."""
    rest = password.replace(name, "")
    return rest != password and len(rest) <= 4 and not rest.strip("0123456789!@#$._- ")


def account_name(text: str) -> str:
    """As it is kept: small letters. ValueError says what a name is."""
    name = text.strip().lower()
    shape = name.replace(".", "").replace("-", "").replace("_", "")
    if not (0 < len(name) <= LONGEST_NAME and shape.isascii() and shape.isalnum()):
        raise ValueError(
            f"{one_line(text)!r} is no name; it has 1 to {LONGEST_NAME} letters a-z, digits, . - _"
        )
    return name


# ── Where to go ──


def own_path(text: str) -> str:
    """The page that was asked for before the login, or "/" for what may lead elsewhere.

    Browsers take a backslash for a slash, drop tabs and line ends, and // begins a host.
    """
    is_ours = (
        text.startswith("/")
        and not text.startswith("//")
        and "\\" not in text
        and text.isascii()
        and text.isprintable()
        and len(text) <= 1000
    )
    return text if is_ours and not text.startswith(_NOT_BACK_TO) else "/"


_NOT_BACK_TO: Final = ("/login", "/logout", "/i/", "/l/", "/api/", "/static/")
