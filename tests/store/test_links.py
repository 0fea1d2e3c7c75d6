"""Withdrawn links, photos, and which notices are about an alert."""

import uuid
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.link import Link
from fumewatch.core.notice import Contact, Reason, notice
from fumewatch.store import Database, actions, links, monitors, outbox, photos
from fumewatch.store.outbox import Notification
from fumewatch.store.pages import alerts
from fumewatch.store.photos import Photo
from tests.web.seed import alert, open_alert

NOW = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def opened(database: Database) -> list[UUID]:
    with database.transaction() as conn:
        ids = monitors.register(conn, [("xuhui", f"M{n}") for n in range(2)]).values()
        both = [alert(id, "exceedance", NOW) for id in ids]
        for one in both:
            open_alert(conn, one)
    return [one.id for one in both]


def test_the_latest_withdrawal_counts(database: Database, opened: list[UUID]) -> None:
    link = Link(opened[0], "contact 1", NOW, NOW + HOUR)
    with database.transaction() as conn:
        assert not links.is_revoked(conn, link)
        links.revoke(conn, opened[0], "contact 2", "boss", NOW + HOUR)
        links.revoke(conn, opened[1], links.EVERYBODY, "boss", NOW + HOUR)
        links.revoke(conn, opened[0], "contact 1", "boss", NOW)
        assert not links.is_revoked(conn, link), "signed at that instant"
        links.revoke(conn, opened[0], "contact 1", "boss", NOW + HOUR)
        links.revoke(conn, opened[0], "contact 1", "late clock", NOW - HOUR)
        assert links.is_revoked(conn, link)


def test_photos_go_with_their_action(database: Database, opened: list[UUID]) -> None:
    ids = sorted(uuid.uuid4() for _ in range(2))
    pictures = [Photo(id, "image/jpeg", b"jpeg", 4, 3) for id in ids]
    with database.transaction() as conn:
        did = Action(opened[0], NOW, ActionKind.CORRECTED, "王", "link", "contact 1")
        (stored,) = actions.append(conn, [did])
        photos.add(conn, stored.id, pictures)
        (found,) = actions.of(conn, opened[0])
        assert found.photos == tuple(ids)
        assert actions.of(conn, opened[1]) == []
        assert photos.find(conn, ids[0]) == pictures[0]
        assert photos.find(conn, uuid.uuid4()) is None
        assert [row.id for row in photos.of_alert(conn, opened[0])] == ids


def test_notices_are_found_by_the_alerts_they_name(database: Database, opened: list[UUID]) -> None:
    with database.transaction() as conn:
        outbox.add(conn, [_notice(opened, "both"), _notice(opened[1:], "second", Contact(7, "王"))])
        conn.execute(
            "insert into told values ('both', 'contact 7', %s, 'firing', %s)", [opened[0], NOW]
        )
        found = [[(n.receiver, n.person) for n in alerts.notifications(conn, id)] for id in opened]
        assert found == [[("both", "")], [("both", ""), ("second", "王")]]
        assert [row.receiver for row in alerts.told(conn, opened[0])] == ["both"]


@pytest.mark.usefixtures("brand_new")
def test_an_alerts_notices_are_found_among_many(database: Database, opened: list[UUID]) -> None:
    with database.transaction() as conn:
        outbox.add(conn, [_notice(opened, "both")])
        conn.execute(MANY)
        conn.execute("analyze outbox")
        plan = conn.execute(f"explain {alerts.NOTIFICATIONS}", {"alert": opened[0]}).fetchall()
    assert any("outbox_by_alert" in row[0] for row in plan)
    assert not any("Seq Scan on outbox" in row[0] for row in plan)


MANY = """
    insert into outbox (idempotency_key, thread, receiver, reason, body, due_at, created_at)
    select gen_random_uuid(), gen_random_uuid(), receiver, reason, jsonb_set(body, '{alerts}',
        jsonb_build_array(jsonb_build_object('id', gen_random_uuid()))), due_at, created_at
    from outbox, generate_series(1, 3000)
"""


def _notice(of: list[UUID], receiver: str, to: Contact | None = None) -> Notification:
    key = uuid.uuid4()
    bodies = [
        {
            "id": str(id),
            "state": "firing",
            "severity": "warning",
            "opened_at": NOW.isoformat(),
            "evidence": {},
        }
        for id in of
    ]
    body = notice(bodies, key=key, reason=Reason.GROUP, at=NOW, receiver=receiver, to=to)
    return Notification(key, receiver, key, body, NOW, reason="group")
