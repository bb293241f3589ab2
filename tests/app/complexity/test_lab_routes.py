"""The lab over HTTP: opens once both costs of a step are answered, times what holds, keeps what it found."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from sandbox import Event, Job, Outcome
from tests.app.conftest import NewClient
from tests.app.fakes import SHAPE, Emit, FakeSandbox, passing, until, waiting

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
COSTS = {"step": "T^2 d", "cached_step": "T d"}


async def measuring(job: Job, emit: Emit) -> Outcome:
    lines = ["hello\n", "lab {\n", "lab 3\n"]
    facts = [{"series": "uncached", "T": T, "ms": T * T / 1000} for T in (64, 128, 256, 512)]
    lines += [f"lab {json.dumps(fact)}\n" for fact in facts]
    await emit(Event("output", {"stream": "stdout", "text": "".join(lines)}))
    await emit(Event("status", {"phase": "examining"}))
    await asyncio.Event().wait()  # it is cut off here
    raise AssertionError("never reached")


async def opened(client: httpx2.AsyncClient, *stages: str) -> Json:
    asked = {"problem": "tiny", "tier": "reported", "stages": list(stages)}
    answer = await client.post("/api/attempts", json=asked)
    assert answer.status_code == 201, answer.text
    body: Json = answer.json()
    return body


@pytest.fixture
async def gate(client: httpx2.AsyncClient) -> Json:
    """An attempt at its gate, with both costs of a step answered."""
    attempt = await opened(client, "complexity")
    for question, text in COSTS.items():
        asked = {"question": question, "text": text}
        await client.post(f"/api/stages/{attempt['stages'][0]['id']}/answers", json=asked)
    return attempt


def address(attempt: Json, stage: int = 0) -> str:
    return f"/api/stages/{attempt['stages'][stage]['id']}/lab"


async def test_it_stays_shut_while_it_would_tell_the_answers(client: httpx2.AsyncClient) -> None:
    attempt = await opened(client, "complexity")
    refused = await client.post(address(attempt))
    assert refused.status_code == 409
    assert "Derive" in refused.json()["error"]
    await client.post(f"/api/attempts/{attempt['id']}/finish")
    assert (await client.get(address(attempt))).status_code == 404


async def test_what_was_measured_is_answered_kept_and_drawn(
    client: httpx2.AsyncClient, sandbox: FakeSandbox, gate: Json
) -> None:
    sandbox.script = measuring
    assert (await client.get(address(gate))).status_code == 404
    picture = f"/attempts/{gate['id']}/lab?stage={gate['stages'][0]['id']}"
    assert (await client.get(picture)).status_code == 404
    measured = (await client.post(address(gate))).json()
    assert [line["slope"] for line in measured["lines"]] == [pytest.approx(2.0)]
    assert measured["lines"][0]["whose"] == "clean"
    assert (await client.get(address(gate))).json() == measured
    assert (await client.post(address(gate))).status_code == 200  # again
    html = (await client.get(picture)).text
    assert 'role="img"' in html
    assert "def first" not in html
    job = sandbox.jobs[-1]
    assert job.shape == "" and "def main(" in job.source and repr(SHAPE)[1:20] in job.source
    assert sandbox.cancelled == 2


async def test_the_candidates_own_program_is_timed_once_a_run_has_passed(
    client: httpx2.AsyncClient, sandbox: FakeSandbox
) -> None:
    attempt = await opened(client, "debug", "complexity")
    stage = attempt["stages"][0]["id"]
    sandbox.script = passing
    run = (await client.post(f"/api/stages/{stage}/runs", json={"code": "own = 'mine'"})).json()
    await client.get(run["events"])
    attempt = (await client.post(f"/api/stages/{stage}/done")).json()
    await client.post(f"/api/attempts/{attempt['id']}/finish")
    sandbox.script = measuring
    measured = (await client.post(address(attempt, 1))).json()
    assert measured["lines"][0]["whose"] == "yours"
    assert "own = 'mine'" in sandbox.jobs[-1].source


async def test_a_person_measures_one_at_a_time_and_others_are_not_kept_from_their_runs(
    client: httpx2.AsyncClient, sandbox: FakeSandbox, gate: Json
) -> None:
    sandbox.script = waiting
    first = asyncio.create_task(client.post(address(gate)))
    await until(lambda: sandbox.jobs)
    assert (await client.post(address(gate))).status_code == 409
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_lab_that_says_nothing_is_no_lab(
    client: httpx2.AsyncClient, sandbox: FakeSandbox, gate: Json
) -> None:
    answer = await client.post(address(gate))  # the sandbox prints other things
    assert answer.status_code == 503
    assert "Nothing could be measured" in answer.json()["error"]
    assert (await client.get(address(gate))).status_code == 404


async def test_only_stages_of_costs_and_caches_have_one_and_only_ones_own(
    client: httpx2.AsyncClient, new_client: NewClient, gate: Json, attempt: Json
) -> None:
    assert (await client.post(address(attempt))).status_code == 404
    assert (await client.get(address(attempt))).status_code == 404
    other = await new_client()
    assert (await other.post(address(gate))).status_code == 404
    elsewhere = f"/attempts/{attempt['id']}/lab?stage={gate['stages'][0]['id']}"
    assert (await client.get(elsewhere)).status_code == 404
