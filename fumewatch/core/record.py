"""The record of what was judged and done: a chain of hashes over transitions, actions and photos.

Each entry's hash is SHA-256 of the hash before it and the entry's row, as netstrings
(https://cr.yp.to/proto/netstrings.txt, without the comma; null is '-'). So a row that was changed,
taken away or slipped in shows, and so does a rewritten chain to whoever noted an earlier head.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self

_HEAD: Final = re.compile(r"(\d{1,18}):([0-9a-f]{64})")

Fields = Sequence[str | None]
"""The columns of a row as text; the first says of which kind it is, the second is its id."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far the chain reaches; 0 and no hash where it is empty. As text: SEQ:HASH."""

    seq: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError where it is none."""
        found = _HEAD.fullmatch(text.strip())
        if found is None:
            raise ValueError(
                f"{text!r} is no head of the record; it looks like 1234:9f86d0... (64 hex digits),"
                " as fumewatch audit head prints it"
            )
        return cls(int(found[1]), bytes.fromhex(found[2]))

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


EMPTY: Final = Head(0, b"")


@dataclass(frozen=True, slots=True)
class Entry:
    """`of`: the row it is about, as "transition 12". `fields`: that row; None where it is gone."""

    seq: int
    hash: bytes
    of: str
    fields: Fields | None


class Trouble(StrEnum):
    """What may be wrong with the record."""

    CHANGED = "changed since it was recorded, or put in the place of another"
    GONE = "gone, though it was recorded"
    CUT = "entries before it are missing from the record"
    UNRECORDED = "never recorded: it was put there past the record"
    STATE = "the alert does not stand as its last transition left it"
    REWRITTEN = "the record is not the one whose head was noted"
    SHORTER = "the record is shorter than when its head was noted"


@dataclass(frozen=True, slots=True)
class Finding:
    """`seq`: the entry's; None for what is in no entry."""

    trouble: Trouble
    of: str
    seq: int | None = None

    def __str__(self) -> str:
        entry = f"entry {self.seq:,}, " if self.seq is not None else ""
        return f"{entry}{self.of}: {self.trouble.value}"


def netstrings(fields: Fields) -> bytes:
    """
    >>> netstrings(["M1", None, "油烟"])
    b'2:M1-6:\\xe6\\xb2\\xb9\\xe7\\x83\\x9f'
    """
    return b"".join(_netstring(field) for field in fields)


def _netstring(field: str | None) -> bytes:
    if field is None:
        return b"-"
    text = field.encode()
    return b"%d:%b" % (len(text), text)


def link(before: bytes, fields: Fields) -> bytes:
    """The hash of the entry that follows."""
    return sha256(before + netstrings(fields)).digest()


def verify(entries: Iterable[Entry], noted: Head | None = None) -> Iterator[Finding]:
    """What is wrong with the chain, entry by entry from the first.

    Each is held against the hash that stands before it, so one change is one finding.
    """
    last = EMPTY
    for entry in entries:
        yield from _judge(entry, last)
        last = Head(entry.seq, entry.hash)
        if noted is not None and noted.seq == last.seq and noted.hash != last.hash:
            yield Finding(Trouble.REWRITTEN, entry.of, entry.seq)
    if noted is not None and noted.seq > last.seq:
        yield Finding(Trouble.SHORTER, f"{last.seq:,} entries instead of {noted.seq:,}")


def _judge(entry: Entry, last: Head) -> Iterator[Finding]:
    if entry.seq != last.seq + 1:
        yield Finding(Trouble.CUT, entry.of, entry.seq)
    if entry.fields is None:
        yield Finding(Trouble.GONE, entry.of, entry.seq)
    elif entry.seq == last.seq + 1 and link(last.hash, entry.fields) != entry.hash:
        yield Finding(Trouble.CHANGED, entry.of, entry.seq)
