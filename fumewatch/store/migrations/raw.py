"""What revisions are made of: files of SQL beside this one, run as they are."""

from pathlib import Path
from typing import Any

from alembic import op
from psycopg import sql


def run(name: str) -> None:
    """Every statement of the file, past SQLAlchemy, which would take ':' and '%' for its own."""
    _driver().execute((Path(__file__).parent / name).read_text())


def index(name: str, rest: str) -> None:
    """`create index {name} {rest}` without holding up writers, however many rows there are.

    What the revision did before is committed. It waits for every transaction that is under way,
    and nobody waits for it.
    """
    named = sql.Identifier(name)
    with op.get_context().autocommit_block():
        driver = _driver()
        timeout = driver.execute("select current_setting('lock_timeout')").fetchone()[0]
        driver.execute("set lock_timeout = 0")
        try:
            if _is_invalid(name):  # what an attempt that was killed has left
                driver.execute(sql.SQL("drop index concurrently {}").format(named))
            driver.execute(
                sql.SQL("create index concurrently if not exists {} ").format(named) + sql.SQL(rest)
            )
        finally:
            driver.execute("select set_config('lock_timeout', %s, false)", [timeout])


def has_timescaledb() -> bool:
    found = _driver().execute("select from pg_extension where extname = 'timescaledb'")
    return found.fetchone() is not None


def _is_invalid(index: str) -> bool:
    found = _driver().execute(
        "select from pg_index where indexrelid = to_regclass(%s) and not indisvalid", [index]
    )
    return found.fetchone() is not None


def _driver() -> Any:
    return op.get_bind().connection.driver_connection
