"""Runs over HTTP: taken in, followed, cancelled; bad sources refused before they cost anything."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.access import seat_at_run
from app.catalog import choose, compose, load_catalog, material
from app.runs import service
from app.settings import Settings
from sandbox import Event, Job, Outcome
from sandbox.job import IssuedBug
from tests.app.fakes import BUG_IDS, Emit, FakeSandbox, lost, passing, until, verdict, waiting

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def submit(client: httpx2.AsyncClient, stage: Json, code: str = "print(1)", **more: Any) -> Json:
    answer = await client.post(f"/api/stages/{stage['id']}/runs", json={"code": code, **more})
    assert answer.status_code == 202, answer.text
    taken: Json = answer.json()
    return taken


async def follow(client: httpx2.AsyncClient, run: Json, **headers: str) -> list[Json]:
    """All events of a run, until its end closes the stream."""
    answer = await client.get(run["events"], headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            number = int(fields["id"]) if "id" in fields else None
            events.append({"id": number, "kind": fields["event"], "data": json.loads(fields["data"])})
    return events


async def test_a_run_streams_from_the_queue_to_its_verdict_and_its_end(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    run = await submit(client, stage, code=stage["starter"], kind="run")
    events = await follow(client, run)
    kinds = [event["kind"] for event in events if event["id"] is not None]
    assert kinds[0] == "status"
    assert kinds[-2:] == ["verdict", "end"]
    text = "".join(event["data"]["text"] for event in events if event["kind"] == "output")
    assert text == "step 0\nstep 1\n"
    assert [event["id"] for event in events if event["id"]] == list(range(1, len(kinds) + 1))
    stored = (await client.get(run["url"])).json()
    assert stored["state"] == "done"
    assert stored["outcome"] == "failed"
    assert stored["verdict"]["criteria"]["loss_drop"]["passed"] is True


async def test_the_job_is_made_of_what_the_stage_was_given(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    await follow(client, await submit(client, stage, code="x = 1", kind="check"))
    job = next(job for job in sandbox.jobs if job.source == "x = 1")
    assert job.kind == "check"
    assert job.text == stage["sentence"]
    assert stage["sentence"] in job.shape
    assert len(job.bugs) == 2
    assert all(bug.replace in stage["starter"] for bug in job.bugs)


async def test_a_round_is_judged_by_the_whole_lines_of_its_bugs_as_on_the_command_line(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox, settings: Settings
) -> None:
    await follow(client, await submit(client, stage, code="x = 1", kind="check"))
    job = next(job for job in sandbox.jobs if job.source == "x = 1")
    tiny = load_catalog(settings.problems).problem("tiny")
    given = material(tiny, compose(tiny, choose(tiny, bugs=[bug.id for bug in job.bugs], seed=0)))
    expected = {bug.id: IssuedBug(**asdict(bug)) for bug in given.bugs}
    assert {bug.id: bug for bug in job.bugs} == expected


async def test_no_answer_and_no_event_names_a_bug_before_the_reveal_and_slots_stand_for_them(
    client: httpx2.AsyncClient, attempt: Json, stage: Json
) -> None:
    run = await submit(client, stage)
    answers = [await client.get(run["events"]), await client.get(run["url"])]
    answers.append(await client.get(f"/api/attempts/{attempt['id']}"))
    for answer in answers:
        assert not [name for name in BUG_IDS if name in answer.text]
    bugs = answers[1].json()["verdict"]["bugs"]
    assert bugs == [{"slot": 1, "status": "broken"}, {"slot": 2, "status": "broken"}]


async def test_after_the_reveal_the_verdict_names_the_bugs_of_the_slots(
    client: httpx2.AsyncClient, attempt: Json, stage: Json
) -> None:
    run = await submit(client, stage)
    await follow(client, run)
    key = (await client.post(f"/api/attempts/{attempt['id']}/reveal")).json()["bugs"]
    bugs = (await client.get(run["url"])).json()["verdict"]["bugs"]
    assert [(bug["slot"], bug["id"]) for bug in bugs] == [(bug["slot"], bug["id"]) for bug in key]


async def test_a_mock_shows_output_and_losses_but_no_verdict_before_its_end(
    client: httpx2.AsyncClient,
) -> None:
    mock = (await client.post("/api/attempts", json={"problem": "tiny", "mode": "mock"})).json()
    run = await submit(client, mock["stages"][0])
    kinds = {event["kind"] for event in await follow(client, run)}
    assert kinds == {"status", "output", "loss", "end"}
    hidden = (await client.get(run["url"])).json()
    assert (hidden["verdict"], hidden["outcome"]) == (None, None)
    await client.post(f"/api/attempts/{mock['id']}/finish")
    assert (await client.get(run["url"])).json()["outcome"] == "failed"


async def test_a_follower_that_comes_back_gets_what_it_missed_and_nothing_twice(
    client: httpx2.AsyncClient, stage: Json
) -> None:
    run = await submit(client, stage)
    whole = [event for event in await follow(client, run) if event["id"]]
    rest = [event for event in await follow(client, run, **{"Last-Event-ID": "2"}) if event["id"]]
    assert rest == whole[2:]


async def test_a_last_event_id_that_is_no_number_is_refused(client: httpx2.AsyncClient, stage: Json) -> None:
    run = await submit(client, stage)
    answer = await client.get(run["events"], headers={"Last-Event-ID": "x"})
    assert answer.status_code == 422


async def test_one_person_has_one_run_going_and_the_next_waits_its_turn(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    sandbox.script = waiting
    first, second = await submit(client, stage), await submit(client, stage)
    await until(lambda: len(sandbox.jobs) == 1)
    assert second["position"] == 1
    sandbox.script = passing
    await client.post(f"{first['url']}/cancel")
    await follow(client, second)
    assert (await client.get(second["url"])).json()["outcome"] == "passed"


async def test_too_many_waiting_runs_are_refused_and_the_others_go_on(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    sandbox.script = waiting
    first = await submit(client, stage)
    await until(lambda: len(sandbox.jobs) == 1)
    for _ in range(3):
        await submit(client, stage)
    answer = await client.post(f"/api/stages/{stage['id']}/runs", json={"code": "x = 1"})
    assert answer.status_code == 429
    sandbox.script = passing
    await client.post(f"{first['url']}/cancel")


async def test_cancelling_stops_the_work_and_tells_the_follower(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    sandbox.script = waiting
    run = await submit(client, stage)
    following = asyncio.create_task(follow(client, run))
    await until(lambda: sandbox.jobs)
    answer = await client.post(f"{run['url']}/cancel")
    assert answer.json()["state"] == "cancelled"
    assert (await following)[-1]["data"]["state"] == "cancelled"
    await until(lambda: sandbox.cancelled == 1)
    assert (await client.post(f"{run['url']}/cancel")).status_code == 409


async def test_a_lost_worker_is_tried_once_more_and_then_it_is_the_file_that_kills(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    sandbox.script = lost
    run = await submit(client, stage)
    await follow(client, run)
    stored = (await client.get(run["url"])).json()
    assert stored["outcome"] == "failed"
    assert stored["verdict"]["failure"]["kind"] == "killed"
    assert len([job for job in sandbox.jobs if job.source == "print(1)"]) == 2


async def test_a_worker_lost_once_is_made_good_by_the_second_try(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    tries = []

    async def lost_once(job: Job, emit: Emit) -> Outcome:
        tries.append(job)
        return await (lost if len(tries) == 1 else passing)(job, emit)

    sandbox.script = lost_once
    run = await submit(client, stage)
    events = await follow(client, run)
    assert any(event["data"].get("again") for event in events if event["kind"] == "status")
    assert (await client.get(run["url"])).json()["outcome"] == "passed"


async def test_a_fault_of_ours_is_an_error_that_counts_for_nothing(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    async def fault(job: Job, emit: Emit) -> Outcome:
        return Outcome(verdict=None, level="namespaces", fault="The examiner broke.")

    sandbox.script = fault
    run = await submit(client, stage)
    assert (await follow(client, run))[-1]["data"] == {"state": "error", "message": "The examiner broke."}


async def test_a_sandbox_that_raises_leaves_the_run_as_an_error_and_the_next_one_works(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    async def broken(job: Job, emit: Emit) -> Outcome:
        await emit(Event("output", {"stream": "stdout", "text": "here\n"}))
        raise RuntimeError("the double breaks")

    sandbox.script = broken
    run = await submit(client, stage)
    assert (await follow(client, run))[-1]["data"]["state"] == "error"
    sandbox.script = passing
    assert (await follow(client, await submit(client, stage)))[-1]["data"]["state"] == "done"


async def test_numbers_and_text_that_json_cannot_hold_reach_nobody(
    client: httpx2.AsyncClient, stage: Json, sandbox: FakeSandbox
) -> None:
    async def strange(job: Job, emit: Emit) -> Outcome:
        await emit(Event("output", {"stream": "stdout", "text": "half \ud800\n"}))
        await emit(Event("loss", {"points": [[0, 3.0], [1, float("nan")], [2, float("inf")]]}))
        said = verdict(job, outcome="failed")
        said["criteria"]["loss_drop"]["last"] = float("nan")
        said["failure"] = {"kind": "exception", "message": "half \ud800", "line": 1, "traceback": ""}
        return Outcome(verdict=said, level="namespaces")

    sandbox.script = strange
    run = await submit(client, stage)
    events = {event["kind"]: event["data"] for event in await follow(client, run)}
    assert events["output"]["text"] == "half ?\n"
    assert events["loss"]["points"] == [[0, 3.0], [1, None], [2, None]]
    stored = (await client.get(run["url"])).json()
    assert stored["verdict"]["criteria"]["loss_drop"]["last"] is None
    assert stored["message"] == "half ?"


async def test_a_waiting_run_tells_its_place_in_line_whenever_it_moves(
    site: FastAPI,
    client: httpx2.AsyncClient,
    stage: Json,
    sandbox: FakeSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "LOOK_AT_PLACE_S", 0.01)
    sandbox.script = waiting
    first, second, third = [await submit(client, stage) for _ in range(3)]
    await until(lambda: sandbox.jobs)
    parts, places = site.state.parts, []
    user_id = parts.identities.visitor(client.cookies["overfit"]).user_id
    async with parts.db.read() as session:
        seat = await seat_at_run(session, third["id"], user_id=user_id)

    async def collect_places() -> None:
        async for event in service.events(parts, seat, after=0):
            if event.id is None:
                places.append(event.data["position"])

    following = asyncio.create_task(collect_places())
    await until(lambda: places == [2])
    await client.post(f"{first['url']}/cancel")
    await until(lambda: places == [2, 1])
    sandbox.script = passing
    await client.post(f"{second['url']}/cancel")
    await following
    assert places == [2, 1]


async def test_a_run_asked_for_while_the_judge_warms_up_waits_and_then_runs(
    settings: Any, clock: Any
) -> None:
    from app.main import create_app
    from tests.app.conftest import BASE, running

    sandbox = FakeSandbox()
    sandbox.may_start.clear()
    async with running(create_app(settings, sandbox=sandbox, clock=clock)) as site:
        transport = httpx2.ASGITransport(app=site)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            assert (await client.get("/healthz")).json()["judge"] == "warming"
            stage = (await client.post("/api/attempts", json={"problem": "tiny"})).json()["stages"][0]
            run = await submit(client, stage)
            assert (await client.get(run["url"])).json()["state"] == "queued"
            sandbox.may_start.set()
            assert (await follow(client, run))[-1]["data"]["state"] == "done"


@pytest.mark.parametrize(
    ("code", "status", "word"),
    [
        ("", 422, "empty"),
        ("  \n", 422, "empty"),
        ("x = 1\ny = '\0'\n", 422, "line 2"),
        ("x = '\ud800'", 422, "surrogate"),
        ("#" * (64 * 1024 + 1), 413, "64 KiB"),
    ],
)
async def test_a_source_that_cannot_be_run_is_refused_with_the_reason(
    client: httpx2.AsyncClient, stage: Json, code: str, status: int, word: str
) -> None:
    content = json.dumps({"code": code}).encode()
    headers = {"content-type": "application/json"}
    answer = await client.post(f"/api/stages/{stage['id']}/runs", content=content, headers=headers)
    assert answer.status_code == status
    assert word in answer.json()["error"]
    assert answer.json()["hint"]


async def test_five_megabytes_are_refused_while_they_are_read(
    client: httpx2.AsyncClient, stage: Json
) -> None:
    sent = 0

    async def body() -> Any:
        nonlocal sent
        for _ in range(80):
            sent += 1 << 16
            yield b"#" * (1 << 16)

    answer = await client.post(f"/api/stages/{stage['id']}/runs", content=body())
    assert answer.status_code == 413
    assert answer.json()["error"]
