"""Many silent monitors at once. Open 10:00-14:00, 16:30-22:00; times are local, of November."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.core.alert import Verdict
from fumewatch.core.pause import Pause
from fumewatch.core.roster import Roster
from fumewatch.core.rules.outage import Outage
from fumewatch.core.view import View
from tests.core.history import rule_of
from tests.core.instants import heard_of
from tests.core.scene import ZONE, place, roster_of

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
ALIVE, SILENT = "23 11:59", "23 11:40"


def outage(**fields: Any) -> Outage:
    rule: Outage = rule_of(Outage, **fields)
    return rule


def fleet(*vendors: str, **more: Any) -> Roster:
    return roster_of(*(place(i, vendor=vendor) for i, vendor in enumerate(vendors)), **more)


def view(measured: Sequence[str | None], now: str = "23 12:00", **more: Any) -> View:
    roster = more.pop("roster", None) or fleet(*["acme"] * len(measured))
    return heard_of(now, measured, roster=roster, **more)


def ago(minutes: int) -> str:
    """Before noon on the 23rd."""
    return f"23 {(720 - minutes) // 60:02}:{-minutes % 60:02}"


def first(rule: Outage, of: View) -> tuple[Verdict, Verdict]:
    """Where no alert fires, and where one does: at the first monitor; all others are clear."""
    found = rule.judge(of)
    assert (found.opens[0, 1:] == CLEAR).all()
    assert (found.stays[0, 1:] == CLEAR).all()
    return Verdict(found.opens[0, 0]), Verdict(found.stays[0, 0])


@pytest.mark.parametrize(
    ("measured", "opens", "stays"),
    [
        pytest.param([ALIVE] * 10, CLEAR, CLEAR, id="all alive"),
        pytest.param([SILENT] * 10, BREACH, BREACH, id="all silent for 20 minutes"),
        pytest.param(["23 11:41"] * 10, CLEAR, CLEAR, id="all silent for 19 minutes"),
        pytest.param([SILENT] * 5 + [ALIVE] * 5, BREACH, BREACH, id="half of them"),
        pytest.param([ALIVE] * 5 + [SILENT] * 5, BREACH, BREACH, id="not the first one"),
        pytest.param([SILENT] * 5 + [ALIVE] * 6, CLEAR, BREACH, id="less than half"),
        pytest.param([SILENT] * 4, CLEAR, BREACH, id="only four"),
        pytest.param([SILENT] * 3 + [ALIVE] * 9, CLEAR, BREACH, id="still a quarter"),
        pytest.param([SILENT] * 2 + [ALIVE] * 7, CLEAR, CLEAR, id="less than a quarter"),
        pytest.param(["23 05:59"] * 5, CLEAR, BREACH, id="away for more than six hours"),
        pytest.param(["23 06:00"] * 5, BREACH, BREACH, id="silent for six hours"),
        pytest.param([SILENT] * 5 + ["22 21:00"] * 9, BREACH, BREACH, id="the away do not count"),
        pytest.param([SILENT] * 5 + [None] * 9, BREACH, BREACH, id="who never was does not count"),
        pytest.param(["16 11:59"] * 9 + [ALIVE], CLEAR, CLEAR, id="gone for a week"),
        pytest.param([None] * 5, NO_DATA, NO_DATA, id="never heard of"),
    ],
)
def test_outage(measured: Sequence[str | None], opens: Verdict, stays: Verdict) -> None:
    assert first(outage(), view(measured)) == (opens, stays)


@pytest.mark.parametrize(
    ("last", "now", "opens", "stays"),
    [
        pytest.param("23 13:50", "23 14:30", CLEAR, BREACH, id="switched off at closing"),
        pytest.param("23 13:30", "23 13:59", BREACH, BREACH, id="silent before closing"),
        pytest.param("22 22:00", "23 10:30", CLEAR, BREACH, id="not switched on yet"),
        pytest.param("23 09:00", "23 10:19", CLEAR, BREACH, id="open for 19 minutes"),
        pytest.param("23 09:00", "23 10:20", BREACH, BREACH, id="open for 20 minutes"),
        pytest.param("22 22:59", "22 23:00", CLEAR, CLEAR, id="back, if after closing"),
    ],
)
def test_business_hours(last: str, now: str, opens: Verdict, stays: Verdict) -> None:
    assert first(outage(), view([last] * 8, now)) == (opens, stays)


def test_a_heartbeat_is_a_sign_of_life() -> None:
    beats = ["23 11:50"] * 6
    assert first(outage(), view([SILENT] * 10)) == (BREACH, BREACH)
    assert first(outage(), view([SILENT] * 10, beats=beats)) == (CLEAR, BREACH)
    assert first(outage(), view([SILENT] * 10, beats=[*beats, *beats[:4]])) == (CLEAR, CLEAR)


def test_a_last_will_shortens_the_wait() -> None:
    will = datetime(2026, 11, 23, 11, 56, tzinfo=ZoneInfo(ZONE))
    gone = fleet(*["acme"] * 6, offline_since=dict.fromkeys(range(6), will))
    silent = view(["23 11:56"] * 6, roster=gone)
    assert first(outage(after_last_will="4m"), silent) == (BREACH, BREACH)
    assert first(outage(after_last_will="5m"), silent) == (CLEAR, CLEAR)
    assert first(outage(), silent) == (CLEAR, CLEAR)
    since = view(["23 11:57"] * 6, now="23 12:02", roster=gone)
    assert first(outage(after_last_will="4m"), since) == (CLEAR, CLEAR)


def test_paused_monitors_do_not_count() -> None:
    closed = Pause(**{"from": "2026-11-01", "to": "2026-11-30", "reason": "closure"})
    vendors = ["acme"] * 8
    assert first(outage(), view([SILENT] * 8, roster=fleet(*vendors)))[0] is BREACH
    assert first(outage(), view([SILENT] * 8, roster=fleet(*vendors, pauses=[closed])))[0] is CLEAR


def test_each_group_by_itself() -> None:
    roster = fleet("", "acme", "bolt", *["acme", "bolt"] * 5, "")
    of = view([SILENT, ALIVE, SILENT, *[ALIVE, SILENT] * 5, SILENT], roster=roster)
    found = outage().judge(of)
    assert np.flatnonzero(found.opens[0] == BREACH).tolist() == [2]
    assert found.value[0, :3].tolist() == pytest.approx([np.nan, 0, 6], nan_ok=True)


def test_a_street_is_one_of_its_district() -> None:
    streets = [place(i, street="天平路街道") for i in range(6)]
    others = [place(i, street="") for i in range(6, 12)]
    roster = roster_of(*streets, *others)
    found = outage(by="street").judge(view([SILENT] * 12, roster=roster))
    assert np.flatnonzero(found.opens[0] == BREACH).tolist() == [0]
    told = outage(by="street").evidence(view([SILENT] * 12, roster=roster), 0, 0)
    assert told["name"] == "xuhui/天平路街道"


def test_only_monitors_that_the_rule_is_about() -> None:
    places = [place(i, vendor="acme", tags=("火锅",) if i % 2 else ()) for i in range(12)]
    of = view([ALIVE, SILENT] * 6, roster=roster_of(*places))
    found = outage(when={"tags": ["火锅"]}, share=1).judge(of)
    assert np.flatnonzero(found.opens[0] == BREACH).tolist() == [1]


def test_evidence_names_who_is_silent() -> None:
    of = view([ALIVE] * 2 + [SILENT] * 4 + ["23 11:20"] * 2)
    assert outage().evidence(of, 0, 0) == {
        "by": "vendor",
        "name": "acme",
        "value": 6,
        "limit": 5,
        "of": 8,
        "members": [2, 3, 4, 5, 6, 7],
        "last_signs": {"from": "2026-11-23T03:20:00+00:00", "to": "2026-11-23T03:40:00+00:00"},
    }


def test_evidence_when_it_is_over() -> None:
    told = outage().evidence(view([ALIVE] * 8), 0, 0)
    assert (told["value"], told["members"], told["last_signs"]) == (0, [], None)
    assert outage().evidence(view([ALIVE], roster=fleet("")), 0, 0) == {"by": "vendor", "limit": 5}


def test_members_are_part_of_the_incident_of_their_first() -> None:
    roster = fleet("bolt", *["acme"] * 8, "bolt", "")
    of = view([SILENT, ALIVE, *[SILENT] * 6, "23 02:00", SILENT, SILENT], roster=roster)
    folded = outage(clear_share=0.5).members(of, 0)
    assert folded.tolist() == [0, -1, 1, 1, 1, 1, 1, 1, 1, 0, -1]
    assert folded.dtype == np.int32
    calm = view([ALIVE, SILENT, *[ALIVE] * 9], roster=roster)
    assert (outage().members(calm, 0) == -1).all()


def test_the_last_instant_is_one_of_many() -> None:
    """Five fall silent at 11:40; at 12:03 they are back."""
    of = view(["23 11:40"] * 5 + [ALIVE] * 5, now="23 12:05", instants=10)
    found = outage().judge(of)
    assert (found.opens[:, 0] == BREACH).tolist() == [False] * 4 + [True] * 6
    assert outage().evidence(of, 4, 0)["members"] == [0, 1, 2, 3, 4]
    assert outage().evidence(of, 3, 0)["members"] == []


@given(st.data())
def test_it_is_what_counting_one_by_one_gives(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 24))
    vendors = data.draw(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=n, max_size=n))
    minutes = data.draw(st.lists(st.integers(0, 120), min_size=n, max_size=n))
    rule = outage(at_least=2, share=0.6, clear_share=0.3)
    measured = [ago(minute) for minute in minutes]
    found = rule.judge(view(measured, roster=fleet(*vendors)))
    for vendor in set(vendors) - {""}:
        members = [i for i in range(n) if vendors[i] == vendor]
        silent = sum(minutes[i] >= 20 for i in members)
        assert found.value[0, members[0]] == silent
        expected = BREACH if silent >= max(2, 0.6 * len(members)) else CLEAR
        assert found.opens[0, members[0]] == expected


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"by": "district"}, ("by",), "'vendor' or 'street'"),
        ({"at_least": 1}, ("at_least",), "greater than or equal to 2"),
        ({"share": 1.5}, ("share",), "less than or equal to 1"),
        ({"clear_share": 0.6}, (), "over as it begins"),
        ({"alive_within": "15m"}, (), "must follow each other"),
        ({"gone_after": "1h"}, (), "must follow each other"),
        ({"when": {"fan_on": True}}, (), "there are no minutes"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], where: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        outage(**fields)
    fault = caught.value.errors()[0]
    assert fault["loc"] == where
    assert says in fault["msg"]


def test_it_needs_the_whole_fleet_and_no_channel() -> None:
    assert Outage.WHOLE_FLEET
    assert outage().channels_needed == frozenset()
    assert outage().minutes_needed == 1
