"""Monitors and sites: who is where."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fumewatch.core.calendar import BusinessHours
from fumewatch.core.facts import Facts, MonitorFacts, OutletFacts, SiteFacts
from fumewatch.core.site import Place
from fumewatch.store import Database, monitors, sites
from fumewatch.store.sites import Changes
from fumewatch.store.tally import Tally
from tests.store.build import NOON, at

NOODLES = SiteFacts(
    "S1", "Noodles", "xuhui", "Tianlin", "1 Road", "Li 139", "small", "10:30-14:00", ("school",),
    31.1742, 121.4187,
)  # fmt: skip
ZONE = "Asia/Shanghai"
CLEANED = datetime.now(UTC).date() - timedelta(days=20)
GRILL = SiteFacts("S2", "Grill", "xuhui", "Tianlin")
FLUE = OutletFacts("O1", "S1", ("S1", "S2"), "DB31", "roof", CLEANED)
OWN = OutletFacts("O2", "S2", ("S2",), "DB31")
FACTS = Facts((NOODLES, GRILL), (FLUE, OWN), (MonitorFacts("xuhui", "M1", "O1", "Acme", "X1"),))


def replaced(database: Database, facts: Facts) -> Changes:
    with database.transaction() as conn:
        return sites.replace(conn, facts)


def test_facts_come_back_as_told(database: Database) -> None:
    assert replaced(database, FACTS) == Changes(Tally(2, 0, 0), Tally(2, 0, 0), Tally(1, 0, 0))
    with database.transaction() as conn:
        assert sites.facts(conn) == FACTS


def test_the_same_facts_again_change_nothing(database: Database) -> None:
    replaced(database, FACTS)
    assert replaced(database, FACTS) == Changes(Tally(0, 0, 2), Tally(0, 0, 2), Tally(0, 0, 1))


def test_what_changed_is_counted(database: Database) -> None:
    replaced(database, FACTS)
    changed = Facts(
        (replace(GRILL, name="Grill & Co"),),
        (replace(FLUE, sites=("S1",)), replace(OWN, cleaned_at=CLEANED + timedelta(days=1))),
        (MonitorFacts("xuhui", "M1", "O2"), MonitorFacts("xuhui", "M2", "O1")),
    )
    assert replaced(database, changed) == Changes(Tally(0, 1, 0), Tally(0, 2, 0), Tally(1, 1, 0))
    with database.transaction() as conn:
        assert sites.facts(conn).sites[0] == NOODLES, "what is not mentioned stays"


def test_a_recorded_cleaning_outlives_a_file_without_one(database: Database) -> None:
    replaced(database, FACTS)
    replaced(database, replace(FACTS, outlets=(replace(FLUE, cleaned_at=None),)))
    with database.transaction() as conn:
        assert sites.facts(conn).outlets[0].cleaned_at == CLEANED


def test_every_cleaning_told_is_kept_and_the_latest_is_the_last(database: Database) -> None:
    days = [CLEANED - timedelta(days=n) for n in (0, 30, 500)]
    for day in days:
        changes = replaced(database, replace(FACTS, outlets=(replace(FLUE, cleaned_at=day),)))
        assert changes.outlets == Tally(day == CLEANED, day != CLEANED, 0)
    with database.transaction() as conn:
        assert sites.facts(conn).outlets[0].cleaned_at == CLEANED
        (place,) = monitors.places(conn, "Asia/Shanghai")
        assert place.cleanings == (days[1], days[0]), "of the last 400 days"


def test_a_position_outlives_a_file_without_one(database: Database) -> None:
    replaced(database, FACTS)
    bare = replace(NOODLES, latitude=None, longitude=None)
    assert replaced(database, replace(FACTS, sites=(bare,))).sites == Tally(0, 0, 1)
    with database.transaction() as conn:
        assert sites.facts(conn).sites[0] == NOODLES


def test_a_monitor_that_spoke_first_is_assigned_later(database: Database) -> None:
    with database.transaction() as conn:
        ids = monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M9")])
        assert sites.replace(conn, FACTS).monitors == Tally(0, 1, 0)
        assert monitors.places(conn, "Asia/Shanghai") == [
            Place(
                monitor=ids["xuhui", "M1"],
                code="M1",
                district="xuhui",
                site_id=1,
                site="Noodles",
                site_code="S1",
                sites=("Noodles", "Grill"),
                street="Tianlin",
                address="1 Road",
                outlet="roof",
                vendor="Acme",
                model="X1",
                limit_profile="DB31",
                hours=BusinessHours.parse("10:30-14:00", "Asia/Shanghai"),
                size_class="small",
                tags=("school",),
                latitude=31.1742,
                longitude=121.4187,
                cleanings=(CLEANED,),
            ),
            Place(monitor=ids["xuhui", "M9"], code="M9", district="xuhui"),
        ]


def test_registering_twice_gives_the_same_ids_and_wastes_none(database: Database) -> None:
    with database.transaction() as conn:
        first = monitors.register(conn, [("xuhui", "M1")])
    with database.transaction() as conn:
        again = monitors.register(conn, {("xuhui", "M1"), ("minhang", "M1"), ("a", "b\0")})
    assert again["xuhui", "M1"] == first["xuhui", "M1"]
    assert sorted(again.values()) == [1, 2, 3]
    with database.transaction() as conn:
        assert monitors.register(conn, []) == {}


def test_the_newest_status_counts(database: Database) -> None:
    with database.transaction() as conn:
        monitor = monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M2")])["xuhui", "M1"]
        monitors.set_status(
            conn, [(monitor, "offline", at(2)), (monitor, "online", at(1)), (99, "online", NOON)]
        )
        assert monitors.statuses(conn) == {monitor: ("offline", at(2))}
        monitors.set_status(conn, [(monitor, "online", at(1))])
        assert monitors.statuses(conn) == {monitor: ("offline", at(2))}
        monitors.set_status(conn, [(monitor, "online", at(3))])
        assert monitors.statuses(conn) == {monitor: ("online", at(3))}


def test_places_are_read_again_only_where_they_changed(database: Database) -> None:
    replaced(database, FACTS)
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M2")])
        known = monitors.Places(ZONE)
        first = known.look(conn)
        assert first == monitors.places(conn, ZONE)
        monitors.set_status(conn, [(first[0].monitor, "offline", NOON)])
        assert known.look(conn) is first, "a status is not the place's"
    replaced(database, replace(FACTS, sites=(replace(NOODLES, business_hours=""), GRILL)))
    with database.transaction() as conn:
        second = known.look(conn)
        assert second == monitors.places(conn, ZONE) != first
        assert second[1] is first[1]


def test_a_monitor_more_a_cleaning_more_a_monitor_less(database: Database) -> None:
    replaced(database, FACTS)
    known = monitors.Places(ZONE)
    with database.transaction() as conn:
        assert len(known.look(conn)) == 1
        monitors.register(conn, [("xuhui", "M2")])
        assert [place.code for place in known.look(conn)] == ["M1", "M2"]
    replaced(
        database, replace(FACTS, outlets=(replace(FLUE, cleaned_at=datetime.now(UTC).date()), OWN))
    )
    with database.transaction() as conn:
        assert len(known.look(conn)[0].cleanings) == 2
        conn.execute("delete from monitor where code = 'M2'")
        assert known.look(conn) == monitors.places(conn, ZONE)


def test_places_of_no_monitor(database: Database) -> None:
    with database.transaction() as conn:
        assert monitors.Places(ZONE).look(conn) == []
