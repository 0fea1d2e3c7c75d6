"""When somebody is told that notifications do not get out, and what."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fumewatch.core.dead_man import Told, Waiting, Word, decide, key_of, notice_of, told_by
from tests.core.transitions import OPENED_AT

AFTER, REPEAT = timedelta(minutes=15), timedelta(hours=4)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(minutes: float) -> datetime:
    return OPENED_AT + timedelta(minutes=minutes)


def waiting(since: float | None, sent: float | None = None, due: int = 3) -> Waiting:
    return Waiting(
        "duty",
        due,
        0,
        None if since is None else at(since),
        None if sent is None else at(sent),
        "503 busy",
    )


def told(since: float, when: float, *, is_over: bool = False) -> Told:
    return Told(at(since), at(when), is_over)


@pytest.mark.parametrize(
    ("state", "before", "now", "said"),
    [
        (waiting(None), None, 99, None),
        (waiting(0), None, 14, None),
        (waiting(0), None, 15, (0, False, 0)),
        (waiting(0, sent=10), None, 24, None),  # it takes some: slow is not silent
        (waiting(0, sent=10), None, 25, (10, False, 0)),
        (waiting(20, sent=10), None, 34, None),  # nothing waited before
        (waiting(0), told(0, 15), 16, None),
        (waiting(0), told(0, 15), 254, None),
        (waiting(0), told(0, 15), 255, (0, False, 1)),
        (waiting(0), told(0, 255), 494, None),
        (waiting(0), told(0, 255), 495, (0, False, 2)),
        (waiting(0), told(0, 15), 9_999, (0, False, 41)),  # we were away meanwhile
        (waiting(None, sent=20, due=0), told(0, 15), 21, (0, True, 0)),
        (waiting(20.5, sent=20), told(0, 15), 21, (0, True, 0)),  # more came already
        (waiting(None, sent=20), told(0, 21, is_over=True), 22, None),
        (waiting(30), told(0, 21, is_over=True), 45, (30, False, 0)),
        (waiting(None), told(0, 15), 2000, None),  # given up, not mended
        (waiting(None, sent=-5), told(0, 15), 20, None),
    ],
)
def test_what_is_told_when(
    state: Waiting, before: Told | None, now: float, said: tuple[float, bool, int] | None
) -> None:
    words = list(decide([state], {"duty": before} if before else {}, at(now), AFTER, REPEAT))

    expected = [] if said is None else [Word(state, at(said[0]), at(now), *said[1:])]
    assert words == expected


def test_a_silence_is_told_with_what_one_must_know() -> None:
    body = notice_of(Word(waiting(0), at(0), at(15)), "mail", SHANGHAI)

    assert (body["state"], body["severity"], body["receiver"]) == ("firing", "critical", "mail")
    assert "“duty”自 2026-11-23 12:05 起" in body["title"]["zh"]
    assert "3 条待发。最近一次错误：503 busy" in body["title"]["zh"]
    assert "duty has taken none since 2026-11-23 12:05; 3 wait" in body["title"]["en"]


def test_its_end_is_told() -> None:
    body = notice_of(Word(waiting(None, 20), at(0), at(21), is_over=True), "mail", SHANGHAI)

    assert (body["state"], body["severity"]) == ("resolved", "info")
    assert "恢复送达" in body["title"]["zh"]


@pytest.mark.parametrize("is_over", [False, True])
def test_what_was_told_is_read_back(is_over: bool) -> None:
    word = Word(waiting(0), at(0), at(15), is_over)
    assert told_by(notice_of(word, "mail", SHANGHAI)) == ("duty", word.told)


def test_each_round_and_each_reader_has_a_key() -> None:
    first, again = Word(waiting(0), at(0), at(15)), Word(waiting(0), at(0), at(16))
    assert key_of(first, "mail") == key_of(again, "mail")
    others = {
        key_of(first, "mail"),
        key_of(first, "sms"),
        key_of(Word(waiting(0), at(0), at(255), round=1), "mail"),
        key_of(Word(waiting(0), at(0), at(300), is_over=True), "mail"),
        key_of(Word(waiting(400), at(400), at(415)), "mail"),
    }
    assert len(others) == 5
