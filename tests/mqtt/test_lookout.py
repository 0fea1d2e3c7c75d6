"""What the lookout says of the broker's queue, and the echo on its way through a real one."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from fumewatch.mqtt import Echo, Level, Lookout, MqttSettings, Pressure, Publisher
from fumewatch.mqtt import lookout as lookout_module
from fumewatch.mqtt.echo import EVERY_S, FILTER
from fumewatch.mqtt.lookout import tell_change
from fumewatch.mqtt.queue import DROPPING_S, Queue, lasting, level_of, unknown
from tests.fixtures.broker import Broker
from tests.mqtt.conftest import HandmadeBroker, Listener, eventually

Listen = Callable[..., Listener]
Publish = Callable[..., Publisher]
Brokers = Callable[..., Broker]
Look = Callable[..., Lookout]

UP = "fume/xuhui/FM01/up"
STORED, RETAINED = "$SYS/broker/store/messages/count", "$SYS/broker/retained messages/count"
DROPPED = "$SYS/broker/publish/messages/dropped"
CONNACK_5 = b"\x20\x03\x00\x00\x00"


# ── The queue, by itself ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("share", "before", "level"),
    [
        (None, Level.EASY, Level.EASY),
        (0.0, Level.UNKNOWN, Level.EASY),
        (0.49, Level.EASY, Level.EASY),
        (0.5, Level.EASY, Level.NOTICE),
        (0.46, Level.NOTICE, Level.NOTICE),
        (0.44, Level.NOTICE, Level.EASY),
        (0.79, Level.NOTICE, Level.NOTICE),
        (0.8, Level.NOTICE, Level.WARNING),
        (0.76, Level.WARNING, Level.WARNING),
        (0.74, Level.WARNING, Level.NOTICE),
        (0.46, Level.WARNING, Level.NOTICE),
        (0.44, Level.WARNING, Level.EASY),
        (1.2, Level.UNKNOWN, Level.WARNING),
        (0.46, Level.DROPPING, Level.EASY),
    ],
)
def test_a_level_begins_at_its_mark_and_ends_below_it(
    share: float | None, before: Level, level: Level
) -> None:
    assert level_of(share, before) is level


@given(st.lists(st.floats(0, 1.5), min_size=2))
def test_a_share_that_only_grows_never_lowers_the_level(shares: list[float]) -> None:
    level, ranks = Level.EASY, []
    for share in sorted(shares):
        level = level_of(share, level)
        ranks.append(level.rank)
    assert ranks == sorted(ranks)


def heard(queue: Queue, now: float, stored: int, retained: int = 0, dropped: int = 0) -> Pressure:
    for topic, number in ((STORED, stored), (RETAINED, retained), (DROPPED, dropped)):
        queue.hear(topic, str(number).encode(), now)
    return queue.judge(now)


def test_what_is_held_is_what_is_stored_and_not_retained() -> None:
    pressure = heard(Queue(1000), 0, stored=230, retained=130)
    assert (pressure.messages, pressure.share, pressure.level) == (100, 0.1, Level.EASY)
    assert heard(Queue(1000), 0, stored=5, retained=9).messages == 0


def test_the_time_left_follows_from_the_pace() -> None:
    queue = Queue(10_000)
    said = [heard(queue, at, stored=at * 100).seconds_left for at in (0, 10, 20, 30)]
    assert said == [None, None, pytest.approx(80), pytest.approx(70)]
    assert "30%, full in 1.2 min at this pace" in queue.judge(30).detail
    for at in range(40, 200, 10):
        pressure = heard(queue, at, stored=3000)
    assert pressure.seconds_left is None, "it has stood for two minutes"


def test_without_a_limit_only_drops_matter() -> None:
    queue = Queue(0)
    pressure = heard(queue, 0, stored=10**7)
    assert (pressure.level, pressure.share, pressure.seconds_left) == (Level.EASY, None, None)
    assert heard(queue, 1, stored=10**7, dropped=1).level is Level.DROPPING


def test_drops_count_from_when_we_look_and_end_after_a_while() -> None:
    queue = Queue(1000)
    assert heard(queue, 0, stored=1, dropped=70).dropped == 0, "those are of the past"
    pressure = heard(queue, 5, stored=1, dropped=73)
    assert (pressure.level, pressure.dropped) == (Level.DROPPING, 3)
    assert "dropped 3 messages, ours or those of another client" in pressure.detail
    assert queue.judge(5 + DROPPING_S).level is Level.EASY
    queue.forget()
    assert heard(queue, 900, stored=1, dropped=2).dropped == 3, "the broker began anew"


@pytest.mark.parametrize("payload", [b"", b"-1", b"12 seconds", b"\xff\xfe", b"9" * 100, b"1e3"])
def test_a_broker_that_talks_nonsense_is_not_known_or_nothing_worse(payload: bytes) -> None:
    queue = Queue(1000)
    queue.hear(STORED, payload, 0)
    assert queue.judge(0).level in (Level.UNKNOWN, Level.WARNING)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "5 s"), (119, "2.0 min"), (5400, "1.5 h"), (86_399, "24 h"), (864_000, "10 days")],
)
def test_how_long_is_said_roughly(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


def test_each_crossing_is_logged_once() -> None:
    course = [
        *(Level.EASY, Level.NOTICE, Level.NOTICE, Level.WARNING, Level.WARNING, Level.NOTICE),
        *(Level.EASY, Level.DROPPING, Level.DROPPING, Level.EASY),
    ]
    pressures = [Pressure(level, "so much", 1000) for level in course]
    with capture_logs() as logs:
        for before, now in itertools.pairwise([unknown("why", 1000), *pressures]):
            tell_change(before, now)
    assert [
        (each["log_level"], each["event"]) for each in logs if each["log_level"] != "debug"
    ] == [
        ("warning", "the broker's queue is half full"),
        ("warning", "the broker's queue will overflow"),
        ("info", "the broker's queue empties"),
        ("info", "the broker's queue empties"),
        ("error", "the broker drops messages"),
        ("info", "the broker's queue empties"),
    ]


# ── The echo, by itself ─────────────────────────────────────────────────────────────────────────


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def echo(clock: Clock) -> Echo:
    return Echo("me", clock)


def test_an_echo_is_owed_from_the_brokers_ack_until_it_is_back(echo: Echo, clock: Clock) -> None:
    assert not echo.is_due, "nobody would hear it"
    echo.open()
    assert echo.is_due
    number, payload = echo.send()
    assert not echo.is_due
    assert echo.owed_since is None
    clock.now += 1
    echo.taken(number)
    assert echo.owed_since == 101
    clock.now += 2
    assert echo.back(payload) == 3
    assert echo.owed_since is None
    assert echo.is_proven
    assert echo.back(payload) is None, "it came twice"
    clock.now += EVERY_S
    assert echo.is_due


def test_one_that_overtakes_its_ack_is_not_owed(echo: Echo) -> None:
    echo.open()
    number, payload = echo.send()
    assert echo.back(payload) == 0
    echo.taken(number)
    assert echo.owed_since is None


def test_a_later_one_settles_those_before_it(echo: Echo, clock: Clock) -> None:
    echo.open()
    sent = []
    for _ in range(3):
        clock.now += EVERY_S
        sent.append(echo.send())
        echo.taken(sent[-1][0])
    assert echo.owed_since == 100 + EVERY_S
    assert echo.back(sent[1][1]) == EVERY_S
    assert echo.owed_since == 100 + 3 * EVERY_S


def test_the_end_of_the_connection_pays_all_debts(echo: Echo) -> None:
    echo.open()
    number, _ = echo.send()
    echo.taken(number)
    echo.close()
    assert echo.owed_since is None
    assert not echo.is_due


@pytest.mark.parametrize("payload", [b"", b"me", b"me x", b"you 1", b"me 2", b"\xff 1", b"me 1 "])
def test_what_is_not_our_echo_is_nobodys(echo: Echo, payload: bytes) -> None:
    echo.open()
    echo.send()
    assert echo.back(payload) is None
    assert not echo.is_proven


# ── With a broker ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def look(no_thread_is_left: None) -> Iterator[Look]:
    """look(url, echo=..., **settings) -> Lookout that runs; stopped after the test."""
    with ExitStack() as stack:

        def make(url: str, *, echo: Echo | None = None, **settings: Any) -> Lookout:
            lookout = Lookout(MqttSettings(url=url, **settings), echo or Echo("nobody"))
            stack.callback(lookout.stop)
            lookout.start()
            return lookout

        yield make


def test_it_warns_before_the_queue_overflows_and_says_when_it_does(
    brokers: Brokers, listen: Listen, publisher: Publish, look: Look
) -> None:
    broker = brokers("sys_interval 1\nmax_queued_messages 1000")
    away = listen(broker.url)
    away.wait_until(True)
    away.subscriber.stop()
    lookout = look(broker.url, broker_queue=1000)
    ours = publisher(broker.url)
    statuses = [(f"fume/xuhui/M{n}/status", b"online", True) for n in range(200)]
    with capture_logs() as logs:
        ours.publish_many([*statuses, *((UP, b"x" * 200, False) for _ in range(550))])
        # the statuses are queued and retained, and count as the latter
        assert eventually(lambda: lookout.pressure.level is Level.NOTICE)
        assert eventually(lambda: 550 <= (lookout.pressure.messages or 0) <= 580)
        assert (lookout.pressure.bytes or 0) > 550 * 200
        ours.publish_many((UP, b"x" * 200, False) for _ in range(250))
        assert eventually(lambda: lookout.pressure.level is Level.WARNING)
        assert lookout.pressure.dropped == 0
        ours.publish_many((UP, b"x" * 200, False) for _ in range(300))
        assert eventually(lambda: lookout.pressure.dropped == 300)
        assert lookout.pressure.level is Level.DROPPING
    said = [each["event"] for each in logs if each["log_level"] in ("warning", "error")]
    assert said == [
        "the broker's queue is half full",
        "the broker's queue will overflow",
        "the broker drops messages",
    ]
    assert lookout.pressure.version.startswith("mosquitto")
    broker.stop()
    assert eventually(lambda: lookout.pressure.detail.startswith("unknown: no connection"))


@pytest.mark.parametrize("how", ["sys_interval 0", "acl_file {dir}/acl"])
def test_a_broker_that_keeps_its_figures_to_itself_is_no_fault(
    brokers: Brokers, look: Look, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(lookout_module, "_TELLS_WITHIN_S", 0.3)
    broker = brokers(how, start=False)
    (broker.directory / "acl").write_text("topic readwrite fume/#\n")
    broker.start()
    lookout = look(broker.url)
    assert eventually(lambda: "grant our user: topic read $SYS" in lookout.pressure.detail)
    assert lookout.pressure.level is Level.UNKNOWN


def test_a_broker_that_refuses_its_figures_is_asked_for_them_in_words(
    handmade: Callable[..., HandmadeBroker], look: Look
) -> None:
    suback = b"\x90\x0a\x00\x01\x00" + b"\x87" * 7
    broker = handmade((CONNACK_5, suback))
    lookout = look(broker.url)
    assert eventually(lambda: "the broker refuses its figures ($SYS)" in lookout.pressure.detail)


@pytest.mark.parametrize("version", [4, 5])
def test_an_echo_goes_through_the_session_of_the_subscriber(
    broker: Broker, listen: Listen, look: Look, version: int
) -> None:
    echo = Echo("me")
    listener = listen(broker.url, echo=FILTER, version=version)
    listener.wait_until(True)
    look(broker.url, echo=echo, version=version)
    echo.open()
    [(topic, payload, *_)] = listener.receive(1)
    assert topic == b"fumewatch/echo/me"
    assert echo.back(payload) is not None
    assert eventually(lambda: echo.owed_since is None)


def test_an_echo_that_may_not_be_published_is_not_owed(brokers: Brokers, look: Look) -> None:
    broker = brokers("acl_file {dir}/acl", start=False)
    (broker.directory / "acl").write_text("topic readwrite fume/#\ntopic read $SYS/broker/#\n")
    broker.start()
    echo = Echo("me")
    echo.open()
    with capture_logs() as logs:
        look(broker.url, echo=echo)
        assert eventually(lambda: [x for x in logs if x["event"] == "echo refused by the broker"])
    assert echo.owed_since is None


def test_a_subscriber_does_without_the_echo(
    handmade: Callable[..., HandmadeBroker], listen: Listen
) -> None:
    suback = b"\x90\x06\x00\x01\x00\x01\x01\x87"
    broker = handmade((CONNACK_5, suback))
    said = listen(broker.url, echo=FILTER).wait_until(True)
    assert said == "connected, but not allowed to subscribe to fumewatch/echo/+"


# ── The bound in bytes ──────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("reader_kind")
def test_long_messages_fill_the_inbox_by_all_of_their_bytes(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    megabyte, many = b"x" * (1 << 20), 24
    listener = listen(broker.url, inbox_bytes=8 << 20)
    listener.wait_until(True)
    publisher(broker.url).publish_many((UP, megabyte, False) for _ in range(many))
    assert eventually(lambda: listener.subscriber.filling().bytes >= 8 << 20)
    filling = listener.subscriber.filling()
    assert filling.bytes >= filling.messages * len(megabyte)
    assert filling.messages <= 9, "what one read brings may come on top"
    assert listener.wait_until(True)
    assert len(listener.receive(many)) == many
    assert listener.subscriber.filling().bytes == 0
