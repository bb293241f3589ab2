"""What alembic runs: the revisions, on the connection handed over, or on a file for autogenerate."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from app.models import Base


def migrate(connection: Connection) -> None:
    """Run what was asked for; batch mode, since SQLite can't alter a column in place."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with create_engine(context.config.get_main_option("sqlalchemy.url", "sqlite://")).begin() as own:
        migrate(own)
