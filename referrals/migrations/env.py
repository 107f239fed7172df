"""Alembic's entry: always online, on the connection that referrals.db.migrate hands over."""

from alembic import context

from referrals.db import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
