"""The database as the shell sees it; psycopg stays behind this door."""

from fumewatch.store.database import Connection, Database, DatabaseSettings

__all__ = ["Connection", "Database", "DatabaseSettings"]
