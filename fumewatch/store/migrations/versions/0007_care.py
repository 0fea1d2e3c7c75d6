"""What the daemon may do without the owner's rights; an index for what is cleared away."""

from fumewatch.store.migrations.raw import index, run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    index("told_resolved", "on told (at) where state = 'resolved'")
    run("0007_care.sql")
