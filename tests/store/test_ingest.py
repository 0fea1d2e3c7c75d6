"""Ingest on a real database, batch by batch, without a broker."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fumewatch.config import profiles
from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.hj212.encode import encode
from fumewatch.core.decode.profile import Profile
from fumewatch.core.sources import Sources
from fumewatch.core.topic import Pattern
from fumewatch.ingest import Ingest, Limits
from fumewatch.store import Database, dead_letters
from fumewatch.store.dead_letters import Which

NOW = datetime.now(UTC).replace(microsecond=0)
GATEWAY = {"topic": "cloud/in", "district": "x", "monitor_from": "payload"}
DOWN = {"downlink": "fume/{district}/{monitor}/down"}
Post = Callable[[str, bytes], bool]


def decoder(like: str, **options: Any) -> Decoder:
    table = {**profiles.ready_made()[like], "name": "own", **options}
    return Decoder(Profile.model_validate(table))


def ingest(
    database: Database, by: Decoder, at: datetime = NOW, post: Post = lambda *_: True
) -> Ingest:
    sources = Sources(Pattern.parse("fume/+/+/up"), Pattern.parse("fume/+/+/status"), [by])
    limits = Limits(1000, timedelta(minutes=5), timedelta(days=400))
    return Ingest(database, None, sources, limits, lambda: at, None, post)


def take(batch: Ingest, *messages: tuple[bytes, bytes]) -> Any:
    return batch._persist([(topic, payload, 0, 0) for topic, payload in messages])


def rows(database: Database, query: str) -> list[Any]:
    with database.transaction() as conn:
        return conn.execute(query).fetchall()


def frame(cp: str, command: int = 2011, **header: str) -> bytes:
    own = {"QN": "20261123120000000", "ST": "31", "CN": str(command), "PW": "1", "MN": "A1"}
    return encode({**own, "Flag": "5", **header}, cp)


def beijing(at: datetime) -> str:
    return (at + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")


def test_replayed_readings_without_a_time_get_the_one_at_which_they_came(
    database: Database,
) -> None:
    wrong = decoder("json-density", channel={"fume": {"path": "gone"}})
    came = [NOW - timedelta(hours=3, minutes=n) for n in (3, 2, 1)]
    for n, at in enumerate(came):
        take(ingest(database, wrong, at), (b"fume/x/A1/up", b'{"density": %d}' % n))
    with database.transaction() as conn:
        dead_letters.request(conn, Which(), 0, 100, NOW)
    ingest(database, decoder("json-density")).replay()
    stored = rows(database, "select measured_at, fume from reading order by 1")
    assert stored == [(at, n * 1000) for n, at in enumerate(came)]


@pytest.mark.parametrize("mn", ["a\x1b[31m", "x" * 2000, " ", "a/b", "a+b", "#", "a\x01"])
def test_a_heartbeat_of_no_code_registers_nobody_and_is_not_answered(
    database: Database, mn: str
) -> None:
    posted: list[str] = []

    def post(topic: str, _payload: bytes) -> bool:
        posted.append(topic)
        return True

    by = decoder("hj212", **GATEWAY, **DOWN)
    take(ingest(database, by, post=post), (b"cloud/in", frame("", 9015, MN=mn, Flag="9")))
    assert rows(database, "select code from monitor") == []
    assert rows(database, "select kind from dead_letter") == [("no_monitor",)]
    assert posted == []


def test_an_answer_that_cannot_be_posted_costs_no_reading(database: Database) -> None:
    def fail(*_: Any) -> bool:
        raise RuntimeError("can't start new thread")

    reading = frame(f"DataTime={beijing(NOW)};a34041-Rtd=1")
    batch = ingest(database, decoder("hj212", **DOWN), post=fail)
    stored = take(batch, (b"fume/x/A1/up", reading), (b"fume/x/A2/up", b"junk"))
    assert len(stored.added) == 1
    assert rows(database, "select kind from dead_letter") == [("not_hj212",)]


def test_one_value_that_cannot_be_read_costs_no_other_and_a_replay_fills_it_in(
    database: Database,
) -> None:
    payload = frame(f"DataTime={beijing(NOW)};a34041-Rtd=0.9;ga0701-Rtd=9")
    take(ingest(database, decoder("hj212")), (b"fume/x/A1/up", payload))
    assert rows(database, "select fume, purifier_on from reading") == [(900, None)]
    assert rows(database, "select kind from dead_letter") == [("bad_value",)]
    with database.transaction() as conn:
        dead_letters.request(conn, Which(), 0, 100, NOW)
    channel = {"fume": {"code": "a34041"}, "purifier_on": {"code": "ga0701", "off": [0, 9]}}
    ingest(database, decoder("hj212", channel=channel)).replay()
    assert rows(database, "select fume, purifier_on from reading") == [(900, 0)]
    assert rows(database, "select replayed_at is not null from dead_letter") == [(True,)]
