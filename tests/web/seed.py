"""A district's fleet in a database: 8 streets, 60 monitors, a day of minutes, alerts of all kinds.

Cooking sessions, refresh periods, held values and gaps follow the field's data: values are sent
every minute, refresh every ten, and are held between sessions. The evening session covers `now`.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Heartbeat, Interval
from fumewatch.core.facts import Facts, MonitorFacts, OutletFacts, SiteFacts
from fumewatch.core.integrity import Integrity, Ours, compare
from fumewatch.core.reading import INDEX, MISSING, Readings
from fumewatch.store import (
    Connection,
    Database,
    alerts,
    comparisons,
    daemons,
    dead_letters,
    devices,
    monitors,
    outbox,
    readings,
    sites,
)
from fumewatch.store.daemons import Daemon
from fumewatch.store.dead_letters import DeadLetter
from fumewatch.store.wire import to_us

STREETS = (
    "漕河泾街道",
    "徐家汇街道",
    "田林街道",
    "斜土路街道",
    "枫林路街道",
    "虹梅路街道",
    "康健新村街道",
    "华泾镇",
)
DISHES = ("本帮菜馆", "川菜馆", "面馆", "烧烤", "火锅店", "粤菜酒楼", "小吃店", "饺子馆")
OWNERS = ("老弄堂", "桂林", "漕溪", "天钥", "龙华", "宜山", "钦州", "柳州")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Seeded:
    """Monitor ids in the order of the fleet; the last two are unassigned. `alerts` by what for."""

    monitors: list[int]
    sites: list[int]
    alerts: dict[str, Alert]
    now: datetime


def seed(database: Database, now: datetime, size: int = 60) -> Seeded:
    with database.transaction() as conn:
        sites.replace(conn, facts(size))
        keys = [("xuhui", f"XH{i:04d}") for i in range(size)]
        ids = monitors.register(conn, [*keys, ("xuhui", "UNKNOWN-1"), ("xuhui", "UNKNOWN-2")])
        site_ids = [row[0] for row in conn.execute("select id from site order by code")]
    order = list(ids.values())
    with database.transaction() as conn:
        readings.add(conn, fleet_readings(order, now), now)
        monitors.set_status(conn, [(order[5], "offline", now - 50 * MINUTE)])
        conn.execute(LATEST)
    with database.transaction() as conn:
        opened = seed_alerts(conn, order, now)
        seed_operation(conn, now)
        seed_devices(conn, order, now)
    return Seeded(order, site_ids, opened, now)


LATEST = """
    insert into monitor_latest (monitor_id, fan_on, purifier_on, measured_at, received_at, fume, pm,
        nmhc, temperature, humidity, velocity, fan_current, purifier_current, unjudged, quality)
    select distinct on (monitor_id) monitor_id, fan_on, purifier_on, measured_at, received_at, fume,
        pm, nmhc, temperature, humidity, velocity, fan_current, purifier_current, unjudged, quality
    from reading order by monitor_id, measured_at desc
    on conflict (monitor_id) do nothing
"""


def facts(size: int) -> Facts:
    """One site, outlet and monitor each, but the last two sites share the last flue but one."""
    found = [
        SiteFacts(
            code=f"S{i:04d}",
            name=f"{OWNERS[i // 8 % 8]}{DISHES[i % 8]}"
            + (f"（{i // 64 + 1}店）" if i >= 64 else ""),
            district="xuhui",
            street=STREETS[(i // 3 + 2 * i) % 8],
            address=f"{OWNERS[i * 5 % 8]}路{100 + 17 * i % 800}号",
            contact="王经理 021-5555 0000",
            size_class=("small", "medium", "large")[i % 3],
            business_hours="10:30-14:00, 16:30-22:00",
            tags=("重点",) if i % 7 == 0 else (),
        )
        for i in range(size)
    ]
    outlets = [
        OutletFacts(
            code=f"O{i:04d}",
            responsible_site=f"S{i:04d}",
            sites=("S0000", "S0001", "S0002") if i == 0 else (f"S{i:04d}",),
            limit_profile="DB11/1488-2018" if i % 9 == 0 else "DB31/844-2014",
            name=f"{i % 3 + 1}号排口",
            cleaned_at=date(2026, 9, 1) + timedelta(days=i),
        )
        for i in range(size)
    ]
    gauges = [
        MonitorFacts("xuhui", f"XH{i:04d}", f"O{i:04d}", ("蓝盾", "清研")[i % 2], "YY-200")
        for i in range(size)
    ]
    return Facts(tuple(found), tuple(outlets), tuple(gauges))


def fleet_readings(order: list[int], now: datetime) -> Readings:
    rng = np.random.default_rng(7)
    parts = [monitor_day(rng, i, id, now) for i, id in enumerate(order)]
    return Readings.concatenate(parts)


def monitor_day(rng: np.random.Generator, i: int, id: int, now: datetime) -> Readings:
    """1,440 minutes up to now. By number: 0 exceeds, 1 has its purifier off, 3 rises, 4 is silent
    for 40 minutes, 5 is offline, 6 flags a fault, 7 reads out of range, 8 went stale just now."""
    ago = np.arange(1439, -1, -1)
    cooking = (ago < 190) | ((ago > 560) & (ago < 760))
    wave = rng.lognormal(-0.9, 0.45, 1440) * (0.35 + 0.12 * (i % 5)) / 0.5
    if i == 0:
        wave[-48:] = np.linspace(1.2, 3.1, 48) * rng.normal(1, 0.05, 48)
    if i in (3, 12):
        wave[-45:] *= np.linspace(1.0, 1.9, 45)
    fume = refreshed(np.where(cooking, wave, 0.05), 10, i)
    fume[~cooking] = held(fume, cooking)[~cooking]
    nmhc, pm = fume * rng.normal(6, 0.3), fume * rng.normal(1.6, 0.1)
    fan, purifier = cooking.copy(), cooking.copy()
    if i == 1:
        purifier[-35:] = False
    values = np.full((10, 1440), MISSING, np.int32)
    columns: dict[str, NDArray[Any]] = {
        "fume": fume,
        "pm": pm,
        "nmhc": nmhc,
        "temperature": 24 + 22 * smooth(cooking) + rng.normal(0, 0.4, 1440),
        "humidity": 48 + 14 * smooth(cooking) + rng.normal(0, 0.8, 1440),
        "velocity": 0.2 + 8.6 * fan + rng.normal(0, 0.15, 1440).clip(-0.15),
        "fan_current": 3.1 * fan + rng.normal(0, 0.05, 1440).clip(0),
        "purifier_current": 1.2 * purifier + rng.normal(0, 0.02, 1440).clip(0),
    }
    for name, column in columns.items():
        values[INDEX[name]] = np.round(column * 1000)
    values[INDEX["fan_on"]], values[INDEX["purifier_on"]] = fan, purifier
    present = rng.random(1440) > 0.012
    present[400:455] &= i % 4 != 0
    present[ago < {4: 40, 5: 50, 8: 14}.get(i, 0)] = False
    quality = np.full(1440, ord("N"), np.uint8)
    quality[-30:] = ord("D") if i == 6 else ord("N")
    unjudged = np.zeros(1440, np.int16)
    if i == 7:
        values[INDEX["fume"], -20:] = 41_000
        unjudged[-20:] = 1 << INDEX["fume"]
    second = now.replace(second=0, microsecond=0)
    at = np.array([round((second - MINUTE * int(a)).timestamp()) for a in ago]) * 1_000_000
    rows = Readings(np.full(1440, id, np.int32), at, values, quality, unjudged)
    return rows.take(present)


def refreshed(values: NDArray[np.float64], every: int, phase: int) -> NDArray[np.float64]:
    at = np.arange(len(values))
    return values[np.maximum((at + phase) // every * every - phase, 0)]


def held(values: NDArray[np.float64], cooking: NDArray[np.bool_]) -> NDArray[np.float64]:
    last = np.maximum.accumulate(np.where(cooking, np.arange(len(values)), 0))
    return values[last]


def smooth(on: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.convolve(on.astype(float), np.ones(31) / 31, mode="same")


def alert(monitor: int, rule: str, opened_at: datetime, **facts: Any) -> Alert:
    """A firing warning of a threshold rule unless `facts` say otherwise."""
    usual: dict[str, Any] = {
        "kind": "threshold",
        "severity": Severity.WARNING,
        "state": State.FIRING,
        "breached_at": opened_at,
        "value": 1.42,
        "limit": 1.0,
        "fired_at": opened_at,
        "evidence": evidence(opened_at),
    }
    id = alert_id(rule, monitor, opened_at)
    return Alert(id=id, rule=rule, monitor=monitor, opened_at=opened_at, **(usual | facts))


def evidence(at: datetime) -> dict[str, Any]:
    minutes = [at - MINUTE * n for n in range(10, 0, -1)]
    return {
        "channel": "fume",
        "unit": "mg/m³",
        "window": {"from": minutes[0].isoformat(), "to": at.isoformat()},
        "times": [minute.isoformat() for minute in minutes],
        "values": [1.2, 1.21, 1.3, 1.3, 1.42, 1.42, 1.5, 1.55, 1.61, 1.68],
        "fresh": 10,
        "held": 0,
        "refresh_minutes": 10,
        "refresh_learned": True,
        "skipped": [],
        "statistic": "mean",
        "value": 1.42,
        "limit": 1.0,
    }


def open_alert(conn: Connection, opened: Alert, at: datetime | None = None) -> int:
    """The number of its transition."""
    at = at or opened.opened_at
    return alerts.save(conn, [Transition(opened, None, at, Reason.BREACHED)])[0]


def resolve(conn: Connection, opened: Alert, at: datetime) -> int:
    done = replace(opened, state=State.RESOLVED, resolved_at=at, clear_since=at)
    return alerts.save(conn, [Transition(done, State.FIRING, at, Reason.CLEARED)])[0]


def seed_alerts(conn: Connection, order: list[int], now: datetime) -> dict[str, Alert]:
    """Seventy resolved ones, a pending one, and what `open_alerts` tells."""
    for n in reversed(range(70)):
        opened_at = now - timedelta(hours=3 + 5 * n)
        past = alert(order[n * 7 % 58], "exceedance", opened_at, value=1.1 + n % 9 / 7)
        settle(conn, open_alert(conn, past), "sent", opened_at)
        resolve(conn, past, opened_at + MINUTE * (11 + n * 3 % 50))
    opened = open_alerts(order, now)
    for name, one in opened.items():
        settle(
            conn, open_alert(conn, one), "failed" if name == "linkage" else "sent", one.opened_at
        )
    pending = {"state": State.PENDING, "fired_at": None, "severity": Severity.INFO}
    open_alert(conn, alert(order[20], "near-limit", now - 4 * MINUTE, **pending))
    return opened


def open_alerts(order: list[int], now: datetime) -> dict[str, Alert]:
    def opened(i: int, rule: str, ago: int, severity: str = "warning", **facts: Any) -> Alert:
        return alert(order[i], rule, now - ago * MINUTE, severity=Severity(severity), **facts)

    last = (now - 50 * MINUTE).isoformat()
    silent = {"kind": "absence", "value": 30.0, "limit": 30.0}
    silent |= {"evidence": {"unit": "min", "last_measured": last, "last_will": last}}
    off = {"kind": "linkage", "value": 18.0, "limit": 10.0}
    off |= {"evidence": {"unit": "min", "value": 18, "limit": 10, "minutes_known": 20}}
    share = {"value": 0.71, "limit": 0.6}
    share |= {"evidence": evidence(now) | {"statistic": "share", "value": 0.71, "limit": 0.6}}
    nmhc = {"value": 11.7, "limit": 10.0, "evidence": evidence(now) | {"channel": "nmhc"}}
    return {
        "severe": opened(0, "severe-exceedance", 22, "critical", value=2.63, limit=2.0),
        "exceedance": opened(0, "exceedance", 41, value=2.63),
        "linkage": opened(1, "purifier-off", 24, "critical", **off),
        "share": opened(9, "sustained-exceedance", 12, "critical", **share),
        "trend": opened(3, "forecast", 9, "info", kind="trend", value=1.12),
        "offline": opened(5, "offline", 20, **silent),
        "near": opened(12, "near-limit", 33, "info", value=0.94, limit=0.9),
        "nmhc": opened(18, "nmhc-exceedance", 16, **nmhc),
        "unassigned": opened(-1, "offline", 70, **silent),
    }


def seed_devices(conn: Connection, order: list[int], now: datetime) -> None:
    """Monitor 3 tells of itself; 4 and 5 beat: 4 measures nothing, 5 beat before it was lost."""

    def us(hours_ago: float) -> int:
        return to_us(now - timedelta(hours=hours_ago))

    log = {"i11001-Info": "采样泵压力低 <b>bold</b> \u202eright to left\nsecond line"}
    told: list[devices.Fact] = [
        DeviceEvent(EventKind.RESTART, us(50), {"RestartTime": "20261121173000"}),
        DeviceEvent(EventKind.LOG, us(30), log),
        DeviceEvent(EventKind.FACILITY, us(9), {"SB1-RS": "1", "SB2-RS": "1"}),
        DeviceEvent(EventKind.FACILITY, us(6.5), {"SB1-RS": "0", "SB2-RS": "1"}),
        DeviceEvent(EventKind.LOG, us(3), {f"i1100{n}-Info": "x" * 90 for n in range(9)}),
    ]
    told += [
        DeviceAggregate(Interval.HOUR, us(2.5 + n), INDEX[name], mean=mean * (2 - (n < 2)))
        for n in range(20)
        for name, mean in (("fume", 450), ("temperature", 41_300))
    ]
    devices.add(conn, [(order[3], fact) for fact in told], now - timedelta(minutes=30))
    devices.add(conn, [(order[3], DeviceEvent(EventKind.RESTART, 0))], now - DAY)
    devices.add(conn, [(order[4], Heartbeat()), (order[3], Heartbeat())], now - MINUTE)
    devices.add(conn, [(order[5], Heartbeat())], now - 3 * DAY)
    compared = []
    for one in comparisons.due(conn, now, 1000):
        ours = {"fume": 900, "temperature": 82_600}[one.channel]
        compared.append((one, compare(one.own, Ours(6 * ours, 6, 6), Integrity())))
    comparisons.record(conn, compared, now)


def settle(conn: Connection, transition: int, state: str, at: datetime) -> None:
    for receiver in ("duty", "archive"):
        key = uuid5(UUID(int=0), f"{transition}/{receiver}")
        body = {"text": {"zh": "预警", "en": "early warning"}}
        outbox.add(conn, [outbox.Notification(key, receiver, key, body, at, transition)])
        failed = state == "failed" and receiver == "duty"
        conn.execute(
            "update outbox set state = %s, answer = %s, attempts = %s, settled_at = %s"
            " where idempotency_key = %s",
            [
                "failed" if failed else "sent",
                "410 Gone: bot was removed from the group" if failed else '200 {"errcode":0}',
                6 if failed else 1,
                at + timedelta(seconds=1),
                key,
            ],
        )


def seed_operation(conn: Connection, now: datetime) -> None:
    bad = [
        ("not_json", "not JSON: expected value at byte 0", b"<html>504 Gateway Time-out</html>"),
        ("bad_time", "measured_at '24:61' is no time", b'{"measured_at":"24:61","fume":0.4}'),
        ("foreign", "the payload names monitor XH0009", b'{"monitor":"XH0009","fume":0.4}'),
    ]
    letters = [
        DeadLetter(now - MINUTE * 9 * n, f"fume/xuhui/XH{n:04d}/up", payload, kind, detail)
        for n in range(13, 0, -1)
        for kind, detail, payload in [bad[n % 3]]
    ]
    dead_letters.add(conn, letters)
    for host, leads in (("fume-1", True), ("fume-2", False)):
        daemons.beat(
            conn,
            Daemon(uuid4(), host, 4711, "0.1.0", now - 3 * DAY, now - MINUTE / 12, leads, {}, {}),
        )
