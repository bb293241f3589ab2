"""The account over HTTP: preferences, export without spoilers, recovery, deletion of everything."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.accounts import service
from app.identity import Visitor
from app.models import Attempt, Blob, Edit, Run, RunEvent, User
from tests.app.fakes import BUG_IDS, SHAPE, FakeSandbox, until, waiting

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
EDIT = {"at_ms": 1, "kind": "ops", "payload": {"ops": [[0, 0, "# mine\n"]], "line": 1}}


async def run_once(client: httpx2.AsyncClient, stage: Json, code: str) -> Json:
    run: Json = (await client.post(f"/api/stages/{stage['id']}/runs", json={"code": code})).json()
    await client.get(run["events"])
    return run


async def count(site: FastAPI, table: Any) -> int:
    async with site.state.parts.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_preferences_are_kept_and_the_theme_is_a_cookie_that_pages_read(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post("/api/me/preferences", json={"theme": "dark", "columns": [1, 2]})
    assert answer.json()["preferences"] == {"theme": "dark", "columns": [1, 2]}
    assert client.cookies.get("theme") == "dark"
    assert client.cookies.get("overfit")
    await client.post("/api/me/preferences", json={"theme": "system", "columns": None})
    assert (await client.get("/api/me")).json()["preferences"] == {"theme": "system"}
    assert client.cookies.get("theme") is None


async def test_more_preferences_than_are_kept_are_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/me/preferences", json={"x": "y" * 9_000})
    assert answer.status_code == 422


async def test_the_export_holds_edits_runs_and_events_and_no_key_before_the_reveal(
    client: httpx2.AsyncClient, attempt: Json, stage: Json
) -> None:
    await client.post(f"/api/stages/{stage['id']}/edits", json={"base": 0, "edits": [EDIT]})
    await run_once(client, stage, "print('mine')")
    answer = await client.get("/api/me/export")
    assert "attachment" in answer.headers["content-disposition"]
    assert not [name for name in BUG_IDS if name in answer.text]
    kept = answer.json()["attempts"][0]["stages"][0]
    assert kept["edits"][0]["payload"]["ops"] == [[0, 0, "# mine\n"]]
    assert kept["runs"][0]["code"] == "print('mine')"
    assert kept["runs"][0]["events"][-1]["kind"] == "end"
    assert set(kept["given"]) == {"starter", "sentence", "statement"}


async def test_after_the_reveal_the_export_has_the_key(client: httpx2.AsyncClient, attempt: Json) -> None:
    key = (await client.post(f"/api/attempts/{attempt['id']}/reveal")).json()
    exported = (await client.get("/api/me/export")).json()["attempts"][0]
    assert exported["variant"]["bugs"] == [bug["id"] for bug in key["bugs"]]
    assert "shape" in exported["stages"][0]["given"]


async def test_an_export_of_nobody_is_empty_and_whole(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/api/me/export")).json()["attempts"] == []


async def test_the_newest_recovery_link_opens_the_account_elsewhere_and_older_ones_do_not(
    site: FastAPI, client: httpx2.AsyncClient, attempt: Json
) -> None:
    old, new = [(await client.post("/api/me/recovery")).json()["link"] for _ in range(2)]
    parts, visitor = site.state.parts, Visitor("stranger")
    with pytest.raises(Exception, match="opens no account"):
        await service.recover(parts, token=old.rpartition("/")[2], visitor=visitor)
    account = await service.recover(parts, token=new.rpartition("/")[2], visitor=visitor)
    assert (account.attempts, account.recovery, visitor.given) == (1, True, True)


async def test_deletion_leaves_nothing_of_a_person_and_what_others_have(
    site: FastAPI, client: httpx2.AsyncClient, attempt: Json, stage: Json, new_client: Any
) -> None:
    other = await new_client()
    theirs = (await other.post("/api/attempts", json={"problem": "tiny"})).json()
    await run_once(other, theirs["stages"][0], "print('shared')")
    await client.post(f"/api/stages/{stage['id']}/edits", json={"base": 0, "edits": [EDIT]})
    for code in ("print('shared')", "print('only mine')", stage["starter"], SHAPE):
        await run_once(client, stage, code)
    before = client.cookies.get("overfit")

    assert (await client.delete("/api/me")).status_code == 204

    assert client.cookies.get("overfit") != before
    assert (await client.get("/api/me")).json()["attempts"] == 0
    assert [await count(site, table) for table in (User, Attempt, Run, Edit)] == [1, 1, 1, 0]
    async with site.state.parts.db.read() as session:
        texts = [blob.decode() for blob in await session.scalars(select(Blob.bytes))]
        orphans = select(func.count()).select_from(RunEvent).where(~RunEvent.run_id.in_(select(Run.id)))
        assert await session.scalar(orphans) == 0
    assert "print('only mine')" not in texts
    assert "print('shared')" in texts
    assert (await other.get(f"/api/attempts/{theirs['id']}")).status_code == 200


async def test_deletion_stops_what_runs(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    sandbox.script = waiting
    await client.post(f"/api/stages/{stage['id']}/runs", json={"code": "x = 1"})
    await until(lambda: sandbox.jobs)
    assert (await client.delete("/api/me")).status_code == 204
    await until(lambda: sandbox.cancelled == 1)
