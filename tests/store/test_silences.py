"""Silences in the store: which are in force when, and who ended them."""

from datetime import timedelta

import pytest

from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.routing import Label, Matchers
from fumewatch.store import Connection, Database, silences
from tests.store.build import at

WARNINGS = Matchers.model_validate(
    {
        "match": {"severity": "warning"},
        "match_re": {"street": ["田林.*"]},
        "match_not": {"site": "x"},
    }
)


@pytest.fixture
def conn(database: Database):
    with database.transaction() as conn:
        yield conn


def silence(start: float = 0, end: float = 60, **other) -> Silence:
    """From minute to minute after noon."""
    fields = {
        "matchers": WARNINGS,
        "starts_at": at(start),
        "ends_at": at(end),
        "reason": "roof is repaired",
        "author": "张三",
        "created_at": at(-5),
    }
    return Silence(**fields | other)


def ids(found: list[Silence]) -> list[int]:
    return [one.id for one in found]


def test_what_goes_in_comes_out(conn: Connection) -> None:
    added = silences.add(conn, silence())
    assert added == silence(id=added.id)
    assert silences.one(conn, added.id) == added
    assert added.matchers.match_re == {Label.STREET: ("田林.*",)}


WHEN = [
    (-1, [], [1, 2, 3], []),
    (0, [1], [1, 2, 3], []),
    (30, [1, 2], [1, 2, 3], []),
    (40, [1, 2], [1, 2], [3]),
    (50, [1], [1], [2, 3]),
    (60, [], [], [1, 2, 3]),
]
"""(minute after noon, active, unended, ended)"""


def test_which_are_in_force_when(conn: Connection) -> None:
    """The second is ended early, the third before it begins."""
    for one in (silence(), silence(30, 90), silence(80, 90)):
        silences.add(conn, one)
    assert silences.end(conn, 2, "李四", at(50))
    assert silences.end(conn, 3, "李四", at(40))
    assert [
        (
            minute,
            ids(silences.active(conn, at(minute))),
            ids(silences.unended(conn, at(minute))),
            ids(silences.ended(conn, at(minute), 10)),
        )
        for minute, *_ in WHEN
    ] == WHEN
    assert ids(silences.ended(conn, at(60), 1)) == [1]


def test_the_first_who_ends_it_did(conn: Connection) -> None:
    id = silences.add(conn, silence()).id
    ended = silences.end(conn, id, "李四", at(10))
    assert (ended.ended_by, ended.ended_at) == ("李四", at(10))
    assert silences.end(conn, id, "王五", at(11)) is None
    assert silences.one(conn, id) == ended


@pytest.mark.parametrize("minute", [60, 61])
def test_what_is_over_cannot_be_ended(conn: Connection, minute: float) -> None:
    id = silences.add(conn, silence()).id
    assert silences.end(conn, id, "李四", at(minute)) is None
    assert silences.end(conn, id + 1, "李四", at(0)) is None
    assert silences.one(conn, id).ended_at is None
    assert silences.one(conn, id).ends_at - at(0) == timedelta(hours=1)
