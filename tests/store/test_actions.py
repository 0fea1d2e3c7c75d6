"""What was done about alerts: kept in order, never rewritten, refused where it does not fit."""

import threading
import uuid
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from fumewatch.core.alert import PART_OF, State, alert_id
from fumewatch.core.errors import ActionRefused, StoreRefused
from fumewatch.core.followup.action import Action, ActionKind, Via
from fumewatch.core.followup.standing import fold
from fumewatch.store import Database, actions, alerts, monitors
from fumewatch.store.pages import cases
from fumewatch.store.pages.cases import Which
from tests.store.build import NOON, at
from tests.store.test_alerts import alert, opened


@pytest.fixture
def ids(database: Database) -> list[UUID]:
    """Alerts that fire at M1 and M2."""
    with database.transaction() as conn:
        known = monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M2")])
        made = [
            alert(
                monitor,
                id=alert_id("exceedance", monitor, NOON),
                state=State.FIRING,
                opened_at=at(n),
                fired_at=at(n),
            )
            for n, monitor in enumerate(sorted(known.values()))
        ]
        alerts.save(conn, [opened(each) for each in made])
    return [each.id for each in made]


def done(of: UUID, kind: str, minutes: float = 10, **fields: Any) -> Action:
    via: Via = "command"
    return Action(**{
        "alert": of, "at": at(minutes), "kind": ActionKind(kind), "actor": "Li Wei", "via": via,
    } | fields)  # fmt: skip


def record(database: Database, *wanted: Action) -> list[Action]:
    stored = []
    for action in wanted:
        with database.transaction() as conn:
            stored.append(actions.record(conn, action))
    return stored


FALSE = {"outcome": "false alarm"}


def test_it_comes_back_as_it_was(database: Database, ids: list[UUID]) -> None:
    wanted = [
        done(ids[0], "acknowledged", addressee="contact 7", via="link"),
        done(ids[1], "assigned", detail={"to": "B"}, note="it is\0his street"),
        done(ids[0], "visited", detail={"findings": "purifier off"}),
    ]
    stored = record(database, *wanted)
    assert [each.id for each in stored] == sorted({each.id for each in stored})
    kept = [replace(each, id=n.id) for each, n in zip(wanted, stored, strict=True)]
    kept[1] = replace(kept[1], note="it is\N{REPLACEMENT CHARACTER}his street")
    with database.transaction() as conn:
        assert actions.of(conn, ids[0]) == [kept[0], kept[2]]
        assert actions.of_alerts(conn, ids) == kept
        assert actions.since(conn, stored[0].id) == kept[1:]
        assert actions.mark(conn) == stored[-1].id
        assert actions.since(conn, actions.mark(conn)) == []


def test_nothing_is_done_yet(database: Database) -> None:
    with database.transaction() as conn:
        assert actions.append(conn, []) == []
        assert actions.mark(conn) == 0
        assert actions.since(conn, 0) == []


def test_steps_are_appended_many_at_once(database: Database, ids: list[UUID]) -> None:
    detail = {"escalation": "e", "step": "s", "receivers": []}
    steps = [done(id, "escalated", actor="", via="fumewatch", detail=detail) for id in ids]
    with database.transaction() as conn:
        stored = actions.append(conn, steps)
    with database.transaction() as conn:
        assert actions.since(conn, 0) == stored


def test_photos_go_with_their_action(database: Database, ids: list[UUID]) -> None:
    (stored,) = record(database, done(ids[0], "corrected"))
    photo = uuid.UUID(int=7)
    with database.transaction() as conn:
        conn.execute(
            "insert into photo (id, action_id, media_type, content, width, height)"
            " values (%s, %s, 'image/jpeg', 'x', 1, 1)",
            [photo, stored.id],
        )
        assert actions.of(conn, ids[0]) == [replace(stored, photos=(photo,))]


def test_actions_are_append_only(database: Database, ids: list[UUID]) -> None:
    record(database, done(ids[0], "acknowledged"))
    for statement in (
        "update action set actor = 'x'",
        "delete from action",
        "truncate action cascade",
    ):
        with pytest.raises(StoreRefused, match="append-only"), database.transaction() as conn:
            conn.execute(statement)


def test_what_does_not_fit_is_refused_and_not_kept(database: Database, ids: list[UUID]) -> None:
    closing = done(ids[0], "outcome", detail=FALSE)
    (closed,) = record(database, closing)
    with pytest.raises(ActionRefused, match="closed; reopen it first") as refused:
        record(database, done(ids[0], "acknowledged"))
    assert refused.value.zh == "该告警已办结，请先重新打开"
    with database.transaction() as conn:
        assert actions.of(conn, ids[0]) == [closed]
    record(database, done(ids[0], "reopened"), done(ids[0], "acknowledged"))


def test_there_is_no_such_alert(database: Database) -> None:
    with pytest.raises(ActionRefused, match="there is no alert 00000000"):
        record(database, done(uuid.UUID(int=1), "acknowledged"))


def test_to_acknowledge_again_adds_nothing(database: Database, ids: list[UUID]) -> None:
    first, again, other = record(
        database,
        done(ids[0], "acknowledged"),
        done(ids[0], "acknowledged", 20),
        done(ids[0], "acknowledged", 30, actor="B"),
    )
    assert again == first
    assert other.id > first.id
    with database.transaction() as conn:
        standing = fold(actions.of(conn, ids[0]))
    assert (standing.acknowledged_by, standing.acknowledged_at) == ("Li Wei", at(10))


def test_who_comes_second_decides_on_what_the_first_did(
    database: Database, ids: list[UUID]
) -> None:
    """Two phones at once: while the first closes the case, the second waits, and is refused."""
    refused: list[str] = []

    def second() -> None:
        try:
            record(database, done(ids[0], "acknowledged", actor="B"))
        except ActionRefused as refusal:
            refused.append(str(refusal))

    with database.transaction() as conn:
        actions.record(conn, done(ids[0], "outcome", detail=FALSE))
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
    waiting.join()
    assert refused == ["the case is closed; reopen it first"]


def listed(database: Database, limit: int = 10, **which: Any) -> list[UUID]:
    with database.transaction() as conn:
        rows, count = cases.cases(conn, Which(**which), limit)
    assert count >= len(rows)
    return [row.id for row in rows]


def test_cases_that_fit(database: Database, ids: list[UUID]) -> None:
    record(database, done(ids[0], "outcome", detail=FALSE), done(ids[1], "note", note="why"))
    table: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [1, 0]),
        ({"monitor": "M1"}, [0]),
        ({"rule": "other"}, []),
        ({"severity": "warning"}, [1, 0]),
        ({"street": "x"}, []),
        ({"site": "x"}, []),
        ({"since": at(1)}, [1]),
        ({"is_open": True}, [1, 0]),
        ({"is_unanswered": True}, [1]),
        ({"is_unclosed": True}, [1]),
    ]
    for which, found in table:
        assert listed(database, **which) == [ids[n] for n in found], which


def test_a_reopened_case_is_unanswered_again(database: Database, ids: list[UUID]) -> None:
    record(database, done(ids[0], "outcome", detail=FALSE), done(ids[0], "reopened"))
    assert listed(database, is_unanswered=True) == listed(database, is_unclosed=True) == ids[::-1]
    record(database, done(ids[0], "outcome", detail={"outcome": "confirmed"}))
    assert listed(database, is_unanswered=True) == [ids[1]]
    assert listed(database, is_unclosed=True) == ids[::-1]
    assert listed(database, 1) == [ids[1]]


def test_what_nobody_was_told_of_is_no_case(database: Database, ids: list[UUID]) -> None:
    pending = alert(1, id=uuid.UUID(int=1), rule="b", fired_at=None)
    part = alert(
        1,
        id=uuid.UUID(int=2),
        rule="c",
        state=State.FIRING,
        fired_at=NOON,
        evidence={PART_OF: {"alert": "x"}},
    )
    with database.transaction() as conn:
        alerts.save(conn, [opened(pending), opened(part)])
    assert listed(database) == ids[::-1]


def test_an_alert_by_the_beginning_of_its_id(database: Database, ids: list[UUID]) -> None:
    with database.transaction() as conn:
        assert cases.like(conn, ids[0].hex[:8]) == [ids[0]]
        assert cases.like(conn, str(ids[0])) == [ids[0]]
        assert len(cases.like(conn, "")) == 2
        assert cases.like(conn, ids[0].hex[:-1] + ("1" if ids[0].hex[-1] == "0" else "0")) == []
