"""When to read, when to ping, when to come back."""

import pytest

from fumewatch.mqtt.keepalive import Keepalive, Step
from fumewatch.mqtt.network import pause_before
from fumewatch.mqtt.pace import FLUSH_BYTES, Pace


def late_reads(pace: Pace, *unacked: int) -> None:
    for peak in unacked:
        pace.note(peak, 230 * peak, peak, waited=0.2, was_late=True)


def early_read(pace: Pace, unacked: int, waited: float) -> None:
    pace.note(unacked, 230 * unacked, unacked, waited=waited, was_late=False)


def test_at_first_much_may_wait() -> None:
    assert Pace(10_000).low_water(0) == FLUSH_BYTES


def test_the_same_count_twice_and_then_at_once_is_the_brokers_window() -> None:
    pace = Pace(65_535)
    late_reads(pace, 20, 20)
    assert pace.window == 65_535
    assert pace.low_water(0) == 2048  # half of it: ten messages of 230 bytes
    for unacked in (12, 8, 20):
        early_read(pace, unacked, 0.002)
    assert pace.window == 20
    assert pace.low_water(0) == 2048
    assert pace.low_water(20) == 1
    assert pace.is_urgent(10)


@pytest.mark.parametrize("peaks", [(20,), (20, 21), (20, 20, 21), (20, 21, 20)])
def test_differing_counts_are_no_window(peaks: tuple[int, ...]) -> None:
    pace = Pace(65_535)
    late_reads(pace, *peaks)
    for _ in range(3):
        early_read(pace, 12, 0.002)
    assert pace.window == 65_535


def test_a_steady_fleet_is_no_window() -> None:
    """1,000 a second: 200 a flush, and half of that not before 70 ms."""
    pace = Pace(65_535)
    for _ in range(5):
        late_reads(pace, 200, 200)
        early_read(pace, 72, 0.072)
    assert pace.window == 65_535
    assert pace.low_water(0) == FLUSH_BYTES


def test_a_hiccup_of_the_machine_is_no_proof() -> None:
    pace = Pace(65_535)
    late_reads(pace, 200, 200)
    early_read(pace, 72, 0.01)
    early_read(pace, 72, 0.072)
    early_read(pace, 72, 0.01)
    assert pace.window == 65_535
    assert pace.low_water(0) == FLUSH_BYTES


def test_a_window_that_is_exceeded_was_none() -> None:
    pace = Pace(10_000)
    late_reads(pace, 20, 20)
    for unacked in (12, 8, 20):
        early_read(pace, unacked, 0.002)
    early_read(pace, 21, 0.002)
    assert pace.window == 10_000


def test_large_messages_fill_the_same_bytes_sooner() -> None:
    pace = Pace(20)
    for _ in range(100):
        pace.note(1, 100_000, 1, waited=1, was_late=False)
    assert pace.low_water(0) == FLUSH_BYTES


# (seconds, what happened) and then the step expected at the time given
@pytest.mark.parametrize(
    ("heard", "sent", "now", "step"),
    [
        (0, 0, 0, Step.REST),
        (0, 0, 44, Step.REST),
        (0, 0, 45, Step.PING),
        (44, 0, 45, Step.PING),  # nothing sent: the broker would miss us
        (0, 44, 45, Step.PING),  # nothing heard: is the broker there?
        (44, 44, 45, Step.REST),
        (0, 89, 89, Step.PING),
        (0, 89, 90, Step.GIVE_UP),
        (89, 0, 90, Step.PING),
    ],
)
def test_keepalive_of_a_minute(heard: float, sent: float, now: float, step: Step) -> None:
    keepalive = Keepalive(60, 0)
    keepalive.heard(heard)
    keepalive.sent(sent)
    assert keepalive.step(now) is step


def test_who_does_not_listen_pings_on_and_never_gives_up() -> None:
    keepalive = Keepalive(60, 0)
    steps = []
    for now in range(600):
        keepalive.heard(now)
        steps.append(keepalive.step(now))
    assert Step.GIVE_UP not in steps
    assert steps.count(Step.PING) == 13  # each 45 s


@pytest.mark.parametrize(
    ("attempt", "shortest", "longest"),
    [(1, 0.25, 0.5), (2, 0.5, 1), (3, 1, 2), (7, 15, 30), (100_000, 15, 30)],
)
def test_pauses_double_up_to_half_a_minute(attempt: int, shortest: float, longest: float) -> None:
    assert pause_before(attempt, 0) == shortest
    assert pause_before(attempt, 1) == longest
