"""The store: the schema that the revisions make, and how its writers and readers meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.db import Database, is_full
from app.models import Base, Blob, RunEvent, User

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "overfit.sqlite3")
    await database.migrate()
    yield database
    await database.close()


async def test_the_revisions_from_empty_make_exactly_the_tables_of_the_models(db: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    engine = create_engine(f"sqlite:///{db.path}")
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_migrating_twice_changes_nothing_and_keeps_the_rows(db: Database) -> None:
    async with db.write() as session:
        session.add(User(id="u", created_at=1))
    await db.migrate()
    async with db.read() as session:
        assert await session.get(User, "u") is not None


async def test_a_writer_holds_its_lock_from_the_first_statement_so_numbers_never_collide(
    db: Database,
) -> None:
    async def number_one() -> None:
        async with db.write() as session:
            last = await session.scalar(select(func.count()).select_from(User))
            await asyncio.sleep(0)
            session.add(User(id=f"u{last}", created_at=1))

    await asyncio.gather(*(number_one() for _ in range(20)))
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 20


async def test_a_reader_is_not_held_up_by_an_open_write_and_does_not_see_it(db: Database) -> None:
    async with db.write() as writing:
        writing.add(User(id="u", created_at=1))
        await writing.flush()
        async with db.read() as reading:
            assert await reading.get(User, "u") is None


async def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(OperationalError):
        async with db.read() as session:
            session.add(User(id="u", created_at=1))


async def test_foreign_keys_are_kept(db: Database) -> None:
    with pytest.raises(IntegrityError):
        async with db.write() as session:
            session.add(RunEvent(run_id="nowhere", seq=1, at_ms=1, kind="status", data={}))


async def test_a_failed_write_leaves_nothing_and_the_next_one_works(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.write() as session:
            session.add(User(id="u", created_at=1))
            await session.flush()
            raise ZeroDivisionError
    async with db.write() as session:
        assert await session.get(User, "u") is None


async def test_a_full_disk_is_told_apart_from_other_failures(db: Database) -> None:
    async with db.write() as session:
        pages = await session.scalar(text("PRAGMA page_count"))
        await session.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(OperationalError) as caught:
        async with db.write() as session:
            session.add(Blob(sha256="0" * 64, bytes=bytes(1 << 20)))
    assert is_full(caught.value)
    assert not is_full(OperationalError("", {}, Exception("database is locked")))
