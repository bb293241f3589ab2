"""Bugs that are judged apart stream in after the verdict on the whole file, as numbered slots."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from sandbox import Event, Job, Outcome
from tests.app.fakes import BUG_IDS, Emit, FakeSandbox, until, verdict
from tests.app.runs.test_run_routes import follow, submit

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


def _grafting(go_on: asyncio.Event) -> Any:
    async def graft(job: Job, emit: Emit) -> Outcome:
        whole = verdict(job, outcome="failed")
        if not job.bugs:  # the reference curve
            return Outcome(verdict=whole, level="namespaces")
        first = job.bugs[0].id
        await emit(Event("verdict", whole))
        await emit(Event("bug", {"id": first, "status": "fixed"}))
        await go_on.wait()
        bugs = [{**bug, "status": "fixed"} if bug["id"] == first else bug for bug in whole["bugs"]]
        return Outcome(verdict={**whole, "bugs": bugs}, level="namespaces")

    return graft


async def test_each_bug_is_told_by_its_slot_between_two_verdicts(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    go_on = asyncio.Event()
    go_on.set()
    sandbox.script = _grafting(go_on)
    events = [event for event in await follow(client, await submit(client, stage)) if event["id"]]
    told = [event for event in events if event["kind"] in ("verdict", "bug", "end")]
    assert [event["kind"] for event in told] == ["verdict", "bug", "verdict", "end"]
    assert told[1]["data"] == {"slot": 1, "status": "fixed"}
    assert not [name for name in BUG_IDS if name in str(events)]


async def test_the_verdict_so_far_is_there_while_the_run_still_goes(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    go_on = asyncio.Event()
    sandbox.script = _grafting(go_on)
    run = await submit(client, stage)
    stored: Json = {}

    async def judged() -> bool:
        stored.update((await client.get(run["url"])).json())
        return stored["verdict"] is not None

    for _ in range(200):
        if await judged():
            break
        await asyncio.sleep(0.01)
    assert stored["state"] == "running"
    assert [bug["status"] for bug in stored["verdict"]["bugs"]] == ["fixed", "broken"]
    assert (await client.get(f"/runs/{run['id']}/verdict")).status_code == 200
    go_on.set()
    await until(lambda: sandbox.jobs)
    assert (await follow(client, run))[-1]["kind"] == "end"


async def test_a_mock_is_told_nothing_of_it(client: httpx2.AsyncClient, sandbox: FakeSandbox) -> None:
    go_on = asyncio.Event()
    go_on.set()
    sandbox.script = _grafting(go_on)
    mock = (await client.post("/api/attempts", json={"problem": "tiny", "mode": "mock"})).json()
    kinds = {event["kind"] for event in await follow(client, await submit(client, mock["stages"][0]))}
    assert not kinds & {"verdict", "bug", "property"}
