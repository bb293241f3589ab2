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


async def opened(client: httpx2.AsyncClient, **asked: Any) -> Json:
    answer = await client.post("/api/attempts", json={"problem": "tiny", "mode": "mock", **asked})
    assert answer.status_code == 201, answer.text
    attempt: Json = answer.json()
    return attempt


async def test_in_a_mock_the_interviewer_chooses_the_hint(client: httpx2.AsyncClient) -> None:
    mock = await opened(client)
    answer = await client.post(f"/api/stages/{mock['stages'][0]['id']}/hints", json={"slot": 1})
    assert answer.status_code == 422
    assert "Leave the slot out" in answer.json()["hint"]


async def test_hints_of_a_mock_cost_minutes_and_tell_no_number(client: httpx2.AsyncClient) -> None:
    mock = await opened(client)
    path = f"/api/stages/{mock['stages'][0]['id']}/hints"
    taken = [(await client.post(path, json={})).json() for _ in range(3)]
    assert [hint["cost_minutes"] for hint in taken] == [1, 3, 6]
    assert {hint["slot"] for hint in taken} == {None}
    assert len({hint["text"].split()[-1] for hint in taken}) == 1  # one region, to its end
    assert (await client.get(path)).json() == taken


async def test_who_changed_the_region_is_not_guided_back(client: httpx2.AsyncClient) -> None:
    mock = await opened(client)
    stage = mock["stages"][0]
    path = f"/api/stages/{stage['id']}/hints"
    await client.post(path, json={})
    edits = [{"at_ms": 1, "kind": "resync", "payload": {"text": "x = 1\n"}}]
    sent = await client.post(f"/api/stages/{stage['id']}/edits", json={"base": 0, "edits": edits})
    assert sent.status_code == 200
    last = (await client.post(path, json={})).json()
    assert "I can't guide you back" in last["text"]
    assert last["cost_minutes"] == 1  # asking is free for nobody: what is left must not be found out so


async def test_explanations_are_kept_in_order(client: httpx2.AsyncClient, stage: Json) -> None:
    path = f"/api/stages/{stage['id']}/explanations"
    for sentence in ("The mask must hide the future.", "The labels were not shifted."):
        answer = await client.post(path, json={"sentence": sentence, "hunk": {"line": 3}, "draft_seq": 1})
        assert answer.status_code == 201
    kept = (await client.get(path)).json()
    assert [entry["sentence"][:8] for entry in kept] == ["The mask", "The labe"]
    assert kept[0]["hunk"] == {"line": 3}


async def test_a_sentence_is_marked_only_beside_the_models(client: httpx2.AsyncClient, stage: Json) -> None:
    path = f"/api/stages/{stage['id']}/explanations"
    kept = (await client.post(path, json={"sentence": "The mask must hide the future."})).json()
    marks = {"location": True, "mechanism": True, "consequence": False}
    assert (await client.post(f"{path}/{kept['id']}/marks", json=marks)).status_code == 403
    attempt = (await client.get("/api/history")).json()["attempts"][0]["id"]
    await client.post(f"/api/attempts/{attempt}/reveal")
    assert (await client.post(f"{path}/{kept['id']}/marks", json=marks)).json()["marks"] == marks
    assert (await client.get(path)).json()[0]["marks"] == marks
    assert (await client.post(f"{path}/nothing/marks", json=marks)).status_code == 404
