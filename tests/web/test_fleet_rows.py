"""The fleet as pages ask for it: what stays and what changes apart, joined to what one row says."""

from datetime import timedelta

import pytest

from fumewatch.config import Config
from fumewatch.core.reading import CHANNELS
from fumewatch.store import Database
from fumewatch.store.pages import fleet
from fumewatch.web.overview import Overview
from fumewatch.web.present import Presenter
from tests.web.conftest import NOW
from tests.web.seed import Seeded


def test_the_fleet_is_its_monitors(district: Database, seeded: Seeded) -> None:
    with district.transaction() as conn:
        rows = fleet.monitors(conn)
        alone = [fleet.monitor(conn, row.id) for row in rows]
        among = fleet.monitors_among(conn, seeded.monitors)
    assert rows == alone == among
    assert [row.id for row in rows[-2:]] == seeded.monitors[-2:]  # unassigned: no street
    assert any(row.alert_kinds for row in rows)
    assert any(row.cleaned_at for row in rows)


def test_latest_has_the_channels_in_order(district: Database, seeded: Seeded) -> None:
    with district.transaction() as conn:
        row = fleet.monitor(conn, seeded.monitors[0])
    assert row is not None
    assert dict(zip((channel.name for channel in CHANNELS), row.latest, strict=True)) == {
        channel.name: getattr(row, channel.name) for channel in CHANNELS
    }
    assert row.fume is not None
    assert row.fan_on == 1


def test_whom_only_one_of_the_two_knows_is_left_out(district: Database, seeded: Seeded) -> None:
    """A monitor was registered, or deleted, between the two."""
    with district.transaction() as conn:
        places, states = fleet.places(conn), fleet.states(conn)
    first, second, *_ = places
    del places[first], states[second]
    assert first in states
    assert [row.id for row in fleet.joined(places, states)] == list(places)[1:]


def test_places_are_read_for_many_looks_at_the_states_and_at_once_for_a_new_monitor(
    database: Database, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, now, places = [], [NOW], fleet.places
    monkeypatch.setattr(fleet, "places", lambda conn: [read.append(now[0]), places(conn)][1])
    overview = Overview(database, Presenter(config), lambda: now[0])
    seen = []
    for code in ("M1", None, None, "M2", None):
        if code:
            with database.transaction() as conn:
                conn.execute("insert into monitor (district, code) values ('xuhui', %s)", [code])
        seen.append([member.row.code for member in overview.fleet()])
        now[0] += timedelta(seconds=3)
    assert seen == [["M1"]] * 3 + [["M1", "M2"]] * 2
    assert read == [NOW, NOW + timedelta(seconds=9)]
    now[0] += timedelta(seconds=30)
    overview.fleet()
    assert len(read) == 3
