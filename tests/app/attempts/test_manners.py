"""Modes begin with settings of their own, and each setting can be changed alone."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.conftest import running
from tests.app.fakes import BUGS, FakeSandbox, SteppingClock, until

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def open_one(client: httpx2.AsyncClient, **asked: Any) -> Json:
    answer = await client.post("/api/attempts", json={"problem": "tiny", **asked})
    assert answer.status_code == 201, answer.text
    opened: Json = answer.json()
    return opened


async def run(client: httpx2.AsyncClient, attempt: Json) -> Json:
    url = f"/api/stages/{attempt['stages'][0]['id']}/runs"
    answer = await client.post(url, json={"code": "print(1)"})
    assert answer.status_code == 202, answer.text
    taken: Json = answer.json()
    return taken


async def test_practice_counts_no_runs_and_waits_for_none(client: httpx2.AsyncClient) -> None:
    practice = await open_one(client)
    assert (practice["budget"], practice["slow"]) == (None, False)
    assert (await run(client, practice))["left"] is None


async def test_a_mock_has_four_runs_on_a_slow_machine(client: httpx2.AsyncClient) -> None:
    mock = await open_one(client, mode="mock")
    assert (mock["budget"], mock["slow"]) == (4, True)


async def test_each_setting_of_a_mode_can_be_changed_alone(client: httpx2.AsyncClient) -> None:
    assert (await open_one(client, mode="mock", budget=2))["budget"] == 2
    assert (await open_one(client, mode="mock", budget=None))["budget"] is None
    assert (await open_one(client, mode="mock", slow=False))["slow"] is False
    assert (await open_one(client, budget=3))["budget"] == 3
    assert (await open_one(client, slow=True))["slow"] is True
    assert (await open_one(client, mode="mock", minutes=30))["minutes"] == 30


async def test_marks_of_a_mock_are_drawn_with_the_seed(client: httpx2.AsyncClient) -> None:
    drawn = [(await open_one(client, mode="mock", seed=seed))["marks"] for seed in range(8)]
    assert set(drawn) == {True, False}
    assert drawn == [(await open_one(client, mode="mock", seed=seed))["marks"] for seed in range(8)]
    assert (await open_one(client, mode="mock", seed=0, marks=True))["marks"] is True


async def test_a_budget_counts_down_and_blocks_nothing(client: httpx2.AsyncClient) -> None:
    attempt = await open_one(client, budget=1)
    first = await run(client, attempt)
    assert first["left"] == 0
    assert (await run(client, attempt))["left"] == -1


async def test_a_drill_draws_one_bug_of_the_family_asked_for(client: httpx2.AsyncClient) -> None:
    drill = await open_one(client, mode="drill", family="two")
    assert drill["bug_count"] == 1
    assert drill["tier"] == "drill"
    assert drill["minutes"] == 5
    key = (await client.post(f"/api/attempts/{drill['id']}/reveal")).json()
    assert key["bugs"][0]["component"] == "loss"


async def test_a_family_that_is_not_there_is_named_with_those_that_are(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/attempts", json={"problem": "tiny", "mode": "drill", "family": "three"})
    assert answer.status_code == 404
    assert answer.json()["hint"] == "There is: one, two."


async def test_from_scratch_begins_with_the_contract_and_no_bug(client: httpx2.AsyncClient) -> None:
    blank = await open_one(client, mode="scratch")
    assert blank["bug_count"] == 0
    assert "def first" not in blank["stages"][0]["starter"]
    assert blank["stages"][0]["sentence"] in blank["stages"][0]["starter"]
    assert BUGS  # the pack has some


async def test_a_run_on_a_slow_machine_waits_before_it_is_taken_up(
    settings: Settings, sandbox: FakeSandbox, clock: SteppingClock
) -> None:
    slow = settings.model_copy(update={"slow_seconds": 0.5})
    async with running(create_app(slow, sandbox=sandbox, clock=clock)) as site:
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            attempt = await open_one(client, slow=True)
            taken = await run(client, attempt)
            assert (taken["state"], taken["position"]) == ("queued", None)
            assert not sandbox.jobs
            clock.pass_time(seconds=1)
            await until(lambda: sandbox.jobs)
