"""Roles with the least rights; indexes for what is cleared away."""

from fumewatch.store.migrations.raw import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run("0007_care.sql")
