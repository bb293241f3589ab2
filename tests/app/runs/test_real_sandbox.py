"""The whole way once with nothing faked: the starter fails, the clean program passes, its curve is drawn."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.conftest import BASE, running

pytestmark = [pytest.mark.anyio, pytest.mark.jail, pytest.mark.slow, pytest.mark.timeout(180)]

Json = dict[str, Any]


async def judged(client: httpx2.AsyncClient, stage: Json, code: str, kind: str) -> Json:
    asked = {"code": code, "kind": kind}
    run = (await client.post(f"/api/stages/{stage['id']}/runs", json=asked)).json()
    await client.get(run["events"])
    done: Json = (await client.get(run["url"])).json()
    assert done["state"] == "done", done["message"]
    return done


async def test_the_starter_fails_and_the_clean_program_passes_with_every_slot_fixed(tmp_path: Path) -> None:
    site = create_app(Settings(data=tmp_path, assets="cdn"))
    transport = httpx2.ASGITransport(app=site)
    async with (
        running(site),
        httpx2.AsyncClient(transport=transport, base_url=BASE, timeout=120) as client,
    ):
        attempt = (await client.post("/api/attempts", json={"seed": 4})).json()
        stage = attempt["stages"][0]
        failed = await judged(client, stage, stage["starter"], "run")
        assert failed["outcome"] == "failed"
        assert {bug["status"] for bug in failed["verdict"]["bugs"]} <= {"broken", "blocked"}

        key = (await client.post(f"/api/attempts/{attempt['id']}/reveal")).json()
        passed = await judged(client, stage, key["shape"], "check")
        assert passed["outcome"] == "passed"
        assert [bug["status"] for bug in passed["verdict"]["bugs"]] == ["fixed"] * len(key["bugs"])

        async with asyncio.timeout(60):
            curve = None
            while curve is None:
                seen = (await client.get(f"/api/attempts/{attempt['id']}")).json()
                curve = seen["stages"][0]["reference_loss"]
                await asyncio.sleep(0.2)
        assert curve[-1][1] < 0.5 * curve[0][1]
