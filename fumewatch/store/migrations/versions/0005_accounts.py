"""Who may log in, their sessions, tokens of programs."""

from fumewatch.store.migrations.raw import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run("0005_accounts.sql")
