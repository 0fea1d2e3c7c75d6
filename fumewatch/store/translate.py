"""psycopg's errors become ours, once, here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors

from fumewatch.core.errors import StoreRefused, StoreUnavailable

_FOR_A_WHILE: Final = (
    psycopg.OperationalError,  # away, shutting down, too many connections, disk full, deadlock
    psycopg.InterfaceError,  # the connection broke under us
    errors.ReadOnlySqlTransaction,  # a standby, until it is promoted
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
)
_FOR_GOOD: Final = (
    errors.InvalidPassword,
    errors.InvalidAuthorizationSpecification,
    errors.ProgramLimitExceeded,
)
"""Operational to psycopg, but no waiting mends them."""


@contextmanager
def translated() -> Iterator[None]:
    """StoreUnavailable: try again later. StoreRefused: a person must act."""
    try:
        yield
    except _FOR_GOOD as error:
        raise StoreRefused(_text(error)) from error
    except _FOR_A_WHILE as error:
        raise StoreUnavailable(_text(error)) from error
    except psycopg.Error as error:
        raise StoreRefused(_text(error)) from error


def _text(error: psycopg.Error) -> str:
    state = f" [{error.sqlstate}]" if error.sqlstate else ""
    return f"{str(error).strip() or type(error).__name__}{state}"
