"""Back-pressure: what is held where while nobody can store, and that our memory is bounded."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from fumewatch.core.sources import ECHO
from fumewatch.mqtt import MqttSettings, Publisher
from tests.daemon.conftest import Daemon, World, reading, until
from tests.daemon.test_daemon import own_server  # noqa: F401 - a fixture
from tests.daemon.test_pump import Clock, pumping, turn_until
from tests.fixtures.broker import Broker

MIB: Final = 1 << 20


def test_echoes_are_nobodys_readings(world: World) -> None:
    """Of a daemon that was killed, of another one, of a stranger who publishes there: acked, and
    neither stored nor set aside."""
    with pumping(world, Clock()) as pump:
        for topic in (f"{ECHO}gone", f"{ECHO}a/b", ECHO, f"{ECHO}gone"):
            world.publish_raw(topic, b"gone 1")
        world.publish("M1", reading())
        world.publish_raw(f"{ECHO}gone", b"\xff" * 100_000)
        turn_until(pump, lambda: world.count("reading") == 1)
        turn_until(pump, lambda: pump._subscriber.depth == 0)
    assert world.count("dead_letter") == 0
    assert world.rows("select code from monitor") == [("M1",)]
    with pumping(world, Clock()) as pump:
        for _ in range(5):
            pump.turn()
        assert pump._subscriber.filling().unacked == 0, "all was acked, nothing comes again"


# ── Memory ──────────────────────────────────────────────────────────────────────────────────────


def memory(daemon: Daemon) -> int:
    """Bytes of the process in RAM."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


@contextmanager
def most_memory(daemon: Daemon) -> Iterator[list[int]]:
    """The most that was seen, ten times a second."""
    most, stop = [0], threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            most[0] = max(most[0], memory(daemon))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        stop.set()
        thread.join()


def readings(
    count: int, of: int = 500, pad: int = 0, first: int = 0
) -> Iterator[tuple[str, bytes, bool]]:
    """Each at a time of its own; `pad`: bytes that nobody reads."""
    for n in range(first, first + count):
        one = reading(minutes_ago=n / 600, fume=(n % 3000) / 1000)
        if pad:
            one["note"] = "x" * pad
        yield f"fume/xuhui/M{n % of}/up", json.dumps(one).encode(), False


def publish(broker: Broker, messages: Iterator[tuple[str, bytes, bool]], **options: Any) -> int:
    publisher = Publisher(MqttSettings(url=broker.url))
    try:
        return publisher.publish_many(messages, timeout=120, **options)
    finally:
        publisher.stop()


@pytest.mark.soak
@pytest.mark.timeout(2400)
def test_an_hour_without_the_database_is_held_by_the_broker_and_not_by_us(
    brokers: Any,
    own_server: Any,  # noqa: F811
    tmp_path: Path,
    forks: Any,
) -> None:
    """An hour of 10,000 monitors at a reading a minute, as fast as the broker takes them: what it
    is sized for, as shipped. Ours grows neither with the messages nor with the time."""
    most = 600_000
    broker = brokers("sys_interval 1")
    with ExitStack() as stack:
        world = World(broker, own_server.url(), tmp_path, forks, stack)
        daemon = world.daemon().start()
        publish(broker, readings(20_000))
        until(lambda: world.count("reading") == 20_000, daemon.log)
        before = memory(daemon)
        own_server.stop()
        until(lambda: '"database":{"is_up":false' in daemon.get("/readyz")[1], daemon.log)
        sent, grown = 0, []
        for share, warning in ((0.55, "is half full"), (0.85, "will overflow"), (1.0, "")):
            with most_memory(daemon) as seen:
                publish(broker, readings(round(share * most) - sent, first=sent))
                sent = round(share * most)
                until(lambda: _queue(daemon) >= sent - 1000, daemon.log)  # noqa: B023
            grown.append(seen[0] - before)
            assert f"the broker's queue {warning}" in daemon.log()
            assert _queue(daemon) < most * (share + 0.01), "it warns before"
        told = json.loads(daemon.ask("status", "--json").stdout)["held"]
        assert told["inbox"] is None, "closed"
        assert (told["queue"]["level"], told["queue"]["dropped"]) == ("warning", 0)
        assert told["queue"]["messages"] >= most
        print(f"RSS before {before / MIB:.0f} MiB, then {[n / MIB for n in grown]} MiB more")
        assert grown[0] < 16 * MIB, "nothing is read, nothing is kept"
        assert grown[-1] - grown[0] < 4 * MIB
        own_server.start()
        until(lambda: world.count("reading") == most + 20_000, daemon.log, 600)
        until(lambda: _queue(daemon) < most / 10, daemon.log, 600)
        assert daemon.stop() == 0


def _queue(daemon: Daemon) -> float:
    return metric(daemon, "fumewatch_broker_queue_messages")


def metric(daemon: Daemon, name: str) -> float:
    for line in daemon.get("/metrics")[1].splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    raise AssertionError(f"no metric {name}")


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("count", "pad", "limit", "most_more"),
    [
        (120_000, 0, ("messages", 5000), 32 * MIB),
        (400, 200_000, ("bytes", 16 * MIB), 48 * MIB),
        (600, 200_000, ("bytes", 64 * MIB), 112 * MIB),
        (150, MIB, ("bytes", 16 * MIB), 112 * MIB),  # longer than a decoder reads: dead letters
    ],
)
def test_a_slow_database_fills_the_inbox_to_its_limit_and_no_further(
    world: World, count: int, pad: int, limit: tuple[str, int], most_more: int
) -> None:
    """Each commit takes ten seconds; the rest waits at the broker, and is all stored in the end."""
    what, most_held = limit
    option = {"messages": "inbox_limit", "bytes": "inbox_bytes"}[what]
    daemon = world.daemon(more=f"[ingest]\n{option} = {most_held}\n").start()
    publish(world.broker, readings(5000))
    until(lambda: world.count("reading") == 5000, daemon.log)
    before = memory(daemon)
    slow(world, 10)
    one_read = {"messages": 15_420, "bytes": 2 * MIB}[what]
    with most_memory(daemon) as most:
        publish(world.broker, readings(count, of=499, pad=pad))
        until(lambda: metric(daemon, f"fumewatch_inbox_{what}") >= most_held, daemon.log)
        for _ in range(60):
            assert metric(daemon, f"fumewatch_inbox_{what}") <= most_held + one_read
            threading.Event().wait(0.5)
    print(f"{limit}: RSS before {before / MIB:.0f} MiB, at most {most[0] / MIB:.0f} MiB")
    assert most[0] - before < most_more
    slow(world, 0)
    until(lambda: world.count("reading") + world.count("dead_letter") == 5000 + count, daemon.log)
    assert world.count("dead_letter") == (count if pad == MIB else 0)
    assert daemon.stop() == 0


def slow(world: World, seconds: int) -> None:
    """From now on each transaction that stores something sleeps."""
    with psycopg.connect(world.database_url) as conn:
        for table in ("reading", "dead_letter"):
            conn.execute(f"drop trigger if exists slow on {table}")
        if seconds:
            conn.execute(
                "create or replace function slow() returns trigger language plpgsql as"
                f" $$ begin perform pg_sleep({seconds}); return null; end $$"
            )
        for table in ("reading", "dead_letter") if seconds else ():
            conn.execute(
                f"create trigger slow after insert on {table} for each statement"
                " execute function slow()"
            )
