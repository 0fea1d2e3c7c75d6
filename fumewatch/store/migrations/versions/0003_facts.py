"""Positions, cleanings, complaints, facts of days, what was learned."""

from fumewatch.store.migrations.raw import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run("0003_facts.sql")
