"""Runs migrations on the connection that `cytosol.db.migrate` hands over; alembic loads this file by its path."""

from __future__ import annotations

from alembic import context

from cytosol.db.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
