"""Contacts, silences, actions, photos, links, who was told what."""

from fumewatch.store.migrations.raw import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run("0004_notices.sql")
