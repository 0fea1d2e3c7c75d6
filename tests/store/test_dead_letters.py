"""Dead letters: what is asked for, what is due, how each is settled once."""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest

from fumewatch.core.errors import StoreUnavailable
from fumewatch.store import Connection, Database, dead_letters
from fumewatch.store.dead_letters import CUT, Asked, DeadLetter, Due, Outcome, Which
from fumewatch.store.pages import dead_letters as pages
from tests.store.build import NOON, at


def letter(n: float = 0, **overrides: Any) -> DeadLetter:
    """Received n minutes after noon."""
    usual = {"topic": "fume/xuhui/M1/up", "payload": b"{", "kind": "not_json", "detail": "no JSON"}
    return DeadLetter(at(n), **(usual | overrides))


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    with database.transaction() as conn:
        yield conn


@pytest.fixture
def six(conn: Connection) -> Connection:
    """1, 2: vendor-a; 3: vendor-a with another reason; 4: no profile; 5: cut; 6: replayed."""
    dead_letters.add(
        conn,
        [
            letter(1, profile="vendor-a", kind="no_time", payload=b"one"),
            letter(2, profile="vendor-a", kind="no_time", payload=b"two"),
            letter(3, profile="vendor-a", kind="bad_time", topic="fume/xuhui/100%_\\/up"),
            letter(4, topic="fume/minhang/M2/up", payload=b"\xff\x00"),
            letter(5, kind="too_large", detail=CUT),
            letter(6, profile="vendor-a"),
        ],
    )
    conn.execute("update dead_letter set replayed_at = %s where id = 6", [at(7)])
    return conn


def ask(conn: Connection, when: datetime = NOON, **which: Any) -> Asked:
    return dead_letters.request(conn, Which(**which), 0, 100, when)


def due(conn: Connection) -> list[int]:
    return [x.id for x in dead_letters.due(conn, 100, 1000)]


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        ({}, (1, 2, 3, 4)),
        ({"kind": "no_time"}, (1, 2)),
        ({"profile": "vendor-a"}, (1, 2, 3)),
        ({"profile": ""}, (4,)),
        ({"profile": "vendor-a", "kind": "bad_time"}, (3,)),
        ({"topic": "fume/xuhui/*"}, (1, 2, 3)),
        ({"topic": "fume/*/M?/up"}, (1, 2, 4)),
        ({"topic": "fume/xuhui/100%_\\/up"}, (3,)),
        ({"topic": "fume/xuhui/1__%_\\/up"}, ()),
        ({"topic": "fume"}, ()),
        ({"since": at(3)}, (3, 4)),
        ({"ids": (2, 4, 6, 99)}, (2, 4)),
        ({"ids": ()}, ()),
        ({"with_replayed": True}, (1, 2, 3, 4)),
    ],
)
def test_asked_for_is_what_fits_and_can_be_replayed(
    six: Connection, which: dict[str, Any], ids: tuple[int, ...]
) -> None:
    assert ask(six, **which).due == ids
    assert due(six) == list(ids)


def test_a_letter_that_was_cut_is_never_due(six: Connection) -> None:
    assert ask(six, ids=(5,)) == Asked((), (5,))
    assert due(six) == []


def test_many_are_asked_for_some_at_a_time(six: Connection) -> None:
    parts = [dead_letters.request(six, Which(), after, 2, NOON) for after in (0, 2, 4, 5)]
    assert parts == [Asked((1, 2), ()), Asked((3, 4), ()), Asked((), (5,)), Asked((), ())]
    assert [part.last for part in parts] == [2, 4, 5, None]


def test_who_asks_again_is_told_of_the_same_and_the_first_time_stands(six: Connection) -> None:
    assert ask(six, at(10), kind="no_time") == ask(six, at(20), kind="no_time")
    rows = six.execute("select distinct requested_at from dead_letter where id < 3").fetchall()
    assert rows == [(at(10),)]


def test_what_is_due_is_bounded_in_number_and_bytes_but_never_nothing(conn: Connection) -> None:
    dead_letters.add(conn, [letter(payload=b"x" * size) for size in (100, 10, 10, 10)])
    ask(conn)
    cases = {(100, 1000): [1, 2, 3, 4], (2, 1000): [1, 2], (100, 105): [1, 2], (100, 1): [1]}
    assert {most: [x.id for x in dead_letters.due(conn, *most)] for most in cases} == cases


def test_what_can_be_read_now_is_replayed_for_good(six: Connection) -> None:
    ask(six, profile="vendor-a", kind="no_time")
    dead_letters.settle(six, dead_letters.due(six, 9, 99), [], at(30))
    assert due(six) == []
    assert dead_letters.outcomes(six, [1, 2]) == [
        Outcome(id, at(30), "vendor-a", "no_time", "no JSON") for id in (1, 2)
    ]
    assert ask(six, ids=(1, 2)) == Asked((), ())


def test_what_cannot_stays_with_the_reason_of_now_and_may_be_asked_for_again(
    six: Connection,
) -> None:
    ask(six, profile="vendor-a", kind="no_time")
    of_now = letter(kind="bad_time", detail="13 o'clock\0", profile="vendor-b", payload=b"two")
    dead_letters.settle(six, dead_letters.due(six, 9, 99), [of_now], at(30))
    assert dead_letters.outcomes(six, [1, 2]) == [
        Outcome(1, at(30), "vendor-a", "no_time", "no JSON"),
        Outcome(2, None, "vendor-b", "bad_time", "13 o'clock\N{REPLACEMENT CHARACTER}"),
    ]
    assert six.execute("select tried_at from dead_letter where id = 2").fetchall() == [(at(30),)]
    assert six.execute("select count(*) from dead_letter").fetchall() == [(6,)]
    assert ask(six, ids=(1, 2)) == Asked((2,), ())


def test_two_of_one_topic_and_payload_share_their_fate(conn: Connection) -> None:
    dead_letters.add(conn, [letter(1), letter(2), letter(3, topic="fume/xuhui/M2/up")])
    ask(conn)
    dead_letters.settle(conn, dead_letters.due(conn, 9, 99), [letter(kind="no_time")], at(9))
    assert [x.kind for x in dead_letters.outcomes(conn, [1, 2])] == ["no_time"] * 2
    assert dead_letters.outcomes(conn, [3])[0].replayed_at == at(9)


def test_outcomes_are_of_those_no_longer_due_and_of_those_gone(six: Connection) -> None:
    ask(six, ids=(1,))
    assert dead_letters.outcomes(six, [1, 3, 99]) == [
        Outcome(3, None, "vendor-a", "bad_time", "no JSON"),
        Outcome(99, None, None, None, None),
    ]


def test_a_letter_is_settled_once_or_nothing_of_its_replay_is_stored(database: Database) -> None:
    with database.transaction() as conn:
        dead_letters.add(conn, [letter(1), letter(2)])
        ask(conn)
        found = dead_letters.due(conn, 9, 99)
        dead_letters.settle(conn, found[:1], [], at(5))
    with pytest.raises(StoreUnavailable, match="another daemon"):
        replay_again(database, found)
    with database.transaction() as conn:
        assert conn.execute("select count(*) from monitor").fetchall() == [(0,)]
        assert due(conn) == [2]


def test_two_who_ask_at_once_both_get_their_answer(database: Database, database_url: str) -> None:
    with database.transaction() as conn:
        dead_letters.add(conn, [letter(n, payload=str(n).encode()) for n in range(50)])
    got: list[Asked] = []
    start = threading.Barrier(2)

    def request(which: Which) -> None:
        with psycopg.connect(database_url) as conn:
            start.wait()
            got.append(dead_letters.request(conn, which, 0, 100, NOON))

    both = [Which(kind="not_json"), Which(topic="fume/*")]
    threads = [threading.Thread(target=request, args=(which,)) for which in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got[0] == got[1]
    assert len(got[0].due) == 50


def test_a_daemon_that_settles_waits_for_nobody_who_asks(
    database: Database, database_url: str
) -> None:
    with database.transaction() as conn:
        dead_letters.add(conn, [letter(n, payload=str(n).encode()) for n in range(4)])
        ask(conn, ids=(1, 3))
    with psycopg.connect(database_url) as other, database.transaction() as conn:
        assert dead_letters.request(other, Which(), 0, 9, NOON).due == (1, 2, 3, 4)
        conn.execute("set local lock_timeout = '2s'")
        dead_letters.settle(conn, dead_letters.due(conn, 9, 99), [], at(1))


def replay_again(database: Database, found: list[Due]) -> None:
    with database.transaction() as conn:
        conn.execute("insert into monitor (district, code) values ('xuhui', 'twice')")
        dead_letters.settle(conn, found, [], at(6))


# ── As pages and commands show them ─────────────────────────────────────────────────────────────


def test_they_are_counted_by_profile_and_reason(six: Connection) -> None:
    found = pages.groups(six, Which(), at(2))
    assert [(g.profile, g.kind, g.count, g.recent, g.first_at, g.latest_at) for g in found] == [
        ("vendor-a", "no_time", 2, 1, at(1), at(2)),
        ("", "not_json", 1, 1, at(4), at(4)),
        ("", "too_large", 1, 1, at(5), at(5)),
        ("vendor-a", "bad_time", 1, 1, at(3), at(3)),
    ]
    everything = pages.groups(six, Which(profile="vendor-a", with_replayed=True), NOON)
    assert sum(group.count for group in everything) == 4


def test_the_sum_of_it(six: Connection) -> None:
    ask(six, profile="vendor-a")
    found = pages.summary(six, at(3))
    assert (found.open, found.recent, found.requested, found.replayed) == (5, 3, 3, 1)


def test_a_flood_is_counted_as_far_as_anyone_cares(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_letters.add(conn, [letter(n, kind=kind) for n in range(9) for kind in ("a", "b", "c")])
    conn.execute("delete from dead_letter where kind = 'b' and received_at > %s", [at(0)])
    few = pages._SUMMARY.replace(str(pages.MOST_COUNTED), "7")
    monkeypatch.setattr(pages, "_SUMMARY", few)
    found = pages.summary(conn, at(4)).groups
    assert [(g.kind, g.count, g.recent, g.first_at, g.latest_at) for g in found] == [
        ("a", 7, 5, at(0), at(8)),
        ("c", 7, 5, at(0), at(8)),
        ("b", 1, 0, at(0), at(0)),
    ]
    assert conn.execute("show enable_seqscan").fetchall() == [("on",)]


def test_each_group_has_its_newest_samples(six: Connection) -> None:
    found = pages.groups(six, Which(), NOON)
    assert [x.id for x in pages.samples(six, found, 1)] == [2, 4, 5, 3]
    assert [x.id for x in pages.samples(six, found[:1], 3)] == [2, 1]
    assert pages.samples(six, [], 3) == []


def test_open_and_replayed_ones_come_newest_first_and_paged(six: Connection) -> None:
    def ids(*args: Any) -> list[int]:
        return [x.id for x in pages.newest_open(six, *args)]

    assert ids(None, None, 3) == [5, 4, 3]
    assert ids(None, None, 3, 3) == [2, 1]
    assert ids("no_time", None, 9) == [2, 1]
    assert ids(None, "vendor-a", 9) == [3, 2, 1]
    assert ids("no_time", "vendor-a", 9, 2) == [1]
    assert ids("future", None, 9) == []
    assert [x.id for x in pages.newest_replayed(six, None, None, 9)] == [6]
    assert pages.newest_replayed(six, "no_time", None, 9) == []


def test_lists_show_the_beginning_and_an_export_all_of_it(conn: Connection) -> None:
    dead_letters.add(conn, [letter(n, payload=bytes([n]) * 5000) for n in range(45)])
    excerpt = pages.newest(conn, Which(), 1)[0]
    assert (excerpt.payload, excerpt.size) == (b"\x2c" * 2000, 5000)
    whole = list(pages.each(conn, Which()))
    assert [x.payload for x in whole] == [bytes([n]) * 5000 for n in range(45)]


def test_a_letters_state_follows_its_times(six: Connection) -> None:
    ask(six, ids=(2,))
    states = {x.id: (x.state, x.is_cut) for x in pages.each(six, Which(with_replayed=True))}
    assert states == {
        1: ("open", False),
        2: ("requested", False),
        3: ("open", False),
        4: ("open", False),
        5: ("open", True),
        6: ("replayed", False),
    }
