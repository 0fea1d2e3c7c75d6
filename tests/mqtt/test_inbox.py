"""The inbox: bounded, in order, one connection a batch, and patient only when that pays."""

import threading
import time

import pytest

from fumewatch.mqtt.frames import Message
from fumewatch.mqtt.inbox import MOST_MESSAGES, Batch, Inbox


def messages(*mids: int) -> list[Message]:
    return [(b"fume/a/b/up", b"{}", mid, 0x32) for mid in mids]


def mids(batch: Batch | None) -> list[int]:
    return [message[2] for message in batch.messages] if batch else []


def filled(*chunks: list[int], most: int = 100, most_bytes: int = 10_000) -> Inbox:
    inbox = Inbox(most, most_bytes)
    inbox.open()
    for chunk in chunks:
        inbox.put(messages(*chunk), 10 * len(chunk))
    return inbox


def take(inbox: Inbox, limit: int = 100) -> Batch | None:
    return inbox.take(limit, timeout=0, linger=0)


def test_batches_keep_the_order_and_the_limit() -> None:
    inbox = filled([1, 2, 3], [4], [5, 6])
    assert [mids(take(inbox, 2)) for _ in range(4)] == [[1, 2], [3, 4], [5, 6], []]


def test_what_is_taken_counts_until_it_is_released() -> None:
    inbox = filled([1, 2, 3], [4])
    first, rest = take(inbox, 2), take(inbox)
    assert first
    assert rest
    assert (inbox.held, inbox.unacked) == (4, 4)
    inbox.release(first)
    assert (inbox.held, inbox.unacked) == (2, 2)
    inbox.release(rest)
    assert (inbox.held, inbox.unacked) == (0, 0)
    assert first.size + rest.size == 40


@pytest.mark.parametrize(("most", "most_bytes"), [(5, 10_000), (100, 50)])
def test_full_at_its_limit_and_open_again_only_well_below(most: int, most_bytes: int) -> None:
    inbox = filled([1, 2], [3, 4], most=most, most_bytes=most_bytes)
    assert inbox.has_room()
    inbox.put(messages(5), 10)
    assert not inbox.has_room()
    one, more = take(inbox, 1), take(inbox, 1)
    assert one
    assert more
    inbox.release(one)
    assert not inbox.has_room()
    inbox.release(more)
    assert inbox.has_room()


def test_an_ack_of_an_earlier_connection_is_refused() -> None:
    inbox = filled([1, 2])
    batch = take(inbox)
    assert batch
    inbox.open()
    inbox.put(messages(1, 2), 20)
    assert not inbox.release(batch)
    assert (inbox.held, inbox.unacked) == (2, 2)


def test_what_the_broker_has_forgotten_is_kept_but_never_mixed_with_the_new() -> None:
    inbox = filled([1, 2], [3])
    old = take(inbox, 1)
    inbox.open()
    inbox.put(messages(1), 10)
    assert (inbox.held, inbox.unacked) == (3, 1)  # 2 and 3 of the old, 1 of the new
    left, new = take(inbox), take(inbox)
    assert [mids(old), mids(left), mids(new)] == [[1], [2, 3], [1]]
    assert inbox.held == 1
    assert new
    assert inbox.release(new)
    assert inbox.held == 0


def test_take_gives_up_after_its_timeout() -> None:
    began = time.monotonic()
    assert Inbox().take(10, timeout=0.05) is None
    assert 0.04 < time.monotonic() - began < 1


def test_take_lingers_for_a_full_batch() -> None:
    inbox = filled([1])
    timer = threading.Timer(0.1, lambda: inbox.put(messages(2, 3), 20))
    timer.start()
    began = time.monotonic()
    assert mids(inbox.take(3, timeout=5, linger=5)) == [1, 2, 3]
    assert time.monotonic() - began < 1
    timer.join()


def test_take_lingers_no_longer_than_told() -> None:
    inbox = filled([1])
    began = time.monotonic()
    assert mids(inbox.take(3, timeout=5, linger=0.05)) == [1]
    assert time.monotonic() - began < 1


def test_take_does_not_linger_while_the_broker_waits_for_acks() -> None:
    inbox = filled([1])
    timer = threading.Timer(0.05, lambda: inbox.put(messages(2), 10, is_urgent=True))
    timer.start()
    began = time.monotonic()
    assert mids(inbox.take(100, timeout=5, linger=5)) == [1, 2]
    assert time.monotonic() - began < 1
    timer.join()


def test_take_does_not_linger_for_more_than_the_inbox_holds() -> None:
    inbox = filled([1, 2, 3], most=3)
    began = time.monotonic()
    assert mids(inbox.take(100, timeout=5, linger=5)) == [1, 2, 3]
    assert time.monotonic() - began < 1


def test_closing_wakes_take() -> None:
    inbox = Inbox()
    timer = threading.Timer(0.05, inbox.close)
    timer.start()
    began = time.monotonic()
    assert inbox.take(10, timeout=5) is None
    assert time.monotonic() - began < 1
    timer.join()


@pytest.mark.parametrize("most", [0, MOST_MESSAGES + 1])
def test_a_limit_beyond_the_packet_ids_is_refused(most: int) -> None:
    with pytest.raises(ValueError, match="50000"):
        Inbox(most)
