"""The outbox: who may send what when."""

import threading
import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest

from fumewatch.core.alert import alert_id
from fumewatch.store import Database, alerts, monitors, outbox
from fumewatch.store.outbox import Claim, Notification, Outcome
from tests.store.build import NOON, at
from tests.store.test_alerts import alert, opened

LEASE = timedelta(minutes=3)


@pytest.fixture
def transitions(database: Database) -> list[int]:
    """Of three alerts, one each."""
    with database.transaction() as conn:
        monitor = monitors.register(conn, [("xuhui", "M1")])["xuhui", "M1"]
        rules = ["a", "b", "c"]
        return alerts.save(
            conn,
            [opened(alert(monitor, id=alert_id(r, monitor, NOON), rule=r)) for r in rules],
        )


def add(database: Database, *rows: tuple[int, str], due: float = 0) -> list[uuid.UUID]:
    """(transition, receiver) each; their keys."""
    keys = [uuid.uuid4() for _ in rows]
    with database.transaction() as conn:
        outbox.add(
            conn,
            [
                Notification(
                    key, receiver, uuid.UUID(int=transition), {"id": str(key)}, at(due), transition
                )
                for key, (transition, receiver) in zip(keys, rows, strict=True)
            ],
        )
    return keys


def claim(database: Database, minutes: float = 0, **room: int) -> list[Claim]:
    with database.transaction() as conn:
        return outbox.claim(conn, room or {"duty": 10}, at(minutes), LEASE)


def settle(database: Database, outcomes: Sequence[Outcome], minutes: float = 0) -> set[int]:
    with database.transaction() as conn:
        return outbox.settle(conn, outcomes, at(minutes))


def row(database: Database, key: uuid.UUID) -> tuple:
    with database.transaction() as conn:
        found = conn.execute(
            "select state, attempts, answer, settled_at from outbox where idempotency_key = %s",
            [key],
        )
        return found.fetchone()


def test_a_claim_holds_until_its_lease_runs_out(database: Database, transitions: list[int]) -> None:
    keys = add(database, (transitions[0], "duty"))
    (first,) = claim(database)
    assert (first.idempotency_key, first.body) == (keys[0], {"id": str(keys[0])})
    assert claim(database, 2.9) == []
    (again,) = claim(database, 3)
    assert (again.id, again.attempts) == (first.id, 0)
    assert settle(database, [Outcome(first, "sent", "late")]) == set()
    assert settle(database, [Outcome(again, "sent", "200")]) == {first.id}
    assert row(database, keys[0]) == ("sent", 1, "200", NOON)


def test_a_retry_waits_for_its_time(database: Database, transitions: list[int]) -> None:
    keys = add(database, (transitions[0], "duty"))
    settle(database, [Outcome(claim(database)[0], "due", "503", at(10))])
    assert row(database, keys[0]) == ("due", 1, "503", None)
    assert claim(database, 9) == []
    assert [c.attempts for c in claim(database, 10)] == [1]


def test_a_failure_is_kept(database: Database, transitions: list[int]) -> None:
    keys = add(database, (transitions[0], "duty"))
    settle(database, [Outcome(claim(database)[0], "failed", "no such\0address")])
    state, _, answer, settled_at = row(database, keys[0])
    assert (state, answer, settled_at) == ("failed", "no such\ufffdaddress", NOON)
    assert claim(database, 99) == []


def test_not_before_it_is_due(database: Database, transitions: list[int]) -> None:
    add(database, (transitions[0], "duty"), due=5)
    assert claim(database, 4) == []
    assert len(claim(database, 5)) == 1


def test_room_is_each_receivers_own(database: Database, transitions: list[int]) -> None:
    add(database, *[(t, "slow") for t in transitions], *[(t, "quick") for t in transitions])
    claims = claim(database, slow=1, quick=2, idle=5)
    assert sorted(c.receiver for c in claims) == ["quick", "quick", "slow"]


def test_messages_of_one_alert_go_in_order(database: Database, transitions: list[int]) -> None:
    """Also while the earlier one waits for its retry, but not to another receiver."""
    firing, resolved, other = add(
        database, (transitions[0], "duty"), (transitions[0], "duty"), (transitions[0], "mail")
    )
    claims = claim(database, duty=10, mail=10)
    assert {c.idempotency_key for c in claims} == {firing, other}
    settle(database, [Outcome(claims[0], "due", "503", at(10))])
    assert claim(database, 1) == []
    (first,) = claim(database, 10)
    settle(database, [Outcome(first, "sent", "200")])
    assert [c.idempotency_key for c in claim(database, 10)] == [resolved]


def test_released_claims_are_free_at_once(database: Database, transitions: list[int]) -> None:
    add(database, (transitions[0], "duty"))
    claims = claim(database)
    with database.transaction() as conn:
        outbox.release(conn, claims)
    assert [c.attempts for c in claim(database)] == [0]


def test_the_same_key_twice_is_one_message(database: Database, transitions: list[int]) -> None:
    (key,) = add(database, (transitions[0], "duty"))
    with database.transaction() as conn:
        outbox.add(conn, [Notification(key, "duty", key, {}, NOON, transitions[1])])
    assert len(claim(database)) == 1


def test_receivers_that_are_gone(database: Database, transitions: list[int]) -> None:
    keys = add(database, (transitions[0], "old"), (transitions[0], "duty"))
    with database.transaction() as conn:
        failed = outbox.fail_unknown(conn, ["duty"], NOON)
    assert [receiver for _, receiver in failed] == ["old"]
    assert row(database, keys[0])[0] == "failed"
    assert row(database, keys[1])[0] == "due"


def test_claimants_at_once_share_the_rows(database: Database, transitions: list[int]) -> None:
    add(database, *[(t, f"r{i}") for t in transitions for i in range(20)])
    room = {f"r{i}": 10 for i in range(20)}
    taken: list[int] = []

    def take() -> None:
        taken.extend(c.id for c in claim(database, **room))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 60
