"""Run by alembic for each upgrade; the connection is migrate.py's."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,  # locks are held no longer than by one
)
with context.begin_transaction():
    context.run_migrations()
