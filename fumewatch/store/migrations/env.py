"""Run by alembic for each upgrade; the connection is migrate.py's."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
