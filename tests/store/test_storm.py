"""A storm in the outbox: many rows become one, all or none of them, and none overtakes another."""

import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from fumewatch.core import storm as core
from fumewatch.core.notice import Contact, Reason, notice
from fumewatch.store import Database, outbox, storm
from fumewatch.store.outbox import Claim, Notification, Outcome
from fumewatch.store.storm import Crowd, Storm
from tests.receivers.factories import a_body
from tests.store.build import NOON, at

LEASE = timedelta(minutes=3)


def alert(n: int, state: str = "firing", **facts: Any) -> dict[str, Any]:
    return a_body(id=str(uuid.UUID(int=n)), state=state, **facts)


def of_alerts(*alerts: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """A notice; alerts that resolve are told so, others are new unless they say otherwise."""
    told = [
        {"change": "resolved" if each["state"] == "resolved" else "firing", **each}
        for each in alerts
    ]
    known = {"key": uuid.uuid4(), "reason": Reason.GROUP, "at": NOON, "receiver": "bot"}
    return notice(told, **(known | facts))


def row(body: dict[str, Any], **facts: Any) -> Notification:
    thread = uuid.UUID(body["alerts"][0]["id"] if "alerts" in body else body["id"])
    known = {
        "idempotency_key": uuid.uuid4(),
        "receiver": "bot",
        "thread": thread,
        "body": body,
        "due_at": NOON,
        "reason": body["reason"] if "alerts" in body else "transition",
    }
    return Notification(**(known | facts))


def add(database: Database, rows: Iterable[Notification]) -> None:
    with database.transaction() as conn:
        outbox.add(conn, list(rows))


def merge(database: Database, most: int = 1, minutes: float = 0) -> list[Storm]:
    with database.transaction() as conn:
        crowds = storm.crowds(conn, {"bot": most}, at(minutes))
        return [made for crowd in crowds if (made := storm.merge(conn, crowd, at(minutes)))]


def claim(database: Database, room: int = 99, minutes: float = 0) -> list[Claim]:
    with database.transaction() as conn:
        return outbox.claim(conn, {"bot": room}, at(minutes), LEASE)


def settle(database: Database, claims: Iterable[Claim], state: Any = "sent") -> None:
    with database.transaction() as conn:
        outbox.settle(conn, [Outcome(one, state, "200") for one in claims], NOON)


def states(database: Database) -> list[str]:
    with database.transaction() as conn:
        return [row[0] for row in conn.execute("select state from outbox order by id")]


def test_what_is_beyond_the_pace_becomes_one_message(database: Database) -> None:
    rows = [row(of_alerts(alert(n, severity="critical" if n == 7 else "info"))) for n in range(9)]
    add(database, rows)

    assert merge(database, most=9) == []
    (made,) = merge(database, most=8)

    assert (made.merged, states(database)) == (9, ["merged"] * 9 + ["due"])
    (sent,) = claim(database)
    assert sent.idempotency_key == core.key_of(row.idempotency_key for row in rows)
    assert sent.body["key"] == str(sent.idempotency_key)
    assert sent.body["counts"] == {"firing": 9, "resolved": 0}
    assert (sent.body["reason"], sent.body["severity"]) == ("storm", "critical")
    assert {a["id"] for a in sent.body["alerts"]} == {str(uuid.UUID(int=n)) for n in range(9)}
    assert "9 条通知" in sent.body["title"]["zh"]


def test_the_newest_standing_of_each_alert_counts(database: Database) -> None:
    add(
        database,
        [
            row(of_alerts(alert(1), alert(2))),
            row(of_alerts(alert(2, change="still"), alert(3))),
            row(alert(1, "resolved")),  # as machines are told, and people were before groups
            row(of_alerts(alert(4, change="still"), reason=Reason.REPEAT)),
            row(of_alerts(alert(5), reason=Reason.ESCALATION)),
        ],
    )
    merge(database)

    (sent,) = claim(database)
    assert sent.body["counts"] == {"firing": 4, "resolved": 1}
    assert {a["id"][-1]: (a["state"], a["change"]) for a in sent.body["alerts"]} == {
        "1": ("resolved", "resolved"),
        "2": ("firing", "firing"),  # told before only in what was merged with it
        "3": ("firing", "firing"),
        "4": ("firing", "still"),
        "5": ("firing", "firing"),
    }
    assert "催办 1 条" in sent.body["title"]["zh"]


def test_what_was_left_out_before_is_counted(database: Database) -> None:
    many = [alert(n, "resolved" if n >= 70 else "firing") for n in range(80)]
    add(database, [row(of_alerts(*many, link="https://x/g")), row(of_alerts(alert(99)))])
    merge(database)

    (sent,) = claim(database)
    assert sent.body["counts"] == {"firing": 71, "resolved": 10}
    assert (len(sent.body["alerts"]), sent.body["left_out"]) == (50, 31)


def test_each_addressee_has_a_message_of_their_own(database: Database) -> None:
    people = [Contact(1, "王"), Contact(2, "李"), Contact(3, "赵")]
    add(
        database,
        [
            row(of_alerts(alert(n), to=to), addressee=to.addressee)
            for to, number in zip(people, (3, 2, 1), strict=True)
            for n in range(number)
        ],
    )
    assert [(made.addressee, made.merged) for made in merge(database, most=5)] == [
        ("contact 1", 3),
        ("contact 2", 2),
    ]
    assert sorted(sent.body["to"]["name"] for sent in claim(database)) == ["李", "王", "赵"]


def test_a_digest_and_words_of_ours_go_by_themselves(database: Database) -> None:
    alone = [Reason.DIGEST, Reason.DEAD_MAN, Reason.TEST]
    add(database, [row(of_alerts(alert(n), reason=reason)) for n, reason in enumerate(alone)])
    add(database, [row(of_alerts(alert(9))), row(of_alerts(alert(8)))])
    assert [made.merged for made in merge(database)] == [2]


def test_what_follows_waits_for_the_storm(database: Database) -> None:
    add(database, [row(of_alerts(alert(1))), row(of_alerts(alert(2)))])
    merge(database)
    add(database, [row(of_alerts(alert(1, "resolved"))), row(of_alerts(alert(3)))])

    storm_, other = claim(database)
    assert (storm_.body["reason"], other.body["alerts"][0]["id"][-1]) == ("storm", "3")
    settle(database, [storm_])
    (after,) = claim(database)
    assert after.body["state"] == "resolved"


def test_a_storm_that_waits_goes_into_the_next_with_all_it_counts(database: Database) -> None:
    add(database, [row(of_alerts(alert(n))) for n in range(3)])
    merge(database)
    add(database, [row(of_alerts(alert(n, "resolved"))) for n in (0, 9)])
    (made,) = merge(database)

    assert made.merged == 3  # the storm and two more
    (sent,) = claim(database)
    assert sent.body["counts"] == {"firing": 2, "resolved": 2}
    assert "5 条通知" in sent.body["title"]["zh"]
    with database.transaction() as conn:
        held = conn.execute("select count(*) from outbox where merged_into = %s", [sent.id])
        assert held.fetchone() == (6,)


def test_a_storm_under_way_is_left_alone(database: Database) -> None:
    add(database, [row(of_alerts(alert(n))) for n in range(2)])
    merge(database)
    (first,) = claim(database)
    add(database, [row(of_alerts(alert(n))) for n in range(2, 4)])
    merge(database)

    assert claim(database) == []  # storms of one addressee go in order
    settle(database, [first])
    (second,) = claim(database)
    assert second.body["counts"]["firing"] == 2


def test_what_may_have_been_sent_keeps_its_key(database: Database) -> None:
    """A row whose lease ran out, and what follows it in its thread, are not merged."""
    add(database, [row(of_alerts(alert(1)))])
    (held,) = claim(database)
    add(
        database,
        [row(of_alerts(alert(1, "resolved"))), *(row(of_alerts(alert(n))) for n in (2, 3))],
    )

    (made,) = merge(database, minutes=5)

    assert made.merged == 2
    again, other = claim(database, minutes=5)
    assert (again.idempotency_key, other.id) == (held.idempotency_key, made.id)


def test_a_crash_in_the_middle_merges_nothing(database: Database, database_url: str) -> None:
    add(database, [row(of_alerts(alert(n))) for n in range(9)])
    conn = psycopg.connect(database_url)
    conn.execute("select")  # begins the transaction that is never ended
    assert storm.merge(conn, Crowd("bot", "", 9), NOON)
    assert claim(database) == []  # held by whoever merges
    conn.close()  # as when it is killed before it could commit

    until = time.monotonic() + 10
    while not (made := merge(database)):  # the server lets go of it in its own time
        assert time.monotonic() < until
    assert [each.merged for each in made] == [9]


def test_merged_twice_at_once_is_merged_once(database: Database, database_url: str) -> None:
    add(database, [row(of_alerts(alert(n))) for n in range(9)])
    with psycopg.connect(database_url) as conn:
        conn.execute("select")
        made = storm.merge(conn, Crowd("bot", "", 9), NOON)
        assert merge(database) == []
    assert made is not None
    assert states(database) == ["merged"] * 9 + ["due"]


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("brand_new")
def test_ten_thousand_are_merged_in_seconds_though_nobody_expected_them(
    database: Database,
) -> None:
    with database.transaction() as conn:
        conn.execute("analyze outbox")
        insert_many(conn, 10_000)
    begun = time.monotonic()
    (made,) = merge(database, most=20)
    (sent,) = claim(database)

    assert made.merged == 10_000
    assert sent.body["counts"] == {"firing": 10_000, "resolved": 0}
    assert (len(sent.body["alerts"]), sent.body["left_out"]) == (50, 9950)
    assert time.monotonic() - begun < 10  # comparing each with each takes minutes


def insert_many(conn: Any, count: int, at: datetime = NOON) -> None:
    """As many notices of one alert each, made by the server from one of them."""
    body = of_alerts(alert(0))
    conn.execute(
        """
        insert into outbox
            (idempotency_key, thread, receiver, reason, body, due_at, created_at)
        select gen_random_uuid(), id, 'bot', 'group',
            jsonb_set(b.body, '{alerts,0,id}', to_jsonb(id::text)), %(at)s, %(at)s
        from (select %(body)s::jsonb as body) b,
            generate_series(1, %(count)s) as n, lateral (select md5(n::text)::uuid as id) i
        """,
        {"body": psycopg.types.json.Jsonb(body), "at": at, "count": count},
    )
