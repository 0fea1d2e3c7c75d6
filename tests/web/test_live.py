"""The stream of alerts: nothing missed, nothing left hanging."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest

from fumewatch.config import Config
from fumewatch.core.alert import Alert, Severity, State
from fumewatch.core.errors import WebUnavailable
from fumewatch.health import Health
from fumewatch.store import Database, monitors, sites
from fumewatch.web import Server, create_app
from fumewatch.web import live as live_module
from tests.web.seed import alert, facts, open_alert, resolve

Event = tuple[str, int | None, Any]
STREAM = "/api/v1/alerts/stream"


class Stream:
    """What a client of server-sent events has read so far."""

    def __init__(self, url: str, **headers: str) -> None:
        self._events: list[Event] = []
        self._grown = threading.Condition()
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(url, headers), daemon=True)
        self._thread.start()

    def _read(self, url: str, headers: dict[str, str]) -> None:
        try:
            with (
                httpx2.Client(timeout=30) as client,
                client.stream("GET", url, headers=headers) as answer,
            ):
                fields: dict[str, str] = {}
                for line in answer.iter_lines():
                    if line:
                        name, _, value = line.partition(": ")
                        fields[name] = fields.get(name, "") + value
                        continue
                    self._take(fields)
                    fields = {}
        except httpx2.HTTPError:
            pass  # the server ended in the middle of an event: what was read counts
        self.ended.set()

    def _take(self, fields: dict[str, str]) -> None:
        if "event" not in fields:
            return
        id = int(fields["id"]) if "id" in fields else None
        with self._grown:
            self._events.append((fields["event"], id, json.loads(fields["data"])))
            self._grown.notify_all()

    def alerts(self, n: int) -> list[Event]:
        return self.events("alert", n)

    def events(self, name: str, n: int) -> list[Event]:
        """The first n of that name; fails if they do not come within 10 s."""

        def found() -> list[Event]:
            return [event for event in self._events if event[0] == name]

        with self._grown:
            assert self._grown.wait_for(lambda: len(found()) >= n, timeout=10), self._events
            return found()[:n]


@pytest.fixture
def ids(database: Database) -> list[int]:
    with database.transaction() as conn:
        sites.replace(conn, facts(4))
        return list(monitors.register(conn, [("xuhui", f"XH{i:04d}") for i in range(4)]).values())


def fire(
    database: Database, monitor: int, rule: str = "exceedance", **more: Any
) -> tuple[Alert, int]:
    one = alert(monitor, rule, datetime.now(UTC), **more)
    with database.transaction() as conn:
        return one, open_alert(conn, one)


def newest(live: str) -> Stream:
    """A stream that is surely open."""
    stream = Stream(live + STREAM)
    stream.events("counts", 1)
    return stream


def test_a_new_alert_is_told_at_once_and_so_is_its_end(
    live: str, database: Database, ids: list[int]
) -> None:
    stream = newest(live)
    start = time.monotonic()
    one, number = fire(database, ids[0])
    (_, id, told), = stream.alerts(1)  # fmt: skip
    assert time.monotonic() - start < 3
    assert (id, told["id"], told["state"]) == (number, str(one.id), "firing")
    with database.transaction() as conn:
        resolve(conn, one, datetime.now(UTC))
    assert stream.alerts(2)[1][2]["state"] == "resolved"


def test_who_comes_back_is_told_what_it_missed(
    live: str, database: Database, ids: list[int]
) -> None:
    _, first = fire(database, ids[0])
    numbers = [fire(database, id)[1] for id in ids[1:]]
    by_header = Stream(live + STREAM, **{"Last-Event-ID": str(first)})
    by_address = Stream(f"{live}{STREAM}?after={first}")
    for stream in (by_header, by_address):
        told = [id for _, id, _ in stream.alerts(4)]
        assert told == [first, *numbers], "what is young is told again: it may have been overtaken"


def test_numbers_that_commit_out_of_order_are_both_told(
    live: str, database: Database, ids: list[int]
) -> None:
    """A number is taken before the record's lock: who waits for that commits later with less."""
    stream = newest(live)
    now = datetime.now(UTC)
    early: list[int] = []
    may_commit = threading.Event()

    def wait_with_a_number() -> None:
        with database.transaction() as conn:
            early.append(open_alert(conn, alert(ids[0], "near-limit", now)))
            assert may_commit.wait(30)

    waiting = threading.Thread(target=wait_with_a_number)
    with database.transaction() as conn:
        first = open_alert(conn, alert(ids[0], "exceedance", now))
        waiting.start()
        _until_it_waits(database)
        late = open_alert(conn, alert(ids[1], "exceedance", now))
    assert {id for _, id, _ in stream.alerts(2)} == {first, late}
    may_commit.set()
    waiting.join()
    assert [id for _, id, _ in stream.alerts(3)][2:] == early
    assert first < early[0] < late


def _until_it_waits(database: Database) -> None:
    waits = "select from pg_locks where locktype = 'advisory' and not granted"
    for _ in range(1000):
        with database.transaction() as conn:
            if conn.execute(waits).fetchone() is not None:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for the record")


def test_nothing_is_told_twice_to_a_stream_that_stays(
    live: str, database: Database, ids: list[int]
) -> None:
    stream = newest(live)
    numbers = [fire(database, id)[1] for id in ids]
    assert [id for _, id, _ in stream.alerts(4)] == numbers
    stream.events("counts", 2)
    assert len([event for event in stream._events if event[0] == "alert"]) == 4


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", 2),
        ("severity=critical", 1),
        ("rule=near-limit", 1),
        ("state=pending", 3),
        ("street=nowhere", 0),
    ],
)
def test_a_stream_tells_what_its_filter_lets_through(
    live: str, database: Database, ids: list[int], query: str, told: int
) -> None:
    fire(database, ids[0], severity=Severity.CRITICAL)
    fire(database, ids[1], "near-limit")
    fire(database, ids[2], "exceedance", state=State.PENDING, fired_at=None)
    stream = Stream(f"{live}{STREAM}?after=0&{query}")
    stream.events("counts", 1)
    assert len([event for event in stream._events if event[0] == "alert"]) == told


def test_who_missed_too_much_is_told_to_load_anew(
    live: str, database: Database, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "MOST_MISSED", 2)
    for id in ids:
        fire(database, id)
    stream = Stream(f"{live}{STREAM}?after=0")
    stream.events("reset", 1)


def test_streams_end_within_a_second_of_the_servers_stop(
    database: Database, config: Config, health: Health
) -> None:
    server = Server(create_app(database, config, health, lambda: datetime.now(UTC)), "127.0.0.1", 0)
    server.start()
    streams = [newest(server.url) for _ in range(3)]
    start = time.monotonic()
    server.stop()
    assert time.monotonic() - start < 1
    assert all(stream.ended.wait(timeout=1) for stream in streams)


def test_a_port_that_is_taken_is_said(
    live: str, database: Database, config: Config, health: Health
) -> None:
    port = int(live.rpartition(":")[2])
    app = create_app(database, config, health, lambda: datetime.now(UTC))
    with pytest.raises(WebUnavailable, match="Address already in use"):
        Server(app, "127.0.0.1", port).start()


def test_after_the_database_was_away_nothing_is_missing(
    live: str, database: Database, database_url: str, ids: list[int]
) -> None:
    stream = newest(live)
    with without_connections(database_url):
        stream.events("trouble", 1)
    number = _retry(lambda: fire(database, ids[0])[1])
    assert stream.alerts(1)[0][1] == number


def _retry(step: Any) -> Any:
    for _ in range(40):
        try:
            return step()
        except Exception:
            time.sleep(0.25)
    return step()


@contextmanager
def without_connections(url: str) -> Iterator[None]:
    """The database lets nobody in, and who was in is out."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    admin = psycopg.conninfo.make_conninfo(url, dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"alter database {name} allow_connections false")
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        yield
        conn.execute(f"alter database {name} allow_connections true")
