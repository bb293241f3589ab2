"""Attempts over HTTP: drawn without spoilers, read by their member alone, finished, revealed."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.app.fakes import BUG_IDS, SteppingClock

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def test_a_round_is_drawn_with_its_starter_and_says_nothing_of_its_bugs(
    client: httpx2.AsyncClient, attempt: Json, stage: Json
) -> None:
    assert attempt["bug_count"] == 2
    assert attempt["minutes"] == 60
    assert stage["draft"] == stage["starter"]
    assert stage["filename"] == "tiny.py"
    assert "<strong>bugs</strong>" in stage["statement_html"]
    text = (await client.get(f"/api/attempts/{attempt['id']}")).text
    assert not [name for name in BUG_IDS if name in text]


async def test_the_same_person_is_not_given_a_puzzle_twice(client: httpx2.AsyncClient) -> None:
    keys = []
    for _ in range(4):
        drawn = (await client.post("/api/attempts", json={"problem": "tiny"})).json()
        key = (await client.post(f"/api/attempts/{drawn['id']}/reveal")).json()
        keys.append(frozenset(bug["id"] for bug in key["bugs"]))
    assert len(set(keys)) == 4


async def test_the_same_seed_asked_for_draws_the_same_round(client: httpx2.AsyncClient) -> None:
    asked = {"problem": "tiny", "seed": 7}
    first, second = [(await client.post("/api/attempts", json=asked)).json() for _ in range(2)]
    assert first["stages"][0]["starter"] == second["stages"][0]["starter"]


async def test_minutes_left_out_are_the_tiers_and_null_means_no_clock(client: httpx2.AsyncClient) -> None:
    untimed = (await client.post("/api/attempts", json={"problem": "tiny", "minutes": None})).json()
    assert untimed["minutes"] is None
    assert untimed["stages"][0]["deadline_at"] is None


async def test_another_person_is_told_that_there_is_nothing(attempt: Json, new_client: Any) -> None:
    other = await new_client()
    for path in (f"/api/attempts/{attempt['id']}", f"/api/stages/{attempt['stages'][0]['id']}/edits"):
        answer = await other.get(path)
        assert answer.status_code == 404
        assert answer.json()["ok"] is False
    nowhere = await other.get("/api/attempts/AAAAAAAAAAAAAAAAAAAAAA")
    assert nowhere.json() == (await other.get(f"/api/attempts/{attempt['id']}")).json()


async def test_the_reveal_tells_each_bug_with_its_line_in_the_starter(
    client: httpx2.AsyncClient, attempt: Json, stage: Json, clock: SteppingClock
) -> None:
    key = (await client.post(f"/api/attempts/{attempt['id']}/reveal")).json()
    lines = stage["starter"].splitlines()
    assert [bug["slot"] for bug in key["bugs"]] == [1, 2]
    for bug in key["bugs"]:
        assert bug["bugged"] in lines[bug["line"] - 1]
        assert bug["debrief"] == f"Debrief of {bug['id']}."
    again = (await client.get(f"/api/attempts/{attempt['id']}")).json()
    assert again["revealed_at"] == clock.now()


async def test_a_mock_keeps_count_seed_and_key_until_its_end(client: httpx2.AsyncClient) -> None:
    mock = (await client.post("/api/attempts", json={"problem": "tiny", "mode": "mock"})).json()
    assert mock["bug_count"] is None
    assert mock["seed"] is None
    assert (await client.post(f"/api/attempts/{mock['id']}/reveal")).status_code == 403
    ended = (await client.post(f"/api/attempts/{mock['id']}/finish")).json()
    assert ended["bug_count"] == 2
    assert (await client.post(f"/api/attempts/{mock['id']}/reveal")).status_code == 200


async def test_an_attempt_without_a_run_is_abandoned_at_its_finish(
    client: httpx2.AsyncClient, attempt: Json
) -> None:
    ended = (await client.post(f"/api/attempts/{attempt['id']}/finish")).json()
    assert ended["state"] == "abandoned"


async def test_a_deadline_that_passed_while_nobody_looked_has_ended_the_attempt_then(
    client: httpx2.AsyncClient, attempt: Json, stage: Json, clock: SteppingClock
) -> None:
    clock.pass_time(seconds=3 * 3600)
    seen = (await client.get(f"/api/attempts/{attempt['id']}")).json()
    assert seen["state"] == "expired"
    assert seen["finished_at"] == stage["deadline_at"]
    refused = await client.post(f"/api/stages/{stage['id']}/runs", json={"code": "x = 1"})
    assert refused.status_code == 409


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"problem": "none"}, 404),
        ({"tier": "none"}, 404),
        ({"shape": "none"}, 422),
        ({"seed": -1}, 422),
        ({"minutes": 0}, 422),
        ({"mode": "race"}, 422),
        ({"surprise": 1}, 422),
    ],
)
async def test_a_round_that_cannot_be_drawn_is_refused_with_a_reason(
    client: httpx2.AsyncClient, asked: Json, status: int
) -> None:
    answer = await client.post("/api/attempts", json={"problem": "tiny", **asked})
    assert answer.status_code == status
    assert set(answer.json()) >= {"ok", "error", "status", "hint"}
    assert answer.json()["error"]
