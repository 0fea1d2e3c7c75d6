"""What revisions are made of: files of SQL beside this one, run as they are."""

from pathlib import Path
from typing import Any

from alembic import op


def run(name: str) -> None:
    """Every statement of the file, past SQLAlchemy, which would take ':' and '%' for its own."""
    _driver().execute((Path(__file__).parent / name).read_text())


def has_timescaledb() -> bool:
    found = _driver().execute("select from pg_extension where extname = 'timescaledb'")
    return found.fetchone() is not None


def _driver() -> Any:
    return op.get_bind().connection.driver_connection
