"""Whether a thread waits for the database: for an answer, a lock, a connection."""

import sys
from collections.abc import Iterator
from itertools import islice
from types import FrameType
from typing import Final

_OURS: Final = "fumewatch."
_THEIRS: Final = ("psycopg", "psycopg_pool")
_DEEPEST: Final = 40


def waits(thread: int) -> bool:
    """The innermost call out of our own code, in the thread of that ident, is into psycopg.

    A server that is slow, locked or half gone shows so, and a loop of ours that hangs does not,
    even one that hangs within a transaction.
    """
    frame = sys._current_frames().get(thread)
    for module in islice(_modules(frame), _DEEPEST):
        if module.partition(".")[0] in _THEIRS:
            return True
        if module.startswith(_OURS):
            return False
    return False


def _modules(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back
