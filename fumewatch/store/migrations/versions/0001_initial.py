"""The first schema."""

from fumewatch.store.migrations.raw import has_timescaledb, run

revision = "0001"
down_revision = None


def upgrade() -> None:
    run("0001_initial.sql")
    run("0001_timescaledb.sql" if has_timescaledb() else "0001_plain.sql")
    run("0001_after.sql")
