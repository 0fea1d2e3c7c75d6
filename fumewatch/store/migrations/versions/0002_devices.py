"""Device events, aggregates and heartbeats; dead letters that can be replayed."""

from fumewatch.store.migrations.raw import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run("0002_devices.sql")
