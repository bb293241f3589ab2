"""Hints and the ledger over HTTP: taken rung by rung, written down, never more than was asked for."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.app.fakes import SteppingClock

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def test_hints_come_rung_by_rung_and_end_after_the_third(
    client: httpx2.AsyncClient, stage: Json, clock: SteppingClock
) -> None:
    path = f"/api/stages/{stage['id']}/hints"
    taken = [(await client.post(path, json={"slot": 2})).json() for _ in range(3)]
    assert [(hint["rung"], hint["of"]) for hint in taken] == [(1, 3), (2, 3), (3, 3)]
    assert [hint["text"].split()[0] for hint in taken] == ["first", "second", "third"]
    assert taken[0]["at_ms"] == clock.now()
    assert (await client.post(path, json={"slot": 2})).status_code == 409
    assert (await client.get(path)).json() == taken


async def test_a_slot_that_is_not_there_has_no_hints(client: httpx2.AsyncClient, stage: Json) -> None:
    answer = await client.post(f"/api/stages/{stage['id']}/hints", json={"slot": 3})
    assert answer.status_code == 404
    assert "1 to 2" in answer.json()["hint"]


async def test_in_a_mock_the_candidate_cannot_take_hints(client: httpx2.AsyncClient) -> None:
    mock = (await client.post("/api/attempts", json={"problem": "tiny", "mode": "mock"})).json()
    answer = await client.post(f"/api/stages/{mock['stages'][0]['id']}/hints", json={"slot": 1})
    assert answer.status_code == 403


async def test_explanations_are_kept_in_order(client: httpx2.AsyncClient, stage: Json) -> None:
    path = f"/api/stages/{stage['id']}/explanations"
    for sentence in ("The mask must hide the future.", "The labels were not shifted."):
        answer = await client.post(path, json={"sentence": sentence, "hunk": {"line": 3}, "draft_seq": 1})
        assert answer.status_code == 201
    kept = (await client.get(path)).json()
    assert [entry["sentence"][:8] for entry in kept] == ["The mask", "The labe"]
    assert kept[0]["hunk"] == {"line": 3}
