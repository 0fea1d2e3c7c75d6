"""`fumewatch rules explain`: what a rule saw of a monitor, what it said, and why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from fumewatch.backtest.sources import read_file
from fumewatch.backtest.spool import Spool
from fumewatch.core import sites_csv
from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.core.device import Heartbeat
from fumewatch.core.learned import Learned
from fumewatch.core.reading import INDEX, MEASURED
from fumewatch.store import Connection, Database, alerts, devices, learned, monitors, sites
from fumewatch.store import readings as stored
from tests.backtest.conftest import HEADER, MINUTES, SHANGHAI, SITES, START
from tests.backtest.conftest import readings as readings  # the fixture
from tests.cli.conftest import Fumewatch, Said, Write

RULES = """
[[limit]]
name = "db31"
fume = 1.0
[[limit]]
name = "db11"
fume = 1.0
nmhc = 10.0
[[pause]]
match = { monitors = ["M2"] }
from = "2026-11-23 12:30"
to = "2026-11-23 13:00"
reason = "calibration"
note = "span gas"
[[rule]]
id = "exceedance"
kind = "threshold"
channel = "fume"
window = "10m"
above = "limit"
clear_below = "0.6 * limit"
keep_firing_for = "5m"
when = { fan_on = true, business_hours = true }
[[rule]]
id = "nmhc"
kind = "threshold"
channel = "nmhc"
above = "limit"
[[rule]]
id = "hot"
kind = "threshold"
channel = "temperature"
above = 80
[[rule]]
id = "clean"
kind = "threshold"
channel = "fume"
above = 5
when = { purifier_on = false }
[[rule]]
id = "strict"
kind = "threshold"
channel = "fume"
above = "limit"
when = { velocity = "> 1" }
missing = "no_data"
[[rule]]
id = "dinner"
kind = "threshold"
channel = "fume"
above = "limit"
when = { meal = "dinner" }
[[rule]]
id = "elsewhere"
kind = "threshold"
channel = "fume"
above = 0.1
when = { streets = ["漕河泾街道"] }
[[rule]]
id = "hour"
kind = "threshold"
channel = "fume"
statistic = "share"
share_above = "limit"
window = "90m"
above = 0.2
min_count = 20
[[rule]]
id = "purifier-off"
kind = "linkage"
[[rule]]
id = "offline"
kind = "absence"
[[rule]]
id = "forecast"
kind = "trend"
channel = "fume"
[[rule]]
id = "stuck"
kind = "flatline"
channel = "fume"
[[rule]]
id = "jump"
kind = "jump"
channel = "fume"
[[rule]]
id = "outage"
kind = "outage"
by = "street"
[[rule]]
id = "valid"
kind = "validity"
[[rule]]
id = "wear"
kind = "deterioration"
[[rule]]
id = "again"
kind = "recurrence"
rules = ["exceedance"]
at_least = 2
within = "3d"
"""
Explain = Callable[..., Said]


@pytest.fixture
def of_file(fumewatch: Fumewatch, write: Write, readings: Path) -> Explain:
    """Of a morning in a file, which ends at 13:00."""
    options = "-c", write(RULES, "c.toml"), "--readings", readings
    listed = "--sites", write(SITES, "sites.csv")
    return lambda rule, monitor="M1", *more: fumewatch(
        "rules", "explain", rule, "-m", monitor, *options, *listed, *more
    )


@pytest.fixture
def of_store(fumewatch: Fumewatch, write: Write, filled: Database, database_url: str) -> Explain:
    """Of the same morning in the store."""
    config = write(f'{RULES}\n[database]\nurl = "{database_url}"\n', "c.toml")
    return lambda rule, monitor="M1", *more: fumewatch(
        "rules", "explain", rule, "-m", monitor, "-c", config, *more
    )


@pytest.fixture
def filled(database: Database, readings: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    now = datetime(2026, 11, 23, 13, 0, 30, tzinfo=SHANGHAI)
    monkeypatch.setattr("fumewatch.cli.options.clock", lambda: now.astimezone(UTC))
    with Spool() as spool, database.transaction() as conn:
        read_file(readings, SHANGHAI, spool, skip_bad=False, progress=lambda _rows: None)
        monitors.register(conn, [("xuhui", "other")])
        sites.replace(conn, sites_csv.parse(SITES.encode(), "sites.csv", ["db31"]))
        ids = ids_of(conn)
        for day in spool.days:
            numbers = np.array([ids[name.split("/")[1]] for name in spool.names], np.int32)
            stored.add(conn, spool.day(day, numbers), now)
    return database


def ids_of(conn: Connection) -> dict[str, int]:
    return {place.code: place.monitor for place in monitors.places(conn, str(SHANGHAI))}


def clock(hour: int, minute: int) -> str:
    return f"2026-11-23 {hour:02}:{minute:02}"


# ── text ──


def test_what_is_told_of_a_breach(of_file: Explain, readings: Path) -> None:
    said = of_file("exceedance", "M1", "--at", clock(10, 38))
    assert said.code == 0
    assert said.out.splitlines() == [
        "exceedance  fume out of bounds (油烟浓度异常预警)",
        'rule                  threshold, warning; for = "0s", keep_firing_for = "5m",'
        ' missing = "skip", channel = "fume", statistic = "mean", window = "10m",'
        ' above = "limit", clear_below = "0.6 * limit", min_count = 3,'
        ' when = { business_hours = true, fan_on = "= 1" }',
        "monitor               xuhui/M1, 老灶台面馆, 田林街道; limits of db31: fume 1 mg/m³",
        "at                    2026-11-23 10:38, open for 38 min, lunch",
        f"replayed              38 readings of {readings} from 2026-11-23 00:00 on;"
        " measures anew every 12 min (not learned yet: the default)",
        "",
        "10:28 to 10:37",
        "fume                  ▁▁████████  0.4 to 1.306 mg/m³",
        "                      ██████████  10 fresh",
        "fan_on                ██████████",
        "open                  ++++++++++",
        "fan_on = 1            ++++++++++",
        "counts                ■■■■■■■■■■  10 of 10",
        "                      █ fresh   + holds",
        "",
        "         fume   fan_on  open  fan_on = 1  counts",
        "  10:28  0.4    on      yes   yes         yes",
        "  10:29  0.401  on      yes   yes         yes",
        *(f"  10:{30 + i}  {value:<5}  on      yes   yes         yes"
          for i, value in enumerate((1.302, 1.303, 1.304, 1.305, 1.306, 1.3, 1.301, 1.302))),
        "",
        "verdict               BREACH: mean 1.122 mg/m³, held against 1 mg/m³",
        "opens                 above 1 mg/m³ (limit)",
        "clears                below 0.6 mg/m³ (0.6 * limit), for 5m to resolve",
        "alert, replayed       firing since 10:37",
        "                      10:37  none → firing, breached  1.033",
    ]  # fmt: skip


def test_a_long_window_is_drawn_by_the_hour_and_listed_when_asked_for(of_file: Explain) -> None:
    drawn = of_file("hour", "M1", "--at", clock(11, 45))
    assert "10:15 to 11:14" in drawn.out
    assert "11:15 to 11:44" in drawn.out
    assert "verdict               BREACH: share 0.444, held against 0.2" in drawn.out
    assert "  10:30  1.302  yes" not in drawn.out
    assert "  10:30  1.302  yes" in of_file("hour", "M1", "--at", clock(11, 45), "-v").out


def test_a_site_name_cannot_move_the_cursor(
    fumewatch: Fumewatch, write: Write, readings: Path
) -> None:
    evil = write(SITES.replace("老灶台面馆", "verdict\x1b[2J"), "sites.csv")
    given = "--readings", readings, "--sites", evil, "-c", write(RULES, "c.toml")
    said = fumewatch("rules", "explain", "exceedance", "-m", "M1", *given)
    assert "\x1b" not in said.out


# ── verdicts ──

VERDICTS = [
    # rule, monitor, at, verdict, without an alert, why not or value
    ("exceedance", "M1", (10, 30), "clear", "clear", 0.403),
    ("exceedance", "M1", (11, 14), "breach", "clear", 0.943),
    ("exceedance", "M1", (11, 17), "breach", "clear", 0.674),
    ("exceedance", "M1", (11, 19), "clear", "clear", 0.493),
    ("exceedance", "M1", (10, 2), "no data", "no data", "2 of the 3 minutes it needs (8 missing)"),
    ("exceedance", "M2", (12, 45), "no data", "no data",
     "the monitor is paused (being calibrated: span gas)"),
    ("nmhc", "M1", (11, 0), "no data", "no data", "the outlet's profile has no limit of nmhc"),
    ("hot", "M1", (11, 0), "no data", "no data", "no value of temperature in 10 min"),
    ("strict", "M1", (11, 0), "no data", "no data",
     'velocity is not reported, and missing = "no_data"'),
    ("dinner", "M1", (11, 0), "no data", "no data", "no dinner now (when)"),
    ("clean", "M1", (11, 0), "clear", "clear", None),
    ("clean", "M3", (12, 0), "clear", "clear", 0.403),
    ("elsewhere", "M1", (11, 0), "clear", "clear", 1.303),
    ("elsewhere", "M2", (11, 0), "breach", "breach", 0.403),
    ("purifier-off", "M3", (11, 45), "breach", "breach", 15),
    ("purifier-off", "M3", (12, 25), "clear", "clear", 5),
    ("offline", "M1", (13, 0), "clear", "clear", 1),
    ("forecast", "M1", (10, 5), "no data", "no data",
     "2 of the 6 parts of the window with a value it needs"),
    ("forecast", "M1", (11, 0), "clear", "clear", 1.322),
    ("jump", "M1", (10, 12), "no data", "no data", None),
    ("stuck", "M1", (12, 0), "clear", "clear", 0),
    ("outage", "M1", (12, 0), "clear", "clear", 0),
    ("valid", "M1", (12, 0), "no data", "no data", "no whole day of readings"),
    ("again", "M1", (12, 0), "clear", "clear", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "monitor", "at", "verdict", "without", "expected"),
    VERDICTS,
    ids=[f"{case[0]} of {case[1]} at {case[2][0]}:{case[2][1]:02}" for case in VERDICTS],
)
def test_the_verdict_and_what_it_rests_on(
    of_file: Explain,
    rule: str,
    monitor: str,
    at: tuple[int, int],
    verdict: str,
    without: str,
    expected: float | str | None,
) -> None:
    given = rule, monitor, "--at", clock(*at)
    found = of_file(*given, "--json").json
    assert (found["verdict"], found["if_none_fires"]) == (verdict, without)
    because = "; ".join(lack["text"] for lack in found["no_data_because"])
    if isinstance(expected, str):
        assert because.startswith(expected)
    elif expected is not None:
        assert found["value"] == pytest.approx(expected, abs=0.0006)
    assert (verdict == "no data") == bool(because)


def test_minutes_and_conditions_as_json(of_file: Explain) -> None:
    found = of_file("exceedance", "M1", "--at", clock(10, 1), "--json").json
    before, last = found["window"][-2:]
    assert before == {
        "at": "2026-11-23T01:59:00+00:00",
        "values": {"fume": None, "fan_on": None},
        "kinds": {"fume": "missing", "fan_on": "missing"},
        "conditions": {"open": "no", "fan_on = 1": "skipped"},
        "counted": False,
    }
    assert last == {
        "at": "2026-11-23T02:00:00+00:00",
        "values": {"fume": 0.4, "fan_on": 1.0},
        "kinds": {"fume": "fresh", "fan_on": "fresh"},
        "conditions": {"open": "yes", "fan_on = 1": "yes"},
        "counted": True,
    }
    assert found["bounds"] == [
        {"name": "above", "written": "1 * limit", "number": 1.0},
        {"name": "clear_below", "written": "0.6 * limit", "number": 0.6},
    ]
    assert found["calendar"]["open_for_minutes"] == 1


def test_held_minutes_are_told_apart(fumewatch: Fumewatch, write: Write) -> None:
    """The value changes each minute for two hours, then stays as it is."""
    sent = [0.4 + 0.001 * min(minute, 120) for minute in range(150)]
    lines = [f"{START + timedelta(minutes=i)},M1,{value:.3f},1,1" for i, value in enumerate(sent)]
    file = write("\n".join([HEADER, *lines]), "held.csv")
    given = "-c", write(RULES, "c.toml"), "--readings", file, "--at", clock(12, 5)
    said = fumewatch("rules", "explain", "hot", "-m", "M1", *given, "--json")
    assert said.json["verdict"] == "no data"
    rules = RULES.replace('id = "hot"', 'id = "fresh"').replace(
        '"temperature"\nabove = 80', '"fume"\nabove = 8'
    )
    given = "-c", write(rules, "d.toml"), *given[2:]
    found = fumewatch("rules", "explain", "fresh", "-m", "M1", *given)
    assert "██████░░░░  6 fresh, 4 held" in found.out
    assert "measures anew every 1 min (learned)" in found.out


def test_a_rule_that_is_idle_says_so(of_file: Explain) -> None:
    told = of_file("clean", "M1", "--at", clock(11, 0)).out
    assert "CLEAR: values come, too few of them while when holds" in told


# ── days ──

DAYS = """
[[limit]]
name = "db31"
fume = 1.0
[[rule]]
id = "valid"
kind = "validity"
below = 0.9
at_least = "10m"
[[rule]]
id = "linked"
kind = "linkage_rate"
at_least = "10m"
[[rule]]
id = "wear"
kind = "deterioration"
window = "7d"
min_days = 5
min_minutes = 10
[[rule]]
id = "due"
kind = "cleaning"
"""


def three_days() -> list[str]:
    """Twenty minutes a day from noon on; after the first the purifier is mostly off."""
    return [
        f"{START + timedelta(days=day, hours=2, minutes=i)},M1,"
        f"{0.4 + 0.1 * day + 0.001 * i:.3f},1,{int(day < 1 or i < 5)}"
        for day in range(3)
        for i in range(20)
    ]


@pytest.mark.parametrize(
    ("rule", "at", "verdict", "expected"),
    [
        ("valid", "2026-11-24 09:00", "clear", 1.0),
        ("linked", "2026-11-25 00:30", "breach", 0.25),
        ("linked", "2026-11-25 00:20", "clear", 1.0),
        ("wear", "2026-11-25 09:00", "no data", "2 of the 5 valid days it needs"),
        ("due", "2026-11-24 09:00", "no data", "a cleaning is not known"),
    ],
)
def test_rules_of_days_judge_the_day_that_was_over(
    fumewatch: Fumewatch, write: Write, rule: str, at: str, verdict: str, expected: float | str
) -> None:
    file = write("\n".join([HEADER, *three_days()]), "days.csv")
    given = "-c", write(DAYS, "c.toml"), "--readings", file, "--at", at
    found = fumewatch("rules", "explain", rule, "-m", "M1", *given, "--json").json
    assert found["verdict"] == verdict
    because = "; ".join(lack["text"] for lack in found["no_data_because"])
    assert (because if isinstance(expected, str) else found["value"]) == expected
    assert found["window"] is None


def test_days_are_drawn(fumewatch: Fumewatch, write: Write) -> None:
    file = write("\n".join([HEADER, *three_days()]), "days.csv")
    given = "-c", write(DAYS, "c.toml"), "--readings", file, "--at", "2026-11-25 09:00"
    said = fumewatch("rules", "explain", "wear", "-m", "M1", *given).out
    assert "days                  ▁█  0.409 to 0.509" in said
    assert "  2026-11-24  0.509" in said


# ── the store ──


@pytest.mark.parametrize(
    ("rule", "at"), [("exceedance", (11, 14)), ("purifier-off", (11, 45)), ("outage", (12, 0))]
)
def test_the_store_says_what_the_file_says(
    of_file: Explain, of_store: Explain, rule: str, at: tuple[int, int]
) -> None:
    given = rule, "xuhui/M3", "--at", clock(*at), "--json"
    of_the_file, of_the_store = of_file(*given).json, of_store(*given).json
    for other in ("replayed", "evidence"):  # the outage's members have the store's numbers
        of_the_file.pop(other), of_the_store.pop(other)
    assert of_the_store == of_the_file


def test_the_last_minute_that_is_due_is_explained(of_store: Explain) -> None:
    assert of_store("exceedance", "M1", "--json").json["at"] == "2026-11-23T05:00:00+00:00"


def test_the_alert_of_the_store_as_it_stood_then(of_store: Explain, filled: Database) -> None:
    with filled.transaction() as conn:
        monitor = ids_of(conn)["M1"]
        fired = move(monitor, 37)
        alerts.save(conn, [fired])
        alerts.save(conn, [cleared(fired, 83)])
    stands = {
        at: of_store("exceedance", "M1", "--at", clock(*at), "--json").json["alert"]["stored"]
        for at in ((10, 30), (11, 0), (12, 0))
    }
    assert stands[10, 30] is None
    assert (stands[11, 0]["state"], stands[12, 0]["state"]) == ("firing", "resolved")
    assert stands[11, 0]["id"] == str(fired.alert.id)
    told = of_store("exceedance", "M1", "--at", clock(11, 0)).out
    assert f"alert, stored         firing since 10:37, {fired.alert.id}" in told


def test_a_pattern_counts_the_alerts_that_there_were(of_store: Explain, filled: Database) -> None:
    with filled.transaction() as conn:
        monitor = ids_of(conn)["M1"]
        alerts.save(conn, [move(monitor, 37)])
        alerts.save(conn, [cleared(move(monitor, 37), 83)])
        alerts.save(conn, [move(monitor, 90)])
    found = of_store("again", "M1", "--at", clock(11, 0), "--json").json
    assert (found["value"], found["verdict"]) == (1, "clear")
    found = of_store("again", "M1", "--at", clock(12, 0), "--json").json
    assert (found["value"], found["verdict"]) == (2, "breach")
    assert found["evidence"]["times"] == ["2026-11-23T02:37:00+00:00", "2026-11-23T03:30:00+00:00"]
    told = of_store("again", "M1", "--at", clock(12, 0)).out
    assert "times                 2026-11-23 10:37, 2026-11-23 11:30" in told
    assert "looked at             alerts and events of the store" in told
    assert "verdict               BREACH: count 2, held against 2" in told


def test_heartbeats_break_a_silence_and_wills_shorten_it(
    of_store: Explain, filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = minute(MINUTES + 40)
    monkeypatch.setattr("fumewatch.cli.options.clock", lambda: later + timedelta(seconds=30))
    silent = of_store("offline", "M1", "--json").json
    assert (silent["verdict"], silent["value"]) == ("breach", 41)
    with filled.transaction() as conn:
        devices.add(conn, [(ids_of(conn)["M1"], Heartbeat())], later - timedelta(minutes=5))
    beaten = of_store("offline", "M1", "--json").json
    assert (beaten["verdict"], beaten["value"]) == ("clear", 5)
    told = of_store("offline", "M1").out
    assert "a reading came" in told
    assert "20 of 60" in told


def test_what_the_store_had_learned_by_then_counts(of_store: Explain, filled: Database) -> None:
    """It measured every five minutes for weeks, so it does not matter that it is new in history."""
    with filled.transaction() as conn:
        monitor = ids_of(conn)["M1"]
        known = Learned.nothing(monitor + 1)
        fume = MEASURED.index(INDEX["fume"])
        known.gaps[fume, monitor, 5] = 1000
        known.seen_at[fume, monitor] = round(minute(0).timestamp()) // 60
        learned.save(conn, round(minute(5).timestamp() * 1e6), [known])
    found = of_store("exceedance", "M1", "--at", clock(11, 0), "--json").json
    assert (found["evidence"]["refresh_minutes"], found["evidence"]["refresh_learned"]) == (5, True)
    assert found["replayed"]["learned_at"] == "2026-11-23T02:05:00+00:00"
    found = of_store("exceedance", "M1", "--at", clock(10, 4), "--json").json
    assert found["replayed"]["learned_at"] is None, "what was learned later was not known then"


def minute(number: float) -> datetime:
    return (START + timedelta(minutes=number)).replace(tzinfo=SHANGHAI)


def move(monitor: int, opened: int) -> Transition:
    """An alert fires."""
    at = minute(opened).astimezone(UTC)
    alert = Alert(
        alert_id("exceedance", monitor, at), "exceedance", "threshold", Severity.WARNING, monitor,
        State.FIRING, at, at, 1.03, 1.0, fired_at=at,
    )  # fmt: skip
    return Transition(alert, None, at, Reason.BREACHED)


def cleared(fired: Transition, at: int) -> Transition:
    over = replace(fired.alert, state=State.RESOLVED, resolved_at=minute(at))
    return Transition(over, State.FIRING, minute(at), Reason.CLEARED)


# ── what is refused ──


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("exceedence", "M1"), "no rule 'exceedence'; did you mean exceedance?"),
        (("x", "M1"), "no rule 'x'; there are again, clean, dinner"),
        (("exceedance", "M9"), "no monitor 'M9'; there are M1, M2, M3"),
        (("exceedance", "xuhi/M1"), "no monitor 'xuhi/M1'; did you mean xuhui/M1"),
        (("exceedance", "M1", "--at", "soon"), "'soon' is no time; write '2026-11-23 12:05'"),
        (("exceedance", "M1", "--at", clock(13, 1)), "13:01 CST is later than the last minute"),
        (("exceedance", "M1", "--at", clock(9, 0)), "no reading of xuhui/M1 from"),
    ],
)
@pytest.mark.parametrize("where", ["file", "store"])
def test_what_cannot_be_explained_is_refused(
    request: pytest.FixtureRequest, given: tuple[str, ...], told: str, where: str
) -> None:
    said = request.getfixturevalue(f"of_{where}")(*given)
    assert said.code != 0
    assert said.out == ""
    assert told in " ".join(said.err.split())


def test_a_monitor_that_never_sent_is_told_of(of_store: Explain) -> None:
    assert "the store has no reading of xuhui/other at all" in of_store("exceedance", "other").err


def test_sites_go_with_a_file(of_store: Explain, write: Write) -> None:
    said = of_store("exceedance", "M1", "--sites", write(SITES, "s.csv"))
    assert "goes with --readings" in said.err
