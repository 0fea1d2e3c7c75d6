"""A fleet, its people, and alerts that fire all at once: the scene of bench_dispatch."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import tomlkit

from fumewatch.config import Config, example, load
from fumewatch.core.addressing import Entry
from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Matchers
from fumewatch.core.site import Place
from fumewatch.demo.postgres import Postgres
from fumewatch.dispatch import Dispatch
from fumewatch.health import Health
from fumewatch.store import (
    Connection,
    Database,
    DatabaseSettings,
    alerts,
    contacts,
    migrate,
    monitors,
    silences,
)

NOW: Final = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MONITORS: Final = 10_000
TEMPLATE: Final = "fleet"
STREETS, VENDORS = 20, 6
SILENCED: Final = 40
DUE: Final = timedelta(seconds=31)
"""After the alerts: the groups of streets wait for 30 s."""
KINDS: Final = (
    *[("exceedance", "threshold", Severity.WARNING)] * 5,
    *[("offline", "absence", Severity.WARNING)] * 2,
    *[("forecast", "trend", Severity.INFO)] * 2,
    ("severe-exceedance", "threshold", Severity.CRITICAL),
)
INHIBITED: Final = ("exceedance", "threshold", Severity.WARNING)

PEOPLE: Final = """
[web]
public_url = "https://fume.example.org"
[links]
secret = "a secret of at least thirty-two characters"
[[receiver]]
name = "street-group"
kind = "wecom"
url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=bench"
[[receiver]]
name = "patrol"
kind = "email"
host = "127.0.0.1"
from = "a@example.org"
contact = "street"
[[receiver]]
name = "sms"
kind = "http"
url = "https://sms.example.org/v1/send"
body = '{ "to": {{ to.phone | tojson }}, "text": {{ text | tojson }} }'
contact = "site"
[[escalation]]
name = "supervision"
match = { severity = ["warning", "critical"] }
[[escalation.step]]
name = "visit"
receiver = "patrol"
after = "24h"
unless = ["visited"]
"""
STREET: Final = """
[[route]]
receiver = ["street-group", "patrol"]
match = {{ street = "{street}", severity = ["warning", "critical"] }}
group_by = ["street"]
group_wait = "30s"
group_interval = "5m"
repeat_interval = "4h"
continue = true
"""
SITE: Final = """
[[route]]
receiver = "sms"
match = { severity = ["warning", "critical"] }
match_not = { kind = ["outage"] }
group_by = ["site"]
"""


def config_in(folder: Path) -> Config:
    streets = "".join(STREET.format(street=_street(i)) for i in range(STREETS))
    added = tomlkit.parse(PEOPLE + streets + SITE).unwrap()
    document = tomlkit.parse(example.path().read_text()).unwrap()
    for name, value in added.items():
        known = document.setdefault(name, type(value)())
        if isinstance(value, list):
            known += value
        else:
            known |= value
    path = folder / "config.toml"
    path.write_text(tomlkit.dumps(document))
    return load(path, {})


def _street(number: int) -> str:
    return f"第{number % STREETS + 1}街道"


def places() -> dict[int, Place]:
    """By monitor, as they are numbered in an empty store: from 1."""
    return {
        n: Place(
            n,
            f"MN{n:05}",
            "xuhui",
            n,
            f"第{n}面馆",
            f"S{n:05}",
            (f"第{n}面馆",),
            _street(n),
            f"衡山路 {n} 号",
            "1 号排口",
            f"vendor {n % VENDORS}",
            limit_profile="DB31/844-2014",
        )
        for n in range(1, MONITORS + 1)
    }


def moves(count: int, at: datetime) -> list[Transition]:
    """Alerts that have just fired: at each tenth monitor a second one, which is inhibited."""
    found: list[Transition] = []
    monitor = 0
    while len(found) < count:
        monitor += 1
        found.append(_move(monitor, *KINDS[monitor % len(KINDS)], at))
        if KINDS[monitor % len(KINDS)][2] is Severity.CRITICAL:
            found.append(_move(monitor, *INHIBITED, at))
    return found[:count]


def _move(monitor: int, rule: str, kind: str, severity: Severity, at: datetime) -> Transition:
    opened_at = at - timedelta(minutes=10)
    alert = Alert(
        id=alert_id(rule, monitor, opened_at),
        rule=rule,
        kind=kind,
        severity=severity,
        monitor=monitor,
        state=State.FIRING,
        opened_at=opened_at,
        breached_at=at,
        value=1.2 + monitor % 100 / 100,
        limit=1.0,
        fired_at=at,
        evidence=_evidence(opened_at, at),
    )
    return Transition(alert, State.PENDING, at, Reason.HELD)


def _evidence(start: datetime, end: datetime) -> dict[str, Any]:
    """As of a mean over ten minutes."""
    return {
        "channel": "fume",
        "unit": "mg/m³",
        "statistic": "mean",
        "window": {"from": start.isoformat(), "to": end.isoformat()},
        "times": [(start + timedelta(minutes=i)).isoformat() for i in range(10)],
        "values": [1.2 + i / 100 for i in range(10)],
        "limit": 1.0,
        "above": "limit",
        "peak": 1.29,
    }


class Scene:
    """A fleet with its people; each storm in a new copy of their database."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self._server = server
        self._storms = 0
        self.config = config_in(folder)
        self.places = places()
        self.now = NOW
        server.create_database(TEMPLATE)
        migrate.upgrade(server.url(TEMPLATE))
        self.database = self._open(TEMPLATE)
        with self.database.transaction() as conn:
            _fill(conn, self.places)
        self.settle()

    def _open(self, name: str) -> Database:
        database = Database(DatabaseSettings(url=self._server.url(name)))
        database.open()
        return database

    def _begin_anew(self) -> None:
        """As it was before anything fired."""
        self.database.close()
        self._storms += 1
        name = f"storm_{self._storms}"
        with psycopg.connect(self._server.url(), autocommit=True) as conn:
            conn.execute(f"create database {name} template {TEMPLATE}")
        self.database = self._open(name)
        self.now = NOW

    def leader(self) -> Dispatch:
        health = Health(("dispatch",), lambda: self.now)
        return Dispatch(self.database, self.config, lambda: self.places, lambda: self.now, health)

    def happen(self, transitions: Sequence[Transition]) -> None:
        with self.database.transaction() as conn:
            alerts.save(conn, transitions)

    def settle(self) -> None:
        """As autovacuum does within a minute."""
        with self.database.transaction() as conn:
            conn.execute("analyze")

    def stormy(self, count: int) -> Dispatch:
        """A dispatch that leads, and alerts that fired since its last round."""
        self._begin_anew()
        leader = self.leader()
        leader.round()
        self.happen(moves(count, NOW))
        self.settle()
        self.now = NOW + DUE
        return leader

    def rows(self) -> int:
        with self.database.transaction() as conn:
            row = conn.execute("select count(*) from outbox").fetchone()
            return int(row[0]) if row else 0


def _fill(conn: Connection, places: dict[int, Place]) -> None:
    known = places.values()
    numbers = monitors.register(conn, [("xuhui", place.code) for place in known])
    assert all(numbers["xuhui", place.code] == place.monitor for place in known)
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into site (code, name, district, street) values (%s, %s, %s, %s)",
            [(place.site_code, place.site, "xuhui", place.street) for place in known],
        )
    contacts.add(conn, [*_of_sites(known), *_of_streets()])
    for n in range(SILENCED):
        silences.add(conn, _silence(n))


def _of_sites(known: Iterable[Place]) -> list[Entry]:
    return [
        Entry("site", p.site_code, Contact(0, f"店长{p.monitor}", phone=f"138{p.monitor:08}"))
        for p in known
    ]


def _of_streets() -> list[Entry]:
    return [
        Entry("street", _street(n), Contact(0, f"巡查{n}", email=f"patrol{n}@example.org"))
        for n in range(STREETS)
    ]


def _silence(number: int) -> Silence:
    """By monitor, one in ten by vendor and rule, as people make them."""
    match = {"monitor": (f"MN{97 * (number + 1):05}",)}
    if number % 10 == 0:
        match = {"vendor": (f"vendor {number // 10}",), "rule": ("ultra-low",)}
    return Silence(
        matchers=Matchers.model_validate({"match": match}),
        starts_at=NOW - timedelta(days=1),
        ends_at=NOW + timedelta(days=1),
        reason="改造",
        author="王科",
        created_at=NOW - timedelta(days=1),
    )
