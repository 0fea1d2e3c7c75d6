"""Trials: what their monitors send, and what is not as expected."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, Verdict
from fumewatch.core.days import NO_DAY, Days, date_of, day_number
from fumewatch.core.fresh import Freshness, held_minutes
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.pause import Pause
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.core.rules.day import DayRule
from fumewatch.core.rules.rule import Text
from fumewatch.core.series import Flags, Series, flags, measured, state
from fumewatch.core.trial import Expected, Trial, Watched, micros
from fumewatch.core.trial.compare import Saying, Seen, compare
from fumewatch.core.trial.days import each_day
from fumewatch.core.trial.perform import Terms, perform
from fumewatch.core.trial.sent import readings
from fumewatch.core.view import MINUTE
from tests.core.scene import ZONE, place, roster_of

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # 11:00 in Shanghai


def watched(number: int = 0, quality: Flags | None = None, **texts: str) -> Watched:
    channels = {c.name: state if c.is_state else measured for c in CHANNELS}
    series = {name: channels[name](text) for name, text in texts.items()}
    return Watched(place(number), series, quality or Flags())


def trial(*monitors: Watched, minutes: int = 10, **fields: Any) -> Trial:
    known = {"interval": timedelta(minutes=1), "expected": (), "start": START} | fields
    end = known["start"] + minutes * timedelta(minutes=1)
    return Trial("it", end=end, watched=monitors, **known)


def minutes_of(sent: Readings, channel: str, monitor: int = 0) -> dict[int, list[int]]:
    """By minute after the start: the values, in thousandths."""
    found: dict[int, list[int]] = {}
    for at, value, of in zip(
        sent.measured_at, sent.values[INDEX[channel]], sent.monitor, strict=True
    ):
        if of == monitor:
            found.setdefault(int(at - micros(START)) // MINUTE, []).append(int(value))
    return found


def test_a_point_is_two_readings_around_the_value_or_alike() -> None:
    sent = readings(trial(watched(fume="0.4x2 _ =1.3", fan_on="onx2 _x2"), minutes=4))
    assert minutes_of(sent, "fume") == {0: [399, 401], 1: [399, 401], 3: [1300, 1300]}
    assert minutes_of(sent, "fan_on") == {0: [1, 1], 1: [1, 1], 3: [MISSING] * 2}
    seconds = (sent.measured_at - micros(START)) / 1e6
    assert seconds.tolist() == [30, 31, 90, 91, 210, 211]
    assert not sent.unjudged.any()


def test_what_is_measured_anew_is_fresh_and_what_is_held_is_not() -> None:
    by_minute = minutes_of(readings(trial(watched(fume="0.4x6 =1.3x6"), minutes=12)), "fume")
    value = [values[0] if len(set(values)) == 1 else MISSING for values in by_minute.values()]
    held = held_minutes(np.array(value, np.int32), np.ones(12, np.bool_), Freshness())
    assert held.tolist() == [False] * 7 + [True] * 5
    assert [sum(values) / len(values) for values in by_minute.values()] == [400] * 6 + [1300] * 6


@pytest.mark.parametrize(
    ("channel", "text", "sent", "is_judged"),
    [
        ("fume", "0", [0, 1], True),
        ("fume", "30", [29_999, 30_000], True),
        ("fume", "=30.001", [30_001] * 2, False),
        ("fume", "31", [30_999, 31_000], False),
        ("fume", "-1", [-1000, -999], False),
        ("temperature", "-40", [-40_000, -39_999], True),
    ],
)
def test_the_jitter_stays_within_what_is_plausible(
    channel: str, text: str, sent: list[int], is_judged: bool
) -> None:
    found = readings(trial(watched(**{channel: text}), minutes=1))
    assert minutes_of(found, channel) == {0: sent}
    assert (found.unjudged == (0 if is_judged else 1 << INDEX[channel])).all()


def test_series_that_go_on_fill_the_test_and_the_others_end() -> None:
    sent = readings(trial(watched(fume="=0.4x2", fan_on="onx*"), minutes=3))
    assert minutes_of(sent, "fume") == {0: [400] * 2, 1: [400] * 2, 2: [MISSING] * 2}
    assert minutes_of(sent, "fan_on") == {0: [1] * 2, 1: [1] * 2, 2: [1] * 2}


def test_nothing_is_sent_where_every_channel_is_missing() -> None:
    sent = readings(trial(watched(fume="=1 _ _", fan_on="_ _ on"), minutes=5))
    assert minutes_of(sent, "fume") == {0: [1000] * 2, 2: [MISSING] * 2}
    assert len(readings(trial(watched(fume="_x5"), minutes=5))) == 0


def test_points_lie_an_interval_apart_and_monitors_take_turns() -> None:
    sent = readings(
        trial(
            watched(0, fume="=1 =2"),
            watched(1, fume="=3 =4", quality=flags("N D")),
            minutes=1,
            interval=timedelta(seconds=30),
        )
    )
    assert ((sent.measured_at - micros(START)) // 1_000_000).tolist() == [
        15, 15, 16, 16, 45, 45, 46, 46,
    ]  # fmt: skip
    assert sent.monitor.tolist() == [0, 1] * 4
    assert bytes(sent.quality).decode() == "NNNNNDND"


# ── expected and actual ──


def alert(state: State = State.FIRING, value: float = 1.3, rule: str = "a", n: int = 0) -> Alert:
    return Alert(
        uuid.UUID(int=0), rule, "threshold", Severity.WARNING, n, state, START, START, value, 1.0
    )


def move(minute: int, moved: Alert) -> Transition:
    return Transition(moved, None, START + minute * timedelta(minutes=1), Reason.BREACHED)


def expected(rule: str = "a", at: int | None = 5, **fields: Any) -> Expected:
    when = None if at is None else START + at * timedelta(minutes=1)
    return Expected(rule, **{"monitor": 0, "at": when} | fields)


FIRED = alert()
NEVER = expected(at=None)
SAID = Saying(Verdict.CLEAR, 0.94, 1.0)


@pytest.mark.parametrize(
    ("wanted", "moves", "differences"),
    [
        (expected(state=State.FIRING), [FIRED], []),
        (expected(state=State.FIRING, value=1.3, severity=Severity.WARNING), [FIRED], []),
        (expected(state=State.FIRING, value=1.3004), [FIRED], []),
        (expected(state=State.FIRING, value=1.301), [FIRED], [("value", 1.301, 1.3)]),
        (expected(state=State.FIRING, value=1.3), [alert(value=np.nan)], [("value", 1.3, np.nan)]),
        (
            expected(state=State.FIRING, value=2, severity=Severity.CRITICAL),
            [FIRED],
            [("value", 2, 1.3), ("severity", "critical", "warning")],
        ),
        (expected(state=State.FIRING), [], [("state", "firing", "none")]),
        (expected(state=State.PENDING, value=9), [FIRED], [("state", "pending", "firing")]),
        (expected(), [], []),
        (expected(), [alert(State.RESOLVED)], [("state", "none", "resolved")]),
        (expected(state=State.FIRING, monitor=1), [FIRED], [("state", "firing", "none")]),
        (NEVER, [], []),
        (NEVER, [alert(State.PENDING), alert(State.RESOLVED)], []),
        (NEVER, [alert(n=1), alert(rule="b")], []),
        (NEVER, [alert(State.PENDING), FIRED, FIRED], [("never", "never firing", "firing")]),
    ],
)
def test_differences(
    wanted: Expected, moves: list[Alert], differences: list[tuple[str, Any, Any]]
) -> None:
    seen = {(each.rule, each.monitor): each for each in moves}
    found = compare(
        trial(watched(), expected=(wanted,)),
        [move(i, each) for i, each in enumerate(moves)],
        {wanted.at: Seen(seen, {("a", 0): SAID})} if wanted.at else {},
    )
    assert repr([(d.what, d.expected, d.actual) for d in found]) == repr(differences)
    assert {d.number for d in found} <= {0}
    assert all(d.said == SAID for d in found if d.what == "state" and d.monitor == 0)


def test_only_allows_no_other_rule_to_fire() -> None:
    """Once a rule and monitor, when it first fires; one that is only pending wakes no one."""
    moves = [
        move(1, alert(State.PENDING, rule="b")),
        move(2, alert(rule="a")),
        move(3, alert(rule="c", n=1)),
        move(4, alert(rule="c", n=1)),
    ]
    of = trial(watched(), watched(1), expected=(expected(state=State.FIRING),), only=True)
    (found,) = compare(of, moves, {expected().at: Seen({("a", 0): FIRED}, {})})
    assert (found.what, found.rule, found.monitor, found.number) == ("only", "c", 1, None)
    assert found.at == START + timedelta(minutes=3)


# ── days ──

MIDNIGHT = datetime(2026, 11, 22, 16, tzinfo=UTC)  # in Shanghai


def days_of(
    cleanings: tuple[date, ...] = (), pauses: Sequence[Pause] = (), **texts: str
) -> list[tuple[datetime, Days]]:
    series: Mapping[str, Series] = {name: measured(text) for name, text in texts.items()}
    monitor = Watched(place(cleanings=cleanings), days=series)
    count = max(each.least for each in series.values())
    days = timedelta(days=1)
    of = Trial("it", MIDNIGHT, MIDNIGHT + count * days, days, (monitor,), ())
    return list(each_day(of, roster_of(monitor.place, pauses=pauses), ZoneInfo(ZONE)))


def test_each_day_is_judged_at_its_end_with_the_days_before_it() -> None:
    found = days_of(fume="0.4+0.1x4")
    assert [at for at, _ in found] == [MIDNIGHT + (i + 1) * timedelta(days=1) for i in range(4)]
    assert [days.now for _, days in found] == [micros(at) for at, _ in found]
    assert [len(days.day) for _, days in found] == [1, 2, 3, 4]
    _, last = found[-1]
    assert [date_of(day) for day in last.day] == [date(2026, 11, 23 + i) for i in range(4)]
    assert last.median("fume")[:, 0].tolist() == pytest.approx([0.4, 0.5, 0.6, 0.7])


@pytest.mark.parametrize(
    ("texts", "facts"),
    [
        ({"fume": "1"}, {"readings": 1440, "valid": 1440, "open": 570, "fan": 570}),
        ({"fan": "480"}, {"fan": 480, "linkage_known": 480, "linkage_on": 480}),
        ({"fan": "480", "linkage_on": "300"}, {"linkage_known": 480, "linkage_on": 300}),
        ({"readings": "100"}, {"readings": 100, "valid": 100, "open": 570, "fan": 100}),
        ({"open": "0"}, {"open": 0, "fan": 0, "linkage_on": 0}),
        ({"readings": "_"}, {"readings": 0, "valid": 0, "fan": 0}),
    ],
)
def test_what_is_not_named_is_an_ordinary_day(texts: dict[str, str], facts: dict[str, int]) -> None:
    ((_, days),) = days_of(**texts)
    assert {name: int(getattr(days.facts, name)[0, 0]) for name in facts} == facts


def test_a_pause_is_no_time_in_which_the_site_is_open() -> None:
    pause = Pause.model_validate(
        {"from": "2026-11-23 12:00", "to": "2026-11-24", "reason": "maintenance"}
    )
    _, last = days_of(fume="1x3", pauses=[pause])[-1]  # open from 10:00 on
    assert last.facts.open[:, 0].tolist() == [120, 0, 570]
    assert last.facts.valid_open[:, 0].tolist() == [120, 0, 570]
    assert last.facts.readings[:, 0].tolist() == [1440] * 3


def test_a_median_rests_on_the_minutes_that_are_counted() -> None:
    ((_, days),) = days_of(fume="0.4", pm="_", counted="30")
    counted = days.facts.counted[:, 0, 0]
    assert counted[INDEX["fume"]] == 30
    assert counted[INDEX["pm"]] == counted[INDEX["nmhc"]] == 0


def test_the_last_cleaning_is_known_on_each_day() -> None:
    cleaned = date(2026, 11, 24)
    _, last = days_of(cleanings=(cleaned,), fume="1x3")[-1]
    assert last.cleaned[:, 0].tolist() == [NO_DAY, day_number(cleaned), day_number(cleaned)]


class Idle(DayRule):
    """A rule of days, the smallest there can be: the fan ran for less than `below` minutes."""

    kind: str = "idle"
    below: int

    @property
    def days_needed(self) -> int:
        return 1

    @property
    def channels_needed(self) -> frozenset[int]:
        return frozenset()

    def default_title(self) -> Text:
        return Text(zh="风机未运行", en="idle")

    def weigh(self, days: Days) -> Judgement:
        fan = days.facts.fan[-1:].astype(np.float64)
        return decide(fan < self.below, fan < self.below, fan >= 0, fan, self.below)

    def evidence(self, days: Days, row: int) -> dict[str, Any]:
        return {"value": float(days.facts.fan[-1, row])}


def test_days_are_judged_by_the_rules_of_days() -> None:
    """At the end of each: a day of 480 minutes, two of 100, and one of 480 again."""
    day = timedelta(days=1)
    expectations = (
        Expected("idle", 0, MIDNIGHT + day),
        Expected("idle", 0, MIDNIGHT + 2 * day, State.PENDING, 100),
        Expected("idle", 0, MIDNIGHT + 3 * day, State.FIRING, 100, Severity.INFO),
        Expected("idle", 0, MIDNIGHT + 4 * day, State.FIRING),
    )
    monitor = Watched(place(), days={"fan": measured("480 100x2 480")})
    of = Trial("it", MIDNIGHT, MIDNIGHT + 4 * day, day, (monitor,), expectations)
    rule = Idle(id="idle", below=200, severity=Severity.INFO, **{"for": day})
    (found,) = perform(
        of, Terms([rule], Freshness(), ZoneInfo(ZONE), lambda places, _: roster_of(*places))
    ).differences
    assert (found.number, found.expected, found.actual) == (3, "firing", "resolved")
    assert found.said == Saying(Verdict.CLEAR, 480, 200)
