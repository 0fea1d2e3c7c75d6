"""Two daemons, one leads: what a takeover loses (nothing) and repeats (what was being sent)."""

import json
import re
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fumewatch.store import outbox
from fumewatch.store.leader import Leader
from tests.daemon.conftest import Daemon, World, exceeding, reading, until
from tests.faults.proxy import Proxy
from tests.receivers.servers import HANG, Answer, webhook_server

pytestmark = pytest.mark.timeout(240)

# A statement that waits for weeks would stop all vacuuming for as long.
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
STANDING_BY = "standing by: another daemon leads"


def leads(daemon: Daemon) -> bool:
    return "fumewatch_leader 1.0" in daemon.get("/metrics")[1] and daemon.is_ready()


def stands_by(daemon: Daemon) -> bool:
    status, body = daemon.get("/readyz")
    return status == 200 and STANDING_BY in body


def pair(world: World, **overrides: str) -> tuple[Daemon, Daemon]:
    first = world.daemon(**overrides).start()
    until(lambda: leads(first), first.log)
    second = world.daemon(**overrides).start()
    until(lambda: stands_by(second), second.log)
    return first, second


@contextmanager
def numbered(world: World, pause: float = 0.002) -> Iterator[Callable[[], int]]:
    """Readings of seven monitors, each with its number, until the end; how many there are."""
    stop, begun = threading.Event(), datetime.now(UTC) - timedelta(minutes=30)
    count = 0

    def publish() -> None:
        nonlocal count
        while not stop.is_set():
            at = begun + timedelta(milliseconds=10 * count)
            one = {"measured_at": at.isoformat(), "fume": count / 1000, "fan_on": True}
            world.publish_raw(f"fume/xuhui/M{count % 7}/up", json.dumps(one).encode())
            count += 1
            time.sleep(pause)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield lambda: count
    finally:
        stop.set()
        thread.join()


NUMBERED = "reading r join monitor m on m.id = r.monitor_id where m.code like 'M%'"


def all_stored(world: World, count: int, daemon: Daemon) -> None:
    until(lambda: world.count(NUMBERED) >= count, daemon.log)
    query = f"select count(*), count(distinct fume) from {NUMBERED}"
    assert world.rows(query) == [(count, count)]


def end(daemon: Daemon, how: signal.Signals) -> None:
    daemon.process.send_signal(how)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_takeover_loses_and_doubles_nothing(world: World, how: signal.Signals) -> None:
    world.assign("B1")
    first, second = pair(world)
    with numbered(world) as count:
        world.publish("B1", *exceeding())
        until(lambda: world.sink.states() == ["firing"], first.log)
        until(lambda: world.count("outbox where state = 'sent'") == 1, first.log)
        assert world.rows(WAITING) == [(0,)]
        assert "mqtt_connected" not in second.log()
        before = count()
        end(first, how)
        until(lambda: leads(second), second.log)
        until(lambda: world.count("reading") > before + 200, second.log)
        world.publish("B1", *[{**r, "fume": 0.01} for r in clean()])
        until(lambda: "resolved" in world.sink.states(), second.log)
    all_stored(world, count(), second)
    assert world.sink.states() == ["firing", "resolved"]
    ours, theirs = world.sink.bodies
    assert ours["id"] == theirs["id"]
    told = second.ask("status").stdout
    assert re.search(r"leads for \S+, took over in \d+\.\d s", " ".join(told.split()))
    assert "fumewatch_terms_total 1.0" in second.get("/metrics")[1]
    assert second.stop() == 0
    assert world.rows("select sum(readings) from rollup_10m") == [(count() + 20,)]


def clean() -> list[dict]:
    return [reading(ago, fume=0.2 + ago / 100) for ago in (x + 0.5 for x in range(9, -1, -1))]


def test_what_a_dead_leader_had_claimed_and_not_begun_goes_out_at_once(world: World) -> None:
    """One message is under way when the leader is killed: that one waits until it has ended."""
    world.assign("B1", "B2", "B3")
    with webhook_server() as server:
        server.behave = lambda _: HANG
        sink = f'{server.url}"\nparallel = 1\ntimeout = "30s'
        first, second = pair(world, sink=sink)
        for monitor in ("B1", "B2", "B3"):
            world.publish(monitor, *exceeding())
        claimed = "outbox where claimed_until > now() and begun_at is {}"
        until(lambda: world.count(claimed.format("null")) == 2, first.log)
        server.wait_for(1, timeout=60)
        first.kill()
        server.behave = lambda _: Answer()
        until(lambda: world.count("outbox where state = 'sent'") == 2, second.log)
        assert world.count(claimed.format("not null")) == 1
        assert max(Counter(request.key for request in server.requests).values()) == 1
        server.closing.set()
        assert second.stop() == 0


def test_a_claim_not_begun_is_free_for_a_new_leader_and_one_begun_is_not(world: World) -> None:
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    with psycopg.connect(world.database_url) as conn:
        keys = [uuid.uuid4() for _ in range(3)]
        outbox.add(conn, [outbox.Notification(k, "duty", k, {"state": "x"}, now) for k in keys])
        begun, left, lost = outbox.claim(conn, {"duty": 3}, now, minute)
        sending = outbox.begin(conn, begun, now, minute)
        assert sending is not None
        assert outbox.free(conn) == 2
        again = outbox.claim(conn, {"duty": 3}, now + minute / 2, minute)
        assert [claim.id for claim in again] == [left.id, lost.id]
        assert outbox.begin(conn, left, now, minute) is None  # the deposed one's
        assert outbox.settle(conn, [outbox.Outcome(sending, "sent", "ok")], now) == {begun.id}


def test_a_new_leader_waits_for_the_turn_of_the_old_one_who_then_has_none(world: World) -> None:
    with closing(Leader(world.database_url)) as old, closing(Leader(world.database_url)) as new:
        with psycopg.connect(world.database_url) as conn:
            assert old.try_lead()
            assert not new.try_lead()
            assert old.may_store(conn)
            old.close()
            until(new.try_lead, lambda: "the server has not let go of the lock")
            begun = threading.Event()
            thread = threading.Thread(target=_begin, args=(world.database_url, new, begun))
            thread.start()
            assert not begun.wait(0.3)
        assert begun.wait(10)
        thread.join()
        with psycopg.connect(world.database_url) as conn:
            assert not old.may_store(conn)
            assert not old.takes_turn(conn)
            assert new.may_store(conn)


def test_a_connection_of_the_same_number_after_a_restart_is_not_our_own(world: World) -> None:
    """A server in a container counts its processes from one again: 57 was ours, and is another's.

    Two connections cannot have one number at a time, so the deposed one is given the other's."""
    with closing(Leader(world.database_url)) as old, closing(Leader(world.database_url)) as new:
        assert old.try_lead()
        old.close()
        until(new.try_lead, lambda: "the server has not let go of the lock")
        assert old._pid != new._pid
        old._pid = new._pid
        with psycopg.connect(world.database_url) as conn:
            assert not old.takes_turn(conn)
            assert not old.leads(conn)
            assert new.takes_turn(conn)


def test_who_is_cut_off_from_the_database_leaves_the_broker_to_the_new_leader(
    world: World,
) -> None:
    """Half-open: the server has let go of our lock, and we wait for an answer that never comes."""
    at = conninfo_to_dict(world.database_url)
    proxy = Proxy(lambda: f"{at['host']}/.s.PGSQL.{at['port']}")
    try:
        through = f"postgresql://postgres@127.0.0.1:{proxy.port}/{at['dbname']}"
        first = world.daemon(database=through).start()
        until(lambda: leads(first), first.log)
        second = world.daemon().start()
        until(lambda: stands_by(second), second.log)
        proxy.mute()
        world.rows("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
        until(lambda: leads(second), second.log)
        for n in range(12):
            world.publish("M1", reading(n))
            until(lambda least=n: world.count("reading") > least, second.log, 5)
            time.sleep(0.1)
        assert second.log().count("mqtt_connected") == 1, second.log()[-3000:]
        proxy.reset()
        proxy.speak()
        until(lambda: stands_by(first), first.log)
    finally:
        proxy.close()


def _begin(url: str, leader: Leader, begun: threading.Event) -> None:
    with psycopg.connect(url) as conn:
        assert leader.begin(conn)
        begun.set()


def test_a_standby_whose_program_is_older_than_the_schema_does_not_take_over(world: World) -> None:
    """As after the other daemon was upgraded, came, migrated, and went."""
    first, second = pair(world)
    with psycopg.connect(world.database_url) as conn:
        (was,) = conn.execute("select version_num from alembic_version").fetchone() or ("",)
        conn.execute("update alembic_version set version_num = '9999'")
    try:
        first.kill()
        assert second.process.wait(30) == 1
        assert "install the newer fumewatch" in second.log()
    finally:
        with psycopg.connect(world.database_url) as conn:
            conn.execute("update alembic_version set version_num = %s", [was])


def test_a_standby_with_another_client_id_is_not_ready_and_says_why(world: World) -> None:
    first = world.daemon(broker=f'{world.broker.url}"\nclient_id = "one').start()
    until(lambda: leads(first), first.log)
    until(lambda: world.count("daemon where is_leader") == 1, first.log)
    second = world.daemon(broker=f'{world.broker.url}"\nclient_id = "two').start(ready=False)
    until(lambda: "unfit to take over" in second.log(), second.log)
    status, body = second.get("/readyz")
    assert status == 503
    assert "make them the same" in body
    first.kill()  # better one that begins with what comes now than nobody
    until(lambda: leads(second), second.log)
    world.publish("M1", reading())
    until(lambda: world.count("reading") == 1, second.log)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_twenty_takeovers_in_a_row_under_load(world: World) -> None:
    leader, standby = pair(world)
    with numbered(world) as count:
        for n in range(20):
            before = count()
            end(leader, signal.SIGKILL if n % 2 else signal.SIGTERM)
            until(lambda who=standby: leads(who), standby.log)
            until(lambda least=before: world.count("reading") > least, standby.log)
            leader.process.wait(20)
            leader, standby = standby, leader.start()
            until(lambda who=standby: stands_by(who), standby.log)
    all_stored(world, count(), leader)
    assert leader.stop() == 0
    until(lambda: leads(standby), standby.log)
    assert standby.stop() == 0
    assert world.rows("select sum(readings) from rollup_10m") == [(count(),)]
