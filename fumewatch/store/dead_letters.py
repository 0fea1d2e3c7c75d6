"""Payloads that could not be decoded, kept with their reason until a person looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fumewatch.store.database import Connection
from fumewatch.store.document import text


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`kind` and `detail` are the DecodeError's."""

    received_at: datetime
    topic: str
    payload: bytes
    kind: str
    detail: str


def add(conn: Connection, letters: Sequence[DeadLetter]) -> None:
    if not letters:
        return
    rows = [(x.received_at, text(x.topic), x.payload, x.kind, text(x.detail)) for x in letters]
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into dead_letter (received_at, topic, payload, kind, detail)"
            " values (%s, %s, %s, %s, %s)",
            rows,
        )


def drop_before(conn: Connection, at: datetime) -> int:
    return conn.execute("delete from dead_letter where received_at < %s", [at]).rowcount
