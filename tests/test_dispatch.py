"""Dispatch, with a real database: what people are sent, across crashes, actions and silences."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fumewatch import dispatch
from fumewatch.config import load
from fumewatch.core.addressing import Entry
from fumewatch.core.alert import Reason, Severity, State, Transition
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.errors import StoreUnavailable
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.link import read
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Matchers
from fumewatch.core.site import Place
from fumewatch.dispatch import Dispatch
from fumewatch.health import Health
from fumewatch.store import Database, actions, alerts, contacts, monitors, silences
from fumewatch.store.leader import Leader
from tests.core.transitions import a_place, a_transition
from tests.demo.listener import wait_for

MONDAY = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""12:00 in Shanghai."""
SECRET = "a secret of at least thirty-two characters"
CONFIG = f"""
[web]
public_url = "https://fume.example.org"
[links]
secret = "{SECRET}"
[[rule]]
id = "exceedance"
kind = "threshold"
channel = "fume"
window = "10m"
above = 1.0
severity = "warning"
[[receiver]]
name = "bus"
kind = "log"
path = "bus.jsonl"
[[receiver]]
name = "duty"
kind = "email"
host = "127.0.0.1"
from = "a@example.org"
to = ["duty@example.org"]
[[receiver]]
name = "bureau"
kind = "email"
host = "127.0.0.1"
from = "a@example.org"
to = ["bureau@example.org"]
[[route]]
receiver = ["bus", "duty"]
group_by = ["street"]
group_wait = "30s"
group_interval = "5m"
"""
LADDER = """
[[escalation]]
name = "ladder"
[[escalation.step]]
name = "visit"
receiver = "bureau"
after = "1h"
unless = ["acknowledged"]
"""


def after(**parts: float) -> datetime:
    return MONDAY + timedelta(**parts)


class Stage:
    """A leader's dispatch that can be killed, and an evaluate that writes what happens."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self._folder = folder
        self._now = MONDAY
        with database.transaction() as conn:
            keys = [("xuhui", f"M{n}") for n in range(4)]
            numbers = monitors.register(conn, keys)
        streets = ("天平路街道", "天平路街道", "田林街道", "田林街道")
        self.places: dict[int, Place] = {
            numbers[key]: a_place(monitor=numbers[key], code=key[1], site=f"店{n}", street=street)
            for n, (key, street) in enumerate(zip(keys, streets, strict=True))
        }
        self.monitors = list(self.places)
        self.start()

    def start(self, more: str = "", leader: Leader | None = None) -> None:
        path = self._folder / "config.toml"
        path.write_text(CONFIG + more)
        config = load(path)
        health = Health(("dispatch",), lambda: self._now)
        self.health = health
        fence = [leader.takes_turn] if leader else []
        self.dispatch = Dispatch(
            self.database, config, lambda: self.places, lambda: self._now, health, *fence
        )

    def happen(self, *moves: Transition) -> None:
        with self.database.transaction() as conn:
            alerts.save(conn, moves)

    def fires(self, monitor: int = 0, at: datetime = MONDAY, **more: Any) -> Transition:
        known: dict[str, Any] = {"opened_at": at, "fired_at": at, "breached_at": at} | more
        move = a_transition(State.FIRING, monitor=self.monitors[monitor], **known)
        move = replace(move, at=at)
        self.happen(move)
        return move

    def resolves(self, move: Transition, at: datetime) -> None:
        alert = replace(move.alert, state=State.RESOLVED, resolved_at=at)
        self.happen(Transition(alert, State.FIRING, at, Reason.CLEARED))

    def acts(self, move: Transition, kind: ActionKind, at: datetime, **more: Any) -> None:
        with self.database.transaction() as conn:
            actions.record(conn, Action(move.alert.id, at, kind, "李工", "link", **more))

    def round(self, at: datetime) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """(receiver, reason, [(monitor, change)]) of each notice that this round wrote."""
        self._now = at
        before = self.last_id()
        self.dispatch.round()
        return [
            (
                receiver,
                body["reason"],
                [(alert["monitor"], alert["change"]) for alert in body["alerts"]],
            )
            for receiver, body in self.rows(before)
        ]

    def rows(self, after_id: int = 0) -> list[tuple[str, dict[str, Any]]]:
        with self.database.transaction() as conn:
            query = "select receiver, body from outbox where id > %s order by id"
            return list(conn.execute(query, [after_id]))

    def last_id(self) -> int:
        with self.database.transaction() as conn:
            return conn.execute("select coalesce(max(id), 0) from outbox").fetchone()[0]


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


def test_a_group_waits_and_is_told_once_however_often_we_crash(stage: Stage) -> None:
    stage.fires(0)
    stage.fires(1, after(seconds=10))
    stage.fires(2, after(seconds=10))
    assert stage.round(after(seconds=20)) == []
    stage.start()
    assert stage.round(after(seconds=30)) == [
        ("duty", "group", [("M0", "firing"), ("M1", "firing")])
    ]
    stage.start()
    assert stage.round(after(seconds=41)) == [("duty", "group", [("M2", "firing")])]
    stage.start()
    assert stage.round(after(minutes=30)) == []


def test_what_ends_is_told_to_who_was_told_that_it_began(stage: Stage) -> None:
    told, untold = stage.fires(0), stage.fires(2, after(minutes=1))
    stage.resolves(untold, after(seconds=70))
    assert stage.round(after(minutes=2)) == [("duty", "group", [("M0", "firing")])]
    stage.start()
    stage.resolves(told, after(minutes=9))
    assert stage.round(after(minutes=9)) == [("duty", "group", [("M0", "resolved")])]
    assert stage.round(after(minutes=20)) == []


def test_a_clock_that_is_set_back_delays_nothing(stage: Stage) -> None:
    move = stage.fires(0)
    assert stage.round(after(minutes=1)) == [("duty", "group", [("M0", "firing")])]
    stage.resolves(move, after(hours=-2))
    assert stage.round(after(hours=-2)) == []
    assert stage.round(after(hours=-2, minutes=5)) == [("duty", "group", [("M0", "resolved")])]


def test_what_could_not_be_written_is_told_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.fires(0)

    def broken(*_: Any) -> None:
        raise StoreUnavailable("gone in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(dispatch.told, "save", broken)
        assert stage.round(after(minutes=1)) == []
        assert not stage.health.parts()["dispatch"].is_up
    assert stage.round(after(minutes=2)) == [("duty", "group", [("M0", "firing")])]
    assert stage.health.parts()["dispatch"].is_up


def test_who_is_deposed_tells_nothing_more(stage: Stage, database_url: str) -> None:
    with closing(Leader(database_url)) as first, closing(Leader(database_url)) as second:
        assert first.try_lead()
        assert not second.try_lead()
        stage.start(leader=first)
        assert stage.round(MONDAY) == []
        deposed = stage.dispatch
        first.close()
        wait_for(second.try_lead)  # the server lets go of the lock when it notices
        stage.start(leader=second)
        stage.fires(0)
        assert stage.round(after(seconds=30)) == [("duty", "group", [("M0", "firing")])]
        stage.fires(1, after(seconds=40))
        successor, stage.dispatch = stage.dispatch, deposed
        assert stage.round(after(minutes=10)) == []
        assert stage.health.parts()["dispatch"].is_up  # of the successor
        stage.dispatch = successor
        assert stage.round(after(minutes=10)) == [
            ("duty", "group", [("M0", "still"), ("M1", "firing")])
        ]


def test_a_storm_is_written_in_slices_and_what_one_left_is_told_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MOST_AT_ONCE", 1)
    stage.fires(0)
    stage.fires(2)
    save, calls = dispatch.told.save, []

    def breaks_at_the_second(conn: Any, rows: Any) -> None:
        calls.extend(rows)
        if len(calls) > 1:
            raise StoreUnavailable("gone in the middle")
        save(conn, rows)

    with monkeypatch.context() as patch:
        patch.setattr(dispatch.told, "save", breaks_at_the_second)
        assert stage.round(after(minutes=1)) == [("duty", "group", [("M0", "firing")])]
    assert stage.round(after(minutes=2)) == [("duty", "group", [("M2", "firing")])]
    assert stage.round(after(minutes=30)) == []


def test_who_is_told_by_a_route_and_a_step_at_once_hears_of_the_end(stage: Stage) -> None:
    stage.start("""
[[escalation]]
name = "ladder"
[[escalation.step]]
name = "visit"
receiver = "duty"
after = "0s"
""")
    move = stage.fires(0)
    assert [reason for _, reason, _ in stage.round(after(minutes=1))] == ["group", "escalation"]
    stage.resolves(move, after(minutes=9))
    assert stage.round(after(minutes=9)) == [("duty", "group", [("M0", "resolved")])]


def test_a_contact_who_changes_is_written_to_as_they_are(stage: Stage) -> None:
    def patrol(email: str) -> None:
        with stage.database.transaction() as conn:
            contacts.add(conn, [Entry("street", "天平路街道", Contact(0, "张巡查", email=email))])

    patrol("old@example.org")
    stage.start("""
[[receiver]]
name = "patrol"
kind = "email"
host = "127.0.0.1"
from = "a@example.org"
contact = "street"
[[escalation]]
name = "ladder"
[[escalation.step]]
name = "visit"
receiver = "patrol"
""")
    stage.round(MONDAY)
    patrol("new@example.org")
    stage.fires(0)
    stage.round(after(minutes=1))
    (body,) = [body for receiver, body in stage.rows() if receiver == "patrol"]
    assert body["to"]["email"] == "new@example.org"


def test_a_link_is_the_addressees_own(stage: Stage) -> None:
    move = stage.fires(0)
    stage.round(after(minutes=1))
    ((_, body),) = stage.rows()
    base, _, token = body["alerts"][0]["link"].rpartition("/")
    assert base == "https://fume.example.org/l"
    link = read([SECRET], token, after(minutes=2))
    assert (link.alert, link.addressee) == (move.alert.id, "receiver duty")


def test_a_step_is_taken_once_and_its_end_is_told(stage: Stage) -> None:
    stage.start(LADDER)
    first = stage.fires(0)
    stage.fires(2)
    stage.round(after(minutes=1))
    assert stage.round(after(minutes=59)) == []
    stage.start(LADDER)
    assert stage.round(after(minutes=60)) == [
        ("bureau", "escalation", [("M0", "firing"), ("M2", "firing")])
    ]
    stage.start(LADDER)
    assert stage.round(after(minutes=70)) == []
    stage.resolves(first, after(minutes=80))
    assert sorted(stage.round(after(minutes=80))) == [
        ("bureau", "group", [("M0", "resolved")]),
        ("duty", "group", [("M0", "resolved")]),
    ]


def test_a_step_and_a_group_are_told_to_one_receiver_in_one_round(stage: Stage) -> None:
    stage.start(LADDER.replace("bureau", "duty"))
    move = stage.fires(0)
    assert stage.round(after(hours=3)) == [
        ("duty", "group", [("M0", "firing")]),
        ("duty", "escalation", [("M0", "firing")]),
    ]
    stage.resolves(move, after(hours=4))
    assert stage.round(after(hours=4)) == [("duty", "group", [("M0", "resolved")])]


def test_a_step_says_which_it_is_and_until_when(stage: Stage) -> None:
    stage.start(
        LADDER
        + '[[escalation.step]]\nname = "bureau"\nreceiver = "duty"\nafter = "1 working day"\n'
    )
    stage.fires(0)
    stage.round(after(minutes=1))
    stage.round(after(minutes=60))
    ((_, body),) = [row for row in stage.rows() if row[1]["reason"] == "escalation"]
    assert body["step"] == {
        "name": "visit",
        "number": 1,
        "of": 2,
        "until": "2026-11-24T13:00:00+08:00",
        "on": "",
    }


def test_a_case_that_nobody_closed_goes_on_over_a_restart_and_an_old_one_does_not_begin(
    stage: Stage,
) -> None:
    ladder = LADDER.replace('name = "ladder"', 'name = "ladder"\nuntil = "closed"').replace(
        '"1h"', '"3 working days"'
    )
    stage.resolves(stage.fires(3, after(days=-9)), after(days=-8))
    move = stage.fires(0)
    stage.resolves(move, after(minutes=20))
    stage.start(ladder)
    stage.round(after(hours=31))
    stage.start(ladder)
    assert stage.round(after(days=2, hours=23)) == []
    assert stage.round(after(days=3)) == [("bureau", "escalation", [("M0", "resolved")])]


def test_who_acknowledges_stops_the_clock(stage: Stage) -> None:
    stage.start(LADDER)
    move = stage.fires(0)
    stage.round(after(minutes=1))
    stage.acts(move, ActionKind.ACKNOWLEDGED, after(minutes=59))
    assert stage.round(after(minutes=61)) == []


def test_a_step_waits_while_it_is_silenced(stage: Stage) -> None:
    stage.start(LADDER)
    stage.fires(0)
    stage.round(after(minutes=1))
    with stage.database.transaction() as conn:
        silences.add(
            conn,
            Silence(
                matchers=Matchers(match={"street": ("天平路街道",)}),
                starts_at=after(minutes=50),
                ends_at=after(minutes=90),
                reason="改造",
                author="王科",
                created_at=after(minutes=50),
            ),
        )
    assert stage.round(after(minutes=61)) == []
    assert stage.round(after(minutes=92)) == [("bureau", "escalation", [("M0", "firing")])]


def test_contacts_of_the_street(stage: Stage) -> None:
    entries = [
        Entry("street", "天平路街道", Contact(0, "张巡查", email="zhang@example.org")),
        Entry("street", "田林街道", Contact(0, "赵巡查", email="zhao@example.org")),
    ]
    with stage.database.transaction() as conn:
        contacts.add(conn, entries)
    stage.start("""
[[receiver]]
name = "patrol"
kind = "email"
host = "127.0.0.1"
from = "a@example.org"
contact = "street"
[[escalation]]
name = "patrol"
match = { severity = "critical" }
[[escalation.step]]
name = "visit"
receiver = "patrol"
""")
    stage.fires(0, severity=Severity.CRITICAL)
    stage.fires(3, severity=Severity.CRITICAL)
    written = stage.round(after(seconds=1))
    assert written == [
        ("patrol", "escalation", [("M0", "firing")]),
        ("patrol", "escalation", [("M3", "firing")]),
    ]
    names = [body["to"]["name"] for receiver, body in stage.rows() if receiver == "patrol"]
    assert names == ["张巡查", "赵巡查"]


def test_a_digest_comes_once_a_day(stage: Stage) -> None:
    digest = """
[[digest]]
name = "morning"
receiver = "bureau"
at = "13:00"
"""
    stage.start(digest)
    stage.fires(0)
    stage.round(after(minutes=1))
    assert stage.round(after(minutes=60, seconds=1)) == [("bureau", "digest", [("M0", "firing")])]
    stage.start(digest)
    assert stage.round(after(minutes=61)) == []


def test_another_grouping_repeats_nothing(stage: Stage) -> None:
    stage.fires(0)
    stage.round(after(minutes=1))
    stage.start(
        '[[inhibit]]\nsource = { match = { severity = "critical" } }\n'
        'target = { match = { severity = "warning" } }\n'
    )
    assert stage.round(after(minutes=10)) == []
