"""The report of an hour of several stages: each has its page, and each its own door."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from app.settings import Settings
from sandbox import Event, Job, Outcome
from tests.app.fakes import (
    BUG_IDS,
    Emit,
    FakeSandbox,
    SteppingClock,
    passing,
    property_entry,
    verdict,
    write_follow_up,
)
from tests.app.history.conftest import Sitting, telling

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
MINUTE = 60_000
CORE = {"step": "T^2 d", "total": "T^3 d", "cached_step": "T d", "cached_total": "T^2 d"}
STAGES = ["debug", "complexity", "kv_cache"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    write_follow_up(settings.problems)
    return settings


@pytest.fixture
async def hour(client: httpx2.AsyncClient, clock: SteppingClock, sandbox: FakeSandbox) -> Sitting:
    """A mock of sixty minutes with three stages, its marks on."""
    asked = {"problem": "tiny", "mode": "mock", "marks": True, "stages": STAGES}
    answer = await client.post("/api/attempts", json=asked)
    assert answer.status_code == 201, answer.text
    return Sitting(client, answer.json(), clock, sandbox)


async def apart(job: Job, emit: Emit) -> Outcome:
    """A cache that departs in its chunks, without a proof of its own."""
    found = verdict(job, outcome="failed")
    parity = [
        property_entry(f"parity_{name}", status)
        for name, status in (("single", "held"), ("chunks", "broken"))
    ]
    proof = {**property_entry("own_proof", "not_applicable"), "data": {"written": False, "called": False}}
    found["properties"] += [*parity, proof]
    await emit(Event("property", parity[0]))
    return Outcome(verdict=found, level="namespaces")


async def page(client: httpx2.AsyncClient, sitting: Sitting, *, stage: int = 0) -> str:
    path = f"/attempts/{sitting.attempt['id']}/review"
    answer = await client.get(path, params={"stage": stage}, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    assert " style=" not in answer.text
    return answer.text


async def live_through(hour: Sitting) -> None:
    """Twenty minutes of bugs, five at the gate, ten with the cache."""
    hour.later(minutes=10)
    await hour.run(telling(fixed=1))
    hour.later(minutes=10)
    await hour.done()
    hour.later(minutes=5)
    await hour.derive(**CORE)
    await hour.done()
    hour.later(minutes=4)
    await hour.edit("def third", "# here\ndef third")
    hour.later(minutes=1)
    await hour.run(apart)
    hour.later(minutes=5)
    await hour.finish()


async def test_each_stage_has_its_own_review_on_the_hours_clock(hour: Sitting) -> None:
    await live_through(hour)
    first, gate, cache = [await hour.review(stage=stage) for stage in range(3)]
    assert [one["kind"] for one in (first, gate, cache)] == STAGES
    assert [(one["begins_ms"], one["ends_ms"]) for one in first["stages"]] == [
        (0, 20 * MINUTE),
        (20 * MINUTE, 25 * MINUTE),
        (25 * MINUTE, 35 * MINUTE),
    ]
    assert (first["times"]["total_ms"], cache["times"]["total_ms"]) == (20 * MINUTE, 10 * MINUTE)
    assert cache["times"]["first_run_ms"] == 30 * MINUTE
    assert cache["times"]["last_edit_ms"] == 29 * MINUTE
    assert first["hour_ms"] == 35 * MINUTE
    assert first["extra_minutes"] == 10
    assert cache["bugs"] == cache["lanes"] == gate["runs"] == []
    assert cache["look"] == "lied"
    assert cache["headline"] == "Equal text, unequal logits."
    assert [one["words"] for one in first["stages"]][1] == "Four of six costs derived; 10 more minutes."


async def test_the_first_page_tells_how_the_whole_hour_went(hour: Sitting) -> None:
    await live_through(hour)
    told = {(way["stage"], way["passed"]): way["words"] for way in (await hour.review())["ways"]}
    assert told["Complexity", True] == "All 4 costs that count were derived: 10 more minutes."
    assert "check_parity() was never written" in told["KV cache", False]
    alone = await hour.review(stage=2)
    assert {way["stage"] for way in alone["ways"]} == {""}
    assert alone["next"]["fields"] == {"mode": "practice", "stages": "kv_cache"}
    assert (await hour.review(stage=1))["next"] is None


async def test_a_verdict_of_a_mock_is_told_once_its_stage_is_done_and_the_key_after_the_end(
    client: httpx2.AsyncClient, hour: Sitting
) -> None:
    await hour.run(telling(fixed=1))
    await hour.hint()
    assert (await hour.review())["hints"][0]["slot"] is None
    await hour.done()
    debugged = await hour.review()
    assert debugged["judged"] and not debugged["key"]
    assert debugged["seed"] is None
    assert debugged["bugs"] == debugged["ways"] == []
    assert debugged["next"] is None
    assert debugged["over"] and debugged["state"] == "open"
    assert debugged["plan"] == ["debug", "complexity", "follow_up"]
    html = await page(client, hour)
    assert "The loss lied" in html or "the loss lied" in html
    assert not [name for name in BUG_IDS if name in html]
    await hour.done()
    await hour.run(passing)
    cache = await hour.review(stage=2)
    assert cache["plan"] == STAGES
    assert not cache["judged"]
    assert cache["stages"][2]["words"] == "Told once it is done."
    assert cache["stages"][2]["saw"] is None
    assert "2 of 2" not in (await page(client, hour, stage=1)).split("KV cache")[-1]


async def test_a_gate_shows_its_questions_answers_and_derivations(
    client: httpx2.AsyncClient, hour: Sitting
) -> None:
    await hour.done()
    await hour.derive(step="T^2 d", total="T^2 d")
    before = await page(client, hour, stage=1)
    assert "Being derived." in before
    assert "T^2 d" in before
    assert "T queries meet T keys" in before  # settled
    assert "their sum grows like T³ d" not in before  # a try is left
    await hour.finish()
    after = await page(client, hour, stage=1)
    assert "their sum grows like T³ d" in after
    assert "One of four that count derived." in after
    assert "What you changed" not in after


async def test_a_stage_that_was_not_reached_is_not_there(client: httpx2.AsyncClient, hour: Sitting) -> None:
    for path in (f"{hour.url}/review", f"{hour.url}/changes/latest"):
        assert (await client.get(path, params={"stage": 1})).status_code == 404
        assert (await client.get(path, params={"stage": -1})).status_code == 422


async def test_the_changes_of_a_follow_up_are_against_its_own_start(
    client: httpx2.AsyncClient, hour: Sitting
) -> None:
    await live_through(hour)
    change = (await client.get(f"{hour.url}/changes/latest", params={"stage": 2})).json()
    assert (change["diff"]["added"], change["diff"]["removed"]) == (1, 0)
    html = await page(client, hour, stage=2)
    assert "?stage=2&amp;step=run-1#changes" in html


async def test_a_hint_that_pointed_at_nothing_is_told_as_such(
    client: httpx2.AsyncClient, hour: Sitting
) -> None:
    for _ in range(7):
        hour.later(minutes=1)
        await hour.hint()
    await hour.run(passing)
    await hour.finish()
    told = await hour.review()
    assert [hint["slot"] for hint in told["hints"]].count(None) == 1
    assert sum(hint["cost_minutes"] for hint in told["hints"]) == 21
    assert told["help"]["words"] == "As an interviewer would count it: done at 7:00, and 21 minutes of help."
    assert sum(tally["cost_minutes"] for tally in told["tallies"]) == 20
    html = await page(client, hour)
    assert "I have nothing left to point at." in html
    assert "on bug None" not in html


async def test_an_hour_that_never_came_to_the_gate_says_so(hour: Sitting) -> None:
    hour.later(minutes=60)
    told = await hour.review()
    assert "The derivation was not reached: debugging took 60 minutes." in [
        way["words"] for way in told["ways"]
    ]
