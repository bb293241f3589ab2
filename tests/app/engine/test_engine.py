"""The engine over a restart: what ran is interrupted with its events kept, what was queued goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import text, update

from app.db import Database
from app.engine import engine as engine_module
from app.main import create_app
from app.models import Run
from app.settings import Settings
from sandbox import Event, Job, Outcome
from tests.app.conftest import BASE, running
from tests.app.fakes import Emit, FakeSandbox, SteppingClock, passing, until, waiting

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def submit(client: httpx2.AsyncClient, stage: Json) -> str:
    answer = await client.post(f"/api/stages/{stage['id']}/runs", json={"code": "x = 1"})
    run_id: str = answer.json()["id"]
    return run_id


async def db_pages(db: Database) -> int:
    async with db.write() as session:
        return int(await session.scalar(text("PRAGMA page_count")) or 0)


async def allow_pages(db: Database, pages: int) -> None:
    async with db.write() as session:
        await session.execute(text(f"PRAGMA max_page_count = {pages}"))


async def test_a_stop_interrupts_what_runs_and_the_next_start_takes_up_what_waits(
    settings: Settings, clock: SteppingClock
) -> None:
    first = FakeSandbox()
    first.script = waiting
    cookies: Any = None
    async with running(create_app(settings, sandbox=first, clock=clock)) as site:
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            stage = (await client.post("/api/attempts", json={"problem": "tiny"})).json()["stages"][0]
            going, queued = await submit(client, stage), await submit(client, stage)
            await until(lambda: first.jobs)
            cookies = client.cookies
    assert first.cancelled == 1
    assert first.closed

    second = FakeSandbox()
    second.script = passing
    async with running(create_app(settings, sandbox=second, clock=clock)) as site:
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as client:
            stopped = (await client.get(f"/api/runs/{going}")).json()
            assert stopped["state"] == "interrupted"
            assert "Run it again" in stopped["message"]
            assert "begun" in (await client.get(f"/api/runs/{going}/events")).text
            assert "event: end" in (await client.get(f"/api/runs/{queued}/events")).text
            assert (await client.get(f"/api/runs/{queued}")).json()["outcome"] == "passed"


async def test_a_run_whose_end_could_not_be_written_is_ended_by_the_sweep(
    settings: Settings, sandbox: FakeSandbox, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SWEEP_S", 0.02)
    async with running(create_app(settings, sandbox=sandbox, clock=clock)) as site:
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            stage = (await client.post("/api/attempts", json={"problem": "tiny"})).json()["stages"][0]
            run_id = await submit(client, stage)
            await client.get(f"/api/runs/{run_id}/events")
            async with site.state.parts.db.write() as session:
                await session.execute(update(Run).where(Run.id == run_id).values(state="running"))
            await client.get(f"/api/runs/{run_id}/events", params={"after": 99})
            assert (await client.get(f"/api/runs/{run_id}")).json()["state"] == "error"


async def test_a_disk_that_fills_up_under_a_run_costs_the_run_and_not_the_server(
    settings: Settings, sandbox: FakeSandbox, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SWEEP_S", 0.05)
    async with running(create_app(settings, sandbox=sandbox, clock=clock)) as site:
        db, stopped = site.state.parts.db, asyncio.Event()

        async def fill_up(job: Job, emit: Emit) -> Outcome:
            await allow_pages(db, await db_pages(db))
            try:
                while True:
                    await emit(Event("output", {"stream": "stderr", "text": "x" * 40_000}))
                    await asyncio.sleep(0)
            finally:
                stopped.set()

        sandbox.script = fill_up
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            stage = (await client.post("/api/attempts", json={"problem": "tiny"})).json()["stages"][0]
            run_id = await submit(client, stage)
            await stopped.wait()
            await allow_pages(db, 1_000_000)
            assert '"state":"error"' in (await client.get(f"/api/runs/{run_id}/events")).text
            sandbox.script = passing
            again = await submit(client, stage)
            assert '"state":"done"' in (await client.get(f"/api/runs/{again}/events")).text


async def test_the_clean_shapes_curve_is_measured_once_and_shown_with_the_stage(
    client: httpx2.AsyncClient, sandbox: FakeSandbox, attempt: Json
) -> None:
    path = f"/api/attempts/{attempt['id']}"

    async def curve() -> Any:
        return (await client.get(path)).json()["stages"][0]["reference_loss"]

    await until(lambda: sandbox.curves)
    while await curve() is None:
        pass
    assert await curve() == [[0, 3.0], [1, 1.5], [2, 0.2]]
    for seed in range(12):
        await client.post("/api/attempts", json={"problem": "tiny", "seed": seed})
    await until(lambda: len(sandbox.curves) == 3)


async def test_a_mock_has_no_reference_curve_before_its_end(
    client: httpx2.AsyncClient, sandbox: FakeSandbox, attempt: Json
) -> None:
    await until(lambda: sandbox.curves)
    seed = attempt["seed"]
    mock = (await client.post("/api/attempts", json={"problem": "tiny", "mode": "mock", "seed": seed})).json()
    assert mock["stages"][0]["reference_loss"] is None
