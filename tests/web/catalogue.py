"""Twelve monitors with an alert of every rule of days and of patterns, and what was learned.

The evidence of day rules comes from the rules themselves: they judge what is stored of the days.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from fumewatch.core.alert import Alert, Severity
from fumewatch.core.days import Days
from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Interval
from fumewatch.core.facts import SiteFacts
from fumewatch.core.integrity import Integrity, Ours, compare
from fumewatch.core.learned import Learned
from fumewatch.core.reading import INDEX
from fumewatch.store import (
    Connection,
    Database,
    cleanings,
    comparisons,
    day_facts,
    devices,
    learned,
    monitors,
    readings,
    sites,
)
from fumewatch.store.wire import to_us
from tests.core.days_scene import ago, day_rule, days_of
from tests.web.seed import LATEST, alert, facts, fleet_readings, open_alert, resolve

SIZE = 12
SCRIPT = "<script>hacked=1</script><img src=x onerror=hacked=1>"
MINUTE = timedelta(minutes=1)
RISING = [round(0.2 + 0.01 * n + 0.03 * (n * 7 % 5 - 2), 3) for n in range(28)]
STEPPED = [0.6 + 0.02 * (n % 3) for n in range(12)] + [
    0.2 + 0.017 * n + 0.03 * (n * 3 % 5 - 2) for n in range(16)
]
CURRENT = [2.0 + 0.05 * (n % 3) if n < 24 else 1.3 for n in range(28)]


@dataclass(frozen=True)
class Catalogue:
    """`alerts` by kind, or by what else they show; `monitors`, `sites` by code."""

    alerts: dict[str, Alert]
    monitors: list[int]
    sites: list[int]


def seed_catalogue(database: Database, now: datetime) -> Catalogue:
    with database.transaction() as conn:
        sites.replace(conn, _facts())
        ids = monitors.register(conn, [("xuhui", f"XH{i:04d}") for i in range(SIZE)])
        site_ids = [row[0] for row in conn.execute("select id from site order by code")]
    order = list(ids.values())
    with database.transaction() as conn:
        readings.add(conn, fleet_readings(order, now), now)
        conn.execute(LATEST)
        cleanings.add_dates(conn, [("O0003", ago(2)), ("O0003", ago(95))], "ledger.csv")
        _learn(conn, order, now)
        _differ(conn, order[9], now)
    with database.transaction() as conn:
        found = {**_of_days(conn, order, now), **_of_patterns(conn, order, now)}
    return Catalogue(found, order, site_ids)


def _facts() -> Any:
    """The last site is called what nobody should be called."""
    found = facts(SIZE)
    hostile = SCRIPT + "\"'><svg onload=hacked=1>"
    last: SiteFacts = replace(found.sites[-1], name=hostile, street=SCRIPT, address=hostile)
    return replace(found, sites=(*found.sites[:-1], last))


def _learn(conn: Connection, order: list[int], now: datetime) -> None:
    """Of monitor 3 all there is to learn, of monitor 4 next to nothing."""
    known = Learned.nothing(max(order) + 1)
    one, other = order[3], order[4]
    known.interval[[one, other]] = 1
    known.presence_gaps[[one, other], 1] = 500
    known.days[one], known.days[other] = 13, 1
    for start, end in ((24, 37), (44, 57), (68, 92)):
        known.sampling[one, start:end] = 240
    known.sampling[other, 40:44] = 255
    for channel, period in (("fume", 10), ("pm", 11)):
        known.period[INDEX[channel], one] = period
        known.is_learned[INDEX[channel], one] = True
    minute = to_us(now) // 60_000_000
    for channel in ("fume", "pm", "temperature"):
        known.seen_at[INDEX[channel], [one, other]] = minute
        known.changed_at[INDEX[channel], one] = minute - 7
        known.value[INDEX[channel], one] = 500
    known.period[INDEX["temperature"], one] = 10
    learned.save(conn, to_us(now), [known])
    learned.derive(conn, {one: "fume = 0.20 * nmhc + 0.80 * pm"})


def _differ(conn: Connection, monitor: int, now: datetime) -> None:
    """Six means of the device's own that are twice ours."""
    means = [
        DeviceAggregate(
            Interval.HOUR, to_us(now - timedelta(hours=24 * n + 3)), INDEX["fume"], mean=900
        )
        for n in range(6)
    ]
    restart = DeviceEvent(EventKind.RESTART, to_us(now - timedelta(days=2)))
    devices.add(conn, [(monitor, fact) for fact in (*means, restart)], now - timedelta(hours=1))
    compared = [
        (one, compare(one.own, Ours(6 * 450, 6, 6), Integrity()))
        for one in comparisons.due(conn, now, 1000)
    ]
    comparisons.record(conn, compared, now)


def _of_days(conn: Connection, order: list[int], now: datetime) -> dict[str, Alert]:
    told: Mapping[str, tuple[int, dict[str, Any], Days]] = {
        "deterioration": (0, {"horizon": "60d", "clear_beyond": "90d"}, _rising(RISING)),
        "stepped": (
            1,
            {"kind": "deterioration", "horizon": "60d", "clear_beyond": "90d"},
            _rising(STEPPED),
        ),
        "baseline": (2, {}, days_of({"purifier_current": CURRENT}, cleaned=[ago(27)])),
        "cleaning": (3, {}, days_of({"fume": [0.3] * 91}, cleaned=[ago(86)])),
        "overdue": (
            4,
            {"kind": "cleaning", "warn_before": "0d", "fan_hours": 400},
            days_of({"fume": [0.3] * 91}, cleaned=[ago(60)]),
        ),
        "linkage_rate": (
            5,
            {},
            days_of(linkage_known=[540.0] * 28, linkage_on=[500.0] * 26 + [450.0, 380.0]),
        ),
        "validity": (6, {"of": "open"}, days_of(valid_open=[560.0] * 27 + [310.0])),
    }
    opened = now.replace(hour=16, minute=30) - timedelta(days=1)
    return {
        name: _of_day(conn, order[at], {"kind": name} | fields, days, opened)
        for name, (at, fields, days) in told.items()
    }


def _rising(course: list[float]) -> Days:
    return days_of({"fume": course}, peak={"fume": [1.5 * value for value in course]})


def _of_day(
    conn: Connection, monitor: int, fields: dict[str, Any], days: Days, opened: datetime
) -> Alert:
    for row, day in enumerate(days.day.tolist()):
        one = days.facts.take(slice(row, row + 1), slice(None))
        day_facts.save(conn, day, np.array([monitor], np.int32), one)
    rule = day_rule(**fields)
    found = rule.evidence(days, 0)
    told = alert(
        monitor,
        f"some-{rule.kind}",
        opened,
        kind=rule.kind,
        value=float("nan") if found["value"] is None else found["value"],
        limit=found["limit"],
        evidence=found,
    )
    open_alert(conn, told)
    return told


def _of_patterns(conn: Connection, order: list[int], now: datetime) -> dict[str, Alert]:
    second = now.replace(second=0, microsecond=0)
    before = [second - timedelta(days=n, hours=3) for n in (2, 5, 9)]
    for at in before:
        past = alert(order[7], "exceedance", at)
        open_alert(conn, past)
        resolve(conn, past, at + 20 * MINUTE)
    near = alert(order[8], "exceedance", second - 70 * MINUTE)
    open_alert(conn, near)
    opened = second - 10 * MINUTE
    told = {
        "recurrence": alert(order[7], "repeat", opened, **_recurrence(before)),
        "complaint": alert(order[8], "complaint-near", opened, **_complaint(near, second)),
        "mismatch": alert(order[9], "odd-means", opened, **_mismatch()),
        "outage": alert(order[10], "vendor-out", opened, **_outage(order, second)),
    }
    for one in told.values():
        open_alert(conn, one)
    part = {"part_of": {"alert": str(told["outage"].id), "name": SCRIPT}}
    silent = {"kind": "absence", "value": 35.0, "limit": 30.0}
    silent["evidence"] = {"unit": "min", "last_measured": second.isoformat(), **part}
    told["part"] = alert(order[11], "offline", opened + MINUTE, **silent)
    open_alert(conn, told["part"])
    return told


def _recurrence(times: list[datetime]) -> dict[str, Any]:
    restart = times[0] + timedelta(hours=1)
    shown = {
        "value": 3,
        "limit": 3,
        "counted": "days",
        "rules": ["exceedance"],
        "within_days": 30.0,
        "meal": False,
        "times": [at.isoformat() for at in (*times[::-1], restart)],
        "days": [at.date().isoformat() for at in times[::-1]],
        "restarts": 1,
    }
    return {"kind": "recurrence", "value": 3.0, "limit": 3.0, "evidence": shown}


def _complaint(near: Alert, now: datetime) -> dict[str, Any]:
    shown = {
        "unit": "m",
        "value": 120.0,
        "limit": 200.0,
        "complaints": 1,
        "within_minutes": 120,
        "complaint_at": (now - 30 * MINUTE).isoformat(),
        "alert": near.rule,
        "alert_opened": near.opened_at.isoformat(),
    }
    severity = Severity.INFO
    return {
        "kind": "complaint",
        "severity": severity,
        "value": 120.0,
        "limit": 200.0,
        "evidence": shown,
    }


def _mismatch() -> dict[str, Any]:
    days = [str(ago(n)) for n in (4, 2, 0)]
    shown = {"value": 3, "limit": 3, "within_days": 7.0, "findings": 6, "days": days}
    return {"kind": "mismatch", "value": 3.0, "limit": 3.0, "evidence": shown}


def _outage(order: list[int], now: datetime) -> dict[str, Any]:
    shown = {
        "by": "vendor",
        "limit": 2,
        "name": SCRIPT,
        "value": 2,
        "of": 2,
        "members": [order[10], order[11], 2**40, "x", True],
        "last_signs": {
            "from": (now - 40 * MINUTE).isoformat(),
            "to": (now - 31 * MINUTE).isoformat(),
        },
    }
    return {"kind": "outage", "value": 2.0, "limit": 2.0, "evidence": shown}
