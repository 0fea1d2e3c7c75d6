"""What telling people costs: from saved transitions to committed outbox rows, on a real PostgreSQL.

    python -m tests.bench.bench_dispatch [ALERTS ...] [--times 5]

The rules, routes and inhibitions of config.example.toml; besides, a route for each of 20 streets to
the street's group and its patrol's contacts, one to the contacts of each site, an escalation, 40
silences, signed links. 10,000 monitors, each of a site of its own; of ten alerts one is inhibited
by another at its monitor. Every site has a contact, so there are nearly as many notices as alerts.

read: what the store knows of transitions, silences and bodies. core: whom, what and when. bodies:
words and links. write: rows, and the commit. Medians; a server with its durable defaults.
"""

import argparse
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count as counting
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest import mock

import numpy as np
import psycopg
import tomlkit

from fumewatch import dispatch, log
from fumewatch.config import Config, example, load
from fumewatch.core.addressing import Entry
from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.core.dispatch.dispatcher import Dispatcher
from fumewatch.core.dispatch.making import Maker
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.followup.ladders import Ladders
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Matchers
from fumewatch.core.site import Place
from fumewatch.demo.postgres import Postgres, debian_bin_dir, embedded_bin_dir
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
from tests.bench.bench_core import MINUTE, START, readings, shipped
from tests.bench.machine import Table

NOW: Final = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MONITORS: Final = 10_000
TEMPLATE: Final = "fleet"
STREETS, VENDORS = 20, 6
SILENCED: Final = 40
DUE: Final = timedelta(seconds=31)
"""After the alerts: the groups of streets wait for 30 s."""
IDLE_ROUNDS: Final = 20
WARM, TURNS = 80, 40
KINDS: Final = (
    *[("exceedance", "threshold", Severity.WARNING)] * 5,
    *[("offline", "absence", Severity.WARNING)] * 2,
    *[("forecast", "trend", Severity.INFO)] * 2,
    ("severe-exceedance", "threshold", Severity.CRITICAL),
)
INHIBITED: Final = ("exceedance", "threshold", Severity.WARNING)
PARTS: Final = ("read", "core", "bodies", "write")

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


class Watch:
    """Seconds spent in each part: the functions of the path, wrapped. None calls another one."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def wrap(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **more: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*args, **more)
            finally:
                self.spent[part] += time.perf_counter() - begin

        return timed

    @contextmanager
    def watching(self) -> Iterator[None]:
        parts: list[tuple[str, Any, Sequence[str]]] = [
            ("read", dispatch.told, ("mark", "since", "of", "standing", "load", "followed")),
            ("read", dispatch.silences, ("unended",)),
            ("read", dispatch.contacts, ("all_contacts",)),
            ("read", dispatch.actions, ("since", "of_alerts", "mark")),
            ("core", Dispatcher, ("use", "load", "take", "place", "note", "due")),
            ("core", Ladders, ("take", "load", "due", "forget_before")),
            ("bodies", Maker, ("make",)),
            ("write", dispatch.outbox, ("add",)),
            ("write", dispatch.told, ("save",)),
            ("write", dispatch.actions, ("append",)),
        ]
        patches = [
            mock.patch.object(owner, name, self.wrap(part, getattr(owner, name)))
            for part, owner, names in parts
            for name in names
        ]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()


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


def settled(leader: Dispatch) -> int:
    """Rounds until nothing more is due; the notices of all of them."""
    total = 0
    while written := leader.round():
        total += written
    return total


def storms(scene: Scene, count: int, times: int) -> list[str]:
    """From saved transitions to committed rows."""
    taken, parts, notices = [], defaultdict(list), 0
    for _ in range(times):
        leader, watch = scene.stormy(count), Watch()
        with watch.watching():
            begin = time.perf_counter()
            notices = settled(leader)
            taken.append(time.perf_counter() - begin)
        watch.spent["write"] += taken[-1] - sum(watch.spent.values())  # the commit, in the main
        for part in PARTS:
            parts[part].append(watch.spent[part])
        assert notices == scene.rows() > 0
    cells = [_ms(median(parts[part])) for part in PARTS]
    return [f"{count:,} alerts fire: {notices:,} notices", _ms(median(taken)), *cells]


def idle(scene: Scene, count: int, times: int) -> list[str]:
    leader = scene.stormy(count)
    settled(leader)
    scene.settle()
    taken = [_timed(leader.round) for _ in range(times * IDLE_ROUNDS)]
    return [f"nothing happens, {count:,} alerts open", _ms(median(taken)), *[""] * len(PARTS)]


def starts(scene: Scene, count: int, times: int) -> list[str]:
    settled(scene.stormy(count))
    scene.settle()
    taken, parts = [], defaultdict(list)
    for _ in range(times):
        watch = Watch()
        with watch.watching():
            taken.append(_timed(scene.leader().round))
        for part in PARTS:
            parts[part].append(watch.spent[part])
    cells = [_ms(median(parts[part])) for part in PARTS]
    return [f"a start, {count:,} alerts open", _ms(median(taken)), *cells]


def beside(scene: Scene, count: int, times: int) -> Table:
    """How much slower the pump is while alerts are dispatched: one thread each, one GIL."""
    turn = turns()
    for _ in range(WARM):
        turn()
    alone = [_timed(turn) for _ in range(TURNS)]
    meanwhile, lasted = [], []
    for _ in range(times):
        thread = threading.Thread(
            target=lambda leader: lasted.append(_timed(lambda: settled(leader))),
            args=(scene.stormy(count),),
        )
        thread.start()
        while thread.is_alive():
            meanwhile.append(_timed(turn))
    row = [
        f"while {count:,} alerts are dispatched",
        *(_ms(figure) for each in (alone, meanwhile) for figure in (median(each), max(each))),
        f"{median(meanwhile) / median(alone):.2f}",
        _ms(median(lasted)),
    ]
    header = ("", "alone", "at most", "beside", "at most", "times", "dispatch")
    return Table(f"A minute of {MONITORS:,} monitors, added and judged: ms", header, [row])


def turns() -> Callable[[], None]:
    """A minute at a time: all that the pump does of it but for the store."""
    engine = shipped(MONITORS)
    rng = np.random.default_rng(7)
    measured = [list(readings(MONITORS, 0, rng)) for _ in range(10)]
    minutes = counting()

    def turn() -> None:
        minute = next(minutes)
        for batch in measured[minute % len(measured)]:
            engine.add(replace(batch, measured_at=batch.measured_at + minute * MINUTE))
        engine.advance(START + (minute + 1) * MINUTE)

    return turn


def _timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


@contextmanager
def opened() -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    folder.chmod(0o755)
    bin_dir = debian_bin_dir() or embedded_bin_dir()
    assert bin_dir, "no PostgreSQL here"
    try:
        with (
            Postgres(bin_dir, folder / "postgres") as server,
            (folder / "log").open("w") as lines,
            redirect_stderr(lines),
        ):
            log.set_up("info", "json")  # a line a notice, as in the daemon
            scene = Scene(server, folder)
            yield scene
            scene.database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("alerts", nargs="*", type=int, default=[1000, 10_000])
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    most = max(args.alerts)
    with opened() as scene:
        rows = [storms(scene, count, args.times) for count in args.alerts]
        rows += [idle(scene, most, args.times), starts(scene, most, args.times)]
        title = f"Dispatch, {MONITORS:,} monitors, {len(scene.config.route)} routes: ms"
        print(Table(title, ("what", "all", *PARTS), rows).text(), end="\n\n", flush=True)
        print(beside(scene, most, args.times).text())


if __name__ == "__main__":
    main()
