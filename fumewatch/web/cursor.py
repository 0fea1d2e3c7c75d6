"""The cursor of a list of alerts as it stands in an address."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fumewatch.store.pages.alerts import Cursor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write(cursor: Cursor) -> str:
    us = (cursor.opened_at - _EPOCH) // timedelta(microseconds=1)
    return f"{cursor.rank}.{us}.{cursor.id}"


def read(text: str) -> Cursor:
    """Raise ValueError if it is none of ours."""
    rank, us, id = text.split(".")
    try:
        return Cursor(int(rank), _EPOCH + timedelta(microseconds=int(us)), UUID(id))
    except OverflowError as error:
        raise ValueError(str(error)) from error
