"""Values that do not change. Every series ends at 12:00 in Shanghai, a value a minute."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.core.alert import Verdict
from fumewatch.core.reading import INDEX
from fumewatch.core.rules.flatline import Flatline
from fumewatch.core.view import View
from tests.core.history import rule_of
from tests.core.instants import settled
from tests.core.scene import Monitor, wavering

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
BEFORE = wavering(0.5, 60)
ON, OFF = [1.0], [0.0]


def flatline(**fields: Any) -> Flatline:
    rule: Flatline = rule_of(Flatline, **fields)
    return rule


def cooking(fume: Sequence[float | None], fan: Sequence[float] = ON) -> Monitor:
    """`fan`: its last states; on before."""
    return {"fume": fume, "fan_on": [1.0] * (len(fume) - len(fan)) + list(fan)}


def verdicts(rule: Flatline, of: View) -> tuple[Verdict, Verdict]:
    """Where no alert fires, and where one does."""
    found = rule.judge(of)
    return Verdict(found.opens[0, 0]), Verdict(found.stays[0, 0])


def stuck(minutes: int) -> list[float | None]:
    """It changed to 0.8 so many minutes ago."""
    return [*BEFORE, *[0.8] * (minutes + 1)]


@pytest.mark.parametrize(
    ("monitor", "opens", "stays"),
    [
        pytest.param(cooking(BEFORE), CLEAR, CLEAR, id="a new value each minute"),
        pytest.param(cooking(stuck(29)), CLEAR, BREACH, id="the same for 29 minutes"),
        pytest.param(cooking(stuck(30)), BREACH, BREACH, id="the same for 30 minutes"),
        pytest.param(cooking(stuck(120)), BREACH, BREACH, id="the same for two hours"),
        pytest.param(cooking([*stuck(120), 0.9]), CLEAR, CLEAR, id="changed just now"),
        pytest.param(cooking([0.8] * 31), BREACH, BREACH, id="nothing before it is known"),
        pytest.param(cooking(stuck(40), OFF * 10), BREACH, BREACH, id="the fan off for 10 of 40"),
        pytest.param(cooking(stuck(39), OFF * 10), CLEAR, BREACH, id="the fan on for 29 minutes"),
        pytest.param(cooking(stuck(99), OFF * 60), CLEAR, BREACH, id="the fan off for an hour"),
        pytest.param({"fume": stuck(30)}, BREACH, BREACH, id="no fan reported"),
        pytest.param(cooking([*stuck(30), *[None] * 10]), BREACH, BREACH, id="and a gap"),
        pytest.param(cooking([*stuck(9), *[None] * 20, 0.8]), CLEAR, BREACH, id="mostly a gap"),
        pytest.param(cooking([*stuck(30), *[None] * 60]), NO_DATA, NO_DATA, id="no value any more"),
        pytest.param({"fan_on": [1.0] * 90}, NO_DATA, NO_DATA, id="never one"),
    ],
)
def test_flatline(monitor: Monitor, opens: Verdict, stays: Verdict) -> None:
    assert verdicts(flatline(when={"fan_on": True}), settled(monitor)) == (opens, stays)


REFRESHING = [round(0.1 + 0.01 * (minute // 11), 2) for minute in range(230)]
"""Every 11 minutes a new value; the last came 9 minutes ago."""


@pytest.mark.parametrize(
    ("refreshes", "held", "opens"),
    [
        pytest.param(2, 20, CLEAR, id="held for less than half an hour"),
        pytest.param(2, 21, BREACH, id="half an hour is almost three periods"),
        pytest.param(3, 23, CLEAR, id="less than three periods"),
        pytest.param(3, 24, BREACH, id="three periods"),
    ],
)
def test_it_waits_for_refresh_periods_that_it_learned(
    refreshes: float, held: int, opens: Verdict
) -> None:
    of = settled({"fume": [*REFRESHING, *REFRESHING[-1:] * held]})
    assert of.channel(INDEX["fume"]).period[0] == 11
    assert verdicts(flatline(refreshes=refreshes), of)[0] is opens


ALL_DAY = range(96)


@pytest.mark.parametrize(
    ("active", "opens"),
    [
        pytest.param(None, BREACH, id="not learned yet"),
        pytest.param(ALL_DAY, BREACH, id="it measures all day"),
        pytest.param([*ALL_DAY[:40], *ALL_DAY[52:]], CLEAR, id="not from 10:00 to 13:00"),
        pytest.param([46, 47, 48], BREACH, id="from 11:30"),
        pytest.param([47, 48], CLEAR, id="from 11:45"),
    ],
)
def test_where_it_does_not_measure_a_value_is_held(
    active: Sequence[int] | None, opens: Verdict
) -> None:
    of = settled({"fume": stuck(30)}, active=active)
    assert verdicts(flatline(), of)[0] is opens


def test_evidence() -> None:
    monitor = cooking(stuck(35), OFF * 2)
    rule = flatline(when={"fan_on": True}, window="40m")
    told = rule.evidence(settled(monitor), 0, 0)
    times = told.pop("times")
    assert (len(times), times[0], times[-1]) == (
        33,
        "2026-11-23T03:25:00+00:00",
        "2026-11-23T03:57:00+00:00",
    )
    assert told == {
        "channel": "fume",
        "unit": "min",
        "window": {"from": "2026-11-23T03:20:00+00:00", "to": "2026-11-23T04:00:00+00:00"},
        "value": 33,
        "limit": 30,
        "stuck_at": 0.8,
        "unchanged_minutes": 35,
        "refresh_minutes": 1,
        "refresh_learned": True,
        "skipped": [],
    }


@settings(max_examples=15)
@given(
    st.lists(st.sampled_from([0.1, 0.1, 0.1, 0.2, None]), min_size=60, max_size=60),
    st.lists(st.sampled_from([1.0, 1.0, 0.0, None]), min_size=60, max_size=60),
)
def test_each_of_many_instants_is_judged_as_if_alone(
    fume: list[float | None], fan: list[float | None]
) -> None:
    rule = flatline(window="15m", at_least="5m", when={"fan_on": True})
    many = {"fume": [0.3, *fume], "fan_on": [1.0, *fan]}
    found = rule.judge(settled(many, instants=30, now="23 11:59", default="3m"))
    for instant in (0, 28):
        shorter = {name: series[: 32 + instant] for name, series in many.items()}
        alone = rule.judge(settled(shorter, now=f"23 11:{30 + instant}", default="3m"))
        for name in ("opens", "stays", "value"):
            assert getattr(found, name)[instant, 0] == getattr(alone, name)[0, 0]


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"at_least": "2h"}, (), "longer than the window"),
        ({"refreshes": 0.5}, ("refreshes",), "greater than or equal to 1"),
        ({"channel": "fan_on"}, ("channel",), "'fume', 'pm'"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], where: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        flatline(**fields)
    fault = caught.value.errors()[0]
    assert fault["loc"] == where
    assert says in fault["msg"]
