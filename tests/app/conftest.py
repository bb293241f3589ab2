"""Fixtures of the app's tests: an app on a tiny pack, with a sandbox that follows a script."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app import logs
from app.db import Database
from app.main import DATABASE, create_app
from app.settings import Settings
from tests.app.fakes import FakeSandbox, SteppingClock, write_pack

BASE = "http://localhost"

Json = dict[str, Any]
NewClient = Callable[[], Awaitable[httpx2.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def log_lines() -> None:
    """Log as the server does: structlog's own default draws tracebacks that take seconds."""
    logs.configure("json")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with its tables made, to be copied: making them costs more than most tests."""

    async def make(path: Path) -> None:
        db = Database(path)
        await db.migrate()
        await db.close()

    path = tmp_path_factory.mktemp("store") / DATABASE
    asyncio.run(make(path))
    return path


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path) -> Settings:
    (tmp_path / "data").mkdir()
    shutil.copy(empty_store, tmp_path / "data" / DATABASE)
    return Settings(
        data=tmp_path / "data",
        problems=write_pack(tmp_path / "problems"),
        slots=2,
        waiting_runs=3,
        slow_seconds=0,
        assets="cdn",
    )


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def sandbox() -> FakeSandbox:
    return FakeSandbox()


@asynccontextmanager
async def running(site: FastAPI) -> AsyncIterator[FastAPI]:
    async with site.router.lifespan_context(site):
        yield site


@pytest.fixture
async def site(settings: Settings, sandbox: FakeSandbox, clock: SteppingClock) -> AsyncIterator[FastAPI]:
    async with running(create_app(settings, sandbox=sandbox, clock=clock)) as started:
        yield started


@pytest.fixture
async def new_client(site: FastAPI) -> AsyncIterator[NewClient]:
    """Makes clients that share nothing, as two browsers do."""
    async with AsyncExitStack() as stack:

        async def make() -> httpx2.AsyncClient:
            transport = httpx2.ASGITransport(app=site)
            return await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=BASE))

        yield make


@pytest.fixture
async def client(new_client: NewClient) -> httpx2.AsyncClient:
    return await new_client()


@pytest.fixture
async def attempt(client: httpx2.AsyncClient) -> Json:
    """A practice attempt on the tier of two bugs."""
    answer = await client.post("/api/attempts", json={"problem": "tiny", "tier": "reported"})
    assert answer.status_code == 201, answer.text
    body: Json = answer.json()
    return body


@pytest.fixture
def stage(attempt: Json) -> Json:
    found: Json = attempt["stages"][0]
    return found
