"""The checker sees what it is there to see."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.faults import check
from tests.faults.drill import DURABLE, Scenario, drill
from tests.faults.stage import Stage
from tests.fixtures.reuse import create, drop, new_name

pytestmark = pytest.mark.timeout(300)

Check = Callable[[Stage], None]

_UNLOCK = "set session_replication_role = replica;"  # the triggers that refuse just this
IN_THE_STORE: dict[str, tuple[Check, str]] = {
    "a reading is lost": (
        check.check_readings,
        "delete from reading where ctid = (select min(ctid) from reading)",
    ),
    "a reading is another": (
        check.check_readings,
        "update reading set fume = fume + 1 where ctid = (select max(ctid) from reading)",
    ),
    "a reading is nobody's": (
        check.check_readings,
        "update reading set measured_at = measured_at + interval '1 microsecond'"
        " where ctid = (select max(ctid) from reading)",
    ),
    "a roll-up counts twice": (
        check.check_rollups,
        "update rollup_10m set readings = readings + 1",
    ),
    "a street's roll-up counts twice": (
        check.check_rollups,
        "update rollup_street set readings = readings + 1",
    ),
    "the latest is an old one": (
        check.check_rollups,
        "update monitor_latest set measured_at = measured_at - interval '1 minute'",
    ),
    "a transition is lost": (
        check.check_alerts,
        "delete from outbox where transition_id = (select max(id) from transition);"
        " delete from transition where id = (select max(id) from transition)",
    ),
    "a transition came late": (
        check.check_alerts,
        "update transition set at = at + interval '1 minute'"
        " where id = (select max(id) from transition)",
    ),
    "a transition has another value": (
        check.check_alerts,
        "update transition set value = value + 0.001"
        " where id = (select max(id) from transition where value is not null)",
    ),
    "a transition happened twice": (
        check.check_alerts,
        "insert into transition (alert_id, before, after, at, reason, value, evidence)"
        " select alert_id, before, after, at, reason, value, evidence from transition"
        " where id = (select max(id) from transition)",
    ),
    "a message is forgotten": (
        check.check_messages,
        "delete from outbox where id = (select max(id) from outbox where receiver = 'duty')",
    ),
    "a message was never sent": (
        check.check_messages,
        "update outbox set idempotency_key = gen_random_uuid()"
        " where id = (select max(id) from outbox)",
    ),
    "a message waits for ever": (
        check.check_messages,
        "update outbox set state = 'due', settled_at = null"
        " where id = (select max(id) from outbox)",
    ),
    "the record was changed": (
        check.check_record,
        "update record set hash = sha256(hash) where seq = (select max(seq) from record)",
    ),
    "what is recorded was changed": (
        check.check_record,
        "update transition set reason = reason || '.' where id = (select min(id) from transition)",
    ),
    "a transition is not recorded": (
        check.check_record,
        "delete from record where seq = (select max(seq) from record)",
    ),
    "an alert stands otherwise": (
        check.check_record,
        "update alert set state = 'pending' where id = (select alert_id from transition"
        " order by id desc limit 1)",
    ),
}


@pytest.mark.soak
def test_the_checker_sees_what_was_changed(stage_of: Callable[..., Stage]) -> None:
    stage = stage_of(DURABLE, breaks_server=True)
    drill(stage, Scenario(minutes=6))
    for what, (looks, query) in IN_THE_STORE.items():
        with _copy(stage):
            looks(stage)
            with psycopg.connect(stage.url) as conn:
                conn.execute(f"{_UNLOCK} {query}".encode())
            _is_seen(looks, stage, what)
    _what_was_sent(stage)
    _what_was_received(stage)
    check.check(stage)


@contextmanager
def _copy(stage: Stage) -> Iterator[None]:
    """The stage has its database's copy meanwhile."""
    whole, url = stage.database, stage.url
    stage.hang_up()
    with psycopg.connect(stage.server.url(), autocommit=True) as conn:
        create(conn, name := new_name(), whole)
    stage.url = stage.server.url(name)
    yield
    stage.hang_up()
    stage.url = url
    with psycopg.connect(stage.server.url(), autocommit=True) as conn:
        drop(conn, name)


def _is_seen(looks: Check, stage: Stage, what: str) -> None:
    print(what)
    with pytest.raises(AssertionError):
        looks(stage)


def _what_was_sent(stage: Stage) -> None:
    """One that is stored was never sent, or was another."""
    number, one = stage.feed.acked.popitem()
    _is_seen(check.check_readings, stage, "stored without being sent")
    stage.feed.acked[number] = one


def _what_was_received(stage: Stage) -> None:
    for path in ("/duty", "/people"):
        there: dict[str, Any] = stage.far_end.received[path]
        key, bodies = there.popitem()
        _is_seen(check.check_messages, stage, "never arrived")
        there[key] = [*bodies, b"{}"]
        _is_seen(check.check_messages, stage, "one key, two messages")
        there[key] = bodies
        there["another"] = bodies
        _is_seen(check.check_messages, stage, "one message, two keys")
        del there["another"]
