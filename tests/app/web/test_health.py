"""Health: what machines that watch are told."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from app.engine.judge import local_judge
from app.main import create_app
from app.settings import Settings
from tests.app.conftest import BASE, running
from tests.app.fakes import FakeSandbox, until

pytestmark = pytest.mark.anyio


async def test_healthz_tells_level_and_readyz_that_runs_are_judged(
    site: FastAPI, client: httpx2.AsyncClient
) -> None:
    await until(lambda: site.state.parts.engine.judge.state == "ready")
    health = (await client.get("/healthz")).json()
    assert (health["ok"], health["level"], health["judge"]) == (True, "namespaces", "ready")
    assert (await client.get("/readyz")).status_code == 200


async def test_metrics_count_requests_by_route_and_name_no_id(
    client: httpx2.AsyncClient, attempt: dict[str, str]
) -> None:
    await client.get(f"/api/attempts/{attempt['id']}")
    text = (await client.get("/metrics")).text
    assert attempt["id"] not in text
    assert 'overfit_http_requests_total{method="GET",route="/api/attempts/{attempt_id}",status="200"}' in text
    assert "overfit_runs_waiting 0.0" in text


async def test_a_sandbox_that_does_not_start_is_told_and_runs_are_refused_with_what_to_do(
    settings: Settings, sandbox: FakeSandbox
) -> None:
    sandbox.failure = "no room for a zygote"
    async with running(create_app(settings, sandbox=sandbox)) as site:
        await until(lambda: site.state.parts.engine.judge.state == "failed")
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            assert "no room" in (await client.get("/healthz")).json()["message"]
            assert (await client.get("/readyz")).status_code == 503
            stage = (await client.post("/api/attempts", json={"problem": "tiny"})).json()["stages"][0]
            refused = await client.post(f"/api/stages/{stage['id']}/runs", json={"code": "x = 1"})
            assert refused.status_code == 503
            assert "overfit doctor" in refused.json()["hint"]


async def test_a_level_that_is_too_weak_for_others_is_refused_off_loopback(
    settings: Settings, sandbox: FakeSandbox
) -> None:
    sandbox.level = "rlimits"
    outside = settings.model_copy(update={"host": "0.0.0.0", "hosts": "site.example"})
    async with running(create_app(outside, sandbox=sandbox)) as site:
        await until(lambda: site.state.parts.engine.judge.state == "failed")
        assert "rlimits" in site.state.parts.engine.judge.message


def test_without_torch_the_judge_is_off_and_says_what_to_type(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.engine.judge.find_spec", lambda name: None)
    sandbox, judge = local_judge(settings)
    assert sandbox is None
    assert judge.state == "off"
    assert "sh scripts/install-torch .venv" in judge.hint


def test_a_judge_that_is_turned_off_starts_nothing(settings: Settings) -> None:
    sandbox, judge = local_judge(settings.model_copy(update={"judge": False}))
    assert (sandbox, judge.state) == (None, "off")
