"""Rosters: built anew only where a place changed."""

from datetime import UTC, datetime

from fumewatch.config import example, load
from fumewatch.config.rosters import Rosters
from fumewatch.core.roster import NEVER
from tests.core.scene import micros, place

AT = datetime(2026, 11, 23, tzinfo=UTC)


def test_a_will_changes_only_the_wills() -> None:
    rosters, places = Rosters(load(example.path(), {})), [place(0), place(1)]
    first = rosters.of(places, {})
    second = rosters.of(places, {1: AT})
    assert second.will_at.tolist() == [NEVER, micros(AT), NEVER]
    assert first.will_at.tolist() == [NEVER] * 3
    assert second.groups is first.groups


def test_other_places_are_another_roster() -> None:
    rosters, places = Rosters(load(example.path(), {})), [place(0)]
    first = rosters.of(places, {})
    assert rosters.of([*places, place(1)], {}).size == first.size + 1
