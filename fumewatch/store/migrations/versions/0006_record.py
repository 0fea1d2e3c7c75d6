"""The record of transitions and actions, chained by hash."""

from fumewatch.store.migrations.raw import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run("0006_record.sql")
