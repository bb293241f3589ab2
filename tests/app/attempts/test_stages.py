"""The rhythm of an hour: what follows what, on whose file, by which clock, and what is seen of it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from app.settings import Settings
from tests.app.fakes import SHAPE, FakeSandbox, SteppingClock, passing, until, write_follow_up

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
MINUTE_MS = 60_000
HOUR = ["debug", "complexity", "kv_cache"]
RIGHT = {"step": "T^2 d", "total": "T^3 d", "cached_step": "T d", "cached_total": "T^2 d"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    write_follow_up(settings.problems)
    return settings


async def opened(client: httpx2.AsyncClient, **asked: Any) -> Json:
    answer = await client.post("/api/attempts", json={"problem": "tiny", "stages": HOUR, **asked})
    assert answer.status_code == 201, answer.text
    attempt: Json = answer.json()
    return attempt


async def done(client: httpx2.AsyncClient, attempt: Json) -> Json:
    answer = await client.post(f"/api/stages/{attempt['stages'][-1]['id']}/done")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def run(client: httpx2.AsyncClient, attempt: Json, code: str, sandbox: FakeSandbox) -> Json:
    stage = attempt["stages"][-1]["id"]
    taken = (await client.post(f"/api/stages/{stage}/runs", json={"code": code})).json()
    await until(lambda: sandbox.jobs)
    async with client.stream("GET", taken["events"]) as events:
        async for _ in events.aiter_lines():
            pass
    found: Json = (await client.get(taken["url"])).json()
    return found


async def derive(client: httpx2.AsyncClient, attempt: Json, answers: dict[str, str]) -> Json:
    stage = attempt["stages"][-1]["id"]
    for question, text in answers.items():
        answer = await client.post(f"/api/stages/{stage}/answers", json={"question": question, "text": text})
        assert answer.status_code == 200, answer.text
    found: Json = (await client.get(f"/api/stages/{stage}/gate")).json()
    return found


async def test_done_opens_the_next_stage_and_after_the_last_the_attempt_ends(
    client: httpx2.AsyncClient, sandbox: FakeSandbox
) -> None:
    attempt = await opened(client)
    await run(client, attempt, "print(1)", sandbox)
    kinds = [attempt["stages"][-1]["kind"]]
    while attempt["state"] == "open":
        attempt = await done(client, attempt)
        kinds.append(attempt["stages"][-1]["kind"])
    assert kinds == [*HOUR, "kv_cache"]
    assert attempt["state"] == "finished"
    assert [stage["finished_at"] is not None for stage in attempt["stages"]] == [True] * 3


async def test_done_said_twice_counts_once(client: httpx2.AsyncClient) -> None:
    attempt = await opened(client)
    await done(client, attempt)
    again = await done(client, attempt)
    assert [stage["kind"] for stage in again["stages"]] == ["debug", "complexity"]


async def test_what_is_to_come_in_a_mock_is_not_told(client: httpx2.AsyncClient) -> None:
    mock = await opened(client, mode="mock")
    assert [step["title"] for step in mock["plan"]] == ["Debug", "Complexity", "Follow-up"]
    assert mock["plan"][2]["kind"] is None
    practice = await opened(client)
    assert [step["title"] for step in practice["plan"]] == ["Debug", "Complexity", "KV cache"]
    export = (await client.get("/api/me/export")).json()
    assert ["stages" in one["options"] for one in export["attempts"]] == [False, True]


async def test_the_follow_up_begins_with_ones_own_file_where_a_run_held(
    client: httpx2.AsyncClient, sandbox: FakeSandbox
) -> None:
    sandbox.script = passing
    attempt = await opened(client, marks=True)
    starter = attempt["stages"][0]["starter"]
    assert "# marked:" in starter
    await run(client, attempt, starter, sandbox)  # the script lets everything pass
    follow_up = (await done(client, await done(client, attempt)))["stages"][-1]
    assert follow_up["begins"].startswith("It begins with your own file")
    assert "def check_parity()" in follow_up["starter"]
    assert "# marked:" not in follow_up["starter"]
    assert follow_up["starter"].index("def check_parity()") < follow_up["starter"].index("__main__")
    bugged = set(starter.splitlines()) - set(SHAPE.splitlines())
    own = [line for line in bugged if line.strip().startswith("return")]
    assert own and all(line in follow_up["starter"] for line in own)
    assert follow_up["sentence"] == attempt["stages"][0]["sentence"]


async def test_a_mark_that_is_text_of_the_program_stays_in_ones_own_file(
    client: httpx2.AsyncClient, sandbox: FakeSandbox
) -> None:
    sandbox.script = passing
    attempt = await opened(client)
    stage = attempt["stages"][0]
    text = 'NOTE = """\n# marked: a word\n"""\n# marked: a mark\n  # marked: one more\n' + stage["starter"]
    edit = {"at_ms": 1, "kind": "resync", "payload": {"text": text}}
    await client.post(f"/api/stages/{stage['id']}/edits", json={"base": 0, "edits": [edit]})
    await run(client, attempt, text, sandbox)
    follow_up = (await done(client, await done(client, attempt)))["stages"][-1]
    assert follow_up["starter"].startswith('NOTE = """\n# marked: a word\n"""\n' + stage["starter"][:20])


async def test_the_follow_up_begins_clean_where_no_run_showed_the_last_draft(
    client: httpx2.AsyncClient, sandbox: FakeSandbox
) -> None:
    attempt = await opened(client)
    await run(client, attempt, attempt["stages"][0]["starter"], sandbox)  # it fails
    follow_up = (await done(client, await done(client, attempt)))["stages"][-1]
    assert follow_up["begins"].startswith("It begins with a clean file")
    assert "return x + 1" in follow_up["starter"] and "return x * 2" in follow_up["starter"]


async def test_the_follow_up_is_judged_by_its_own_contract_on_the_same_sentence(
    client: httpx2.AsyncClient, sandbox: FakeSandbox
) -> None:
    attempt = await opened(client)
    attempt = await done(client, await done(client, attempt))
    await run(client, attempt, "print(2)", sandbox)
    job = sandbox.jobs[-1]
    assert (job.contract, job.problem, job.bugs) == ("kv_cache", "kv_cache", ())
    assert job.text == attempt["stages"][0]["sentence"] and job.text in job.shape


async def test_who_derives_the_costs_has_more_time(client: httpx2.AsyncClient, clock: SteppingClock) -> None:
    attempt = await opened(client, minutes=60)
    attempt = await done(client, attempt)
    gate, hour = attempt["stages"][-1]["deadline_at"], attempt["deadline_at"]
    assert gate - clock.now() == 10 * MINUTE_MS
    found = await derive(client, attempt, {**RIGHT, "memory": "T d L"})
    assert found["passed"] and found["extra_minutes"] == 10
    follow_up = await done(client, attempt)
    assert follow_up["deadline_at"] == follow_up["stages"][-1]["deadline_at"] == hour + 10 * MINUTE_MS


async def test_a_wrong_derivation_has_one_retry_and_then_is_told(client: httpx2.AsyncClient) -> None:
    attempt = await done(client, await opened(client))
    stage = attempt["stages"][-1]["id"]
    path = f"/api/stages/{stage}/answers"
    first = (await client.post(path, json={"question": "step", "text": "T d"})).json()["questions"][0]
    assert (first["right"], first["left"], first["why"]) == (False, 1, None)
    second = (await client.post(path, json={"question": "step", "text": "d"})).json()["questions"][0]
    assert (second["right"], second["left"]) == (False, 0)
    assert "T²" in second["why"]
    assert (await client.post(path, json={"question": "step", "text": "T^2 d"})).status_code == 409


async def test_an_answer_that_cannot_be_read_counts_as_none(client: httpx2.AsyncClient) -> None:
    attempt = await done(client, await opened(client))
    path = f"/api/stages/{attempt['stages'][-1]['id']}"
    for text in ("__import__('os')", "T^", "T^99", "x", "T" * 500):
        answer = await client.post(f"{path}/answers", json={"question": "step", "text": text})
        assert answer.status_code in (400, 422), text
    assert (await client.get(f"{path}/gate")).json()["questions"][0]["left"] == 2


async def test_when_the_gates_time_is_over_the_hour_goes_on(
    client: httpx2.AsyncClient, clock: SteppingClock
) -> None:
    attempt = await done(client, await opened(client, minutes=60))
    clock.pass_time(seconds=11 * 60)
    late = await client.post(
        f"/api/stages/{attempt['stages'][-1]['id']}/answers", json={"question": "step", "text": "T^2 d"}
    )
    assert late.status_code == 409
    found = (await client.get(f"/api/attempts/{attempt['id']}")).json()
    assert (found["state"], found["stages"][-1]["finished_at"] is not None) == ("open", True)
    assert (await done(client, found))["stages"][-1]["kind"] == "kv_cache"


async def test_the_hour_ends_between_two_stages_too(client: httpx2.AsyncClient, clock: SteppingClock) -> None:
    attempt = await done(client, await opened(client, minutes=60))
    clock.pass_time(seconds=61 * 60)
    found = (await client.get(f"/api/attempts/{attempt['id']}")).json()
    assert found["state"] == "expired"
    assert found["finished_at"] == attempt["deadline_at"]
    answer = await client.post(f"/api/stages/{attempt['stages'][-1]['id']}/done")
    assert answer.status_code == 409


async def test_for_the_last_seconds_no_stage_is_opened(
    client: httpx2.AsyncClient, sandbox: FakeSandbox, clock: SteppingClock
) -> None:
    attempt = await opened(client, minutes=60)
    await run(client, attempt, "print(1)", sandbox)
    clock.pass_time(seconds=60 * 60 - 30)
    assert (await done(client, attempt))["state"] == "finished"


async def test_a_mocks_verdict_opens_with_i_am_done_and_its_key_with_the_end(
    client: httpx2.AsyncClient, sandbox: FakeSandbox
) -> None:
    attempt = await opened(client, mode="mock")
    ran = await run(client, attempt, "print(1)", sandbox)
    assert ran["verdict"] is None
    after = await done(client, attempt)
    told = (await client.get(f"/api/runs/{ran['id']}")).json()["verdict"]
    assert told["outcome"] == "failed"
    assert all(set(bug) == {"slot", "status"} for bug in told["bugs"])
    assert after["stages"][0]["runs"][0]["verdict"] is not None
    assert (await client.post(f"/api/attempts/{attempt['id']}/reveal")).status_code == 403
    hidden = await run(client, after := await done(client, after), "print(2)", sandbox)
    assert hidden["verdict"] is None and after["stages"][-1]["kind"] == "kv_cache"


async def test_each_stage_can_be_had_alone(client: httpx2.AsyncClient) -> None:
    gate = await opened(client, stages=["complexity"])
    assert (gate["stages"][0]["kind"], gate["minutes"], gate["plan"]) == (
        "complexity",
        10,
        [{"title": "Complexity", "kind": "complexity", "state": "now", "stage_id": gate["stages"][0]["id"]}],
    )
    cache = await opened(client, stages=["kv_cache"])
    assert (cache["stages"][0]["problem"], cache["minutes"], cache["bug_count"]) == ("kv_cache", 30, 0)
    assert "def check_parity()" in cache["stages"][0]["starter"]


@pytest.mark.parametrize("stages", [[], ["debug", "debug"], ["complexity", "debug"], ["nothing"]])
async def test_a_plan_that_makes_no_sense_is_refused(client: httpx2.AsyncClient, stages: list[str]) -> None:
    answer = await client.post("/api/attempts", json={"problem": "tiny", "stages": stages})
    assert answer.status_code == 422


async def test_the_clock_of_practice_can_stand_still(
    client: httpx2.AsyncClient, clock: SteppingClock, sandbox: FakeSandbox
) -> None:
    attempt = await opened(client, minutes=60)
    clock.pass_time(seconds=10 * 60)
    paused = (await client.post(f"/api/attempts/{attempt['id']}/pause")).json()
    assert (paused["paused_left_ms"], paused["deadline_at"]) == (50 * MINUTE_MS, None)
    clock.pass_time(seconds=24 * 60 * 60)
    refused = await client.post(f"/api/stages/{attempt['stages'][0]['id']}/runs", json={"code": "print(1)"})
    assert refused.status_code == 409
    resumed = (await client.post(f"/api/attempts/{attempt['id']}/resume")).json()
    assert resumed["state"] == "open"
    assert resumed["stages"][0]["deadline_at"] == clock.now() + 50 * MINUTE_MS
    await run(client, resumed, "print(1)", sandbox)


async def test_the_clock_of_a_mock_never_stands_still(client: httpx2.AsyncClient) -> None:
    mock = await opened(client, mode="mock")
    assert (await client.post(f"/api/attempts/{mock['id']}/pause")).status_code == 403


async def test_nothing_is_gone_on_with_while_the_clock_stands(
    client: httpx2.AsyncClient, clock: SteppingClock
) -> None:
    attempt = await opened(client, stages=["debug", "complexity", "classifier"], minutes=60)
    await client.post(f"/api/attempts/{attempt['id']}/pause")
    assert (await client.post(f"/api/stages/{attempt['stages'][0]['id']}/done")).status_code == 409
    await client.post(f"/api/attempts/{attempt['id']}/resume")
    gate = await done(client, attempt)
    await client.post(f"/api/attempts/{attempt['id']}/pause")
    answer = {"question": "step", "text": "T^2*d"}
    address = f"/api/stages/{gate['stages'][-1]['id']}/answers"
    assert (await client.post(address, json=answer)).status_code == 409
    clock.pass_time(seconds=24 * 60 * 60)
    resumed = (await client.post(f"/api/attempts/{attempt['id']}/resume")).json()
    assert resumed["stages"][-1]["deadline_at"] == clock.now() + 10 * MINUTE_MS
    assert (await client.post(address, json=answer)).status_code == 200


async def test_an_attempt_that_ends_while_its_clock_stands_is_not_paused_any_more(
    client: httpx2.AsyncClient,
) -> None:
    attempt = await opened(client, minutes=60)
    await client.post(f"/api/attempts/{attempt['id']}/pause")
    ended = (await client.post(f"/api/attempts/{attempt['id']}/finish")).json()
    assert (ended["state"], ended["paused_left_ms"]) == ("abandoned", None)


async def test_stages_can_be_named_in_the_form(client: httpx2.AsyncClient) -> None:
    asked = {"problem": "tiny", "stages": "debug complexity kv_cache"}
    opened_at = (await client.post("/attempts", data=asked)).headers["location"]
    plan = (await client.get(f"/api{opened_at}")).json()["plan"]
    assert [step["kind"] for step in plan] == HOUR


async def test_a_gate_that_was_answered_is_finished_not_abandoned(client: httpx2.AsyncClient) -> None:
    gate = await opened(client, stages=["complexity"])
    await derive(client, gate, RIGHT)
    assert (await done(client, gate))["state"] == "finished"
    assert (await done(client, await opened(client, stages=["complexity"])))["state"] == "abandoned"
