"""The draft over HTTP: the sum of its edits; a second tab, a repeat or a misfit changes nothing."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.app.fakes import SteppingClock

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


def ops(*operations: list[Any], at_ms: int = 1) -> Json:
    return {"at_ms": at_ms, "kind": "ops", "payload": {"ops": list(operations), "line": 1}}


async def send(
    client: httpx2.AsyncClient, stage: Json, base: int, *edits: Json, batch: str | None = None
) -> httpx2.Response:
    body = {"base": base, "edits": list(edits), "batch": batch}
    return await client.post(f"/api/stages/{stage['id']}/edits", json=body)


async def draft_of(client: httpx2.AsyncClient, stage: Json, after: int = 0) -> Json:
    found: Json = (await client.get(f"/api/stages/{stage['id']}/edits", params={"after": after})).json()
    return found


async def test_the_draft_is_the_sum_of_its_edits(client: httpx2.AsyncClient, stage: Json) -> None:
    answer = await send(client, stage, 0, ops([0, 0, "# a\n"]), ops([0, 1, "#!"], [2, 0, "!"]))
    assert answer.json() == {"seq": 2}
    kept = await draft_of(client, stage)
    assert kept["draft"] == "#!! a\n" + stage["starter"]
    assert [edit["seq"] for edit in kept["edits"]] == [1, 2]
    assert (await draft_of(client, stage, after=1))["edits"][0]["payload"]["ops"] == [
        [0, 1, "#!"],
        [2, 0, "!"],
    ]


async def test_an_attempt_that_is_opened_again_has_the_draft(
    client: httpx2.AsyncClient, attempt: Json, stage: Json
) -> None:
    await send(client, stage, 0, ops([0, 0, "x"]))
    again = (await client.get(f"/api/attempts/{attempt['id']}")).json()["stages"][0]
    assert (again["draft"], again["draft_seq"]) == ("x" + stage["starter"], 1)


async def test_a_second_tab_is_told_the_sequence_that_holds_and_changes_nothing(
    client: httpx2.AsyncClient, stage: Json
) -> None:
    await send(client, stage, 0, ops([0, 0, "first"]))
    late = await send(client, stage, 0, ops([0, 0, "second"]))
    assert late.status_code == 409
    assert late.json()["seq"] == 1
    assert (await draft_of(client, stage))["draft"].startswith("first")


async def test_a_batch_that_is_sent_again_counts_once(client: httpx2.AsyncClient, stage: Json) -> None:
    first = await send(client, stage, 0, ops([0, 0, "x"]), batch="b1")
    again = await send(client, stage, 0, ops([0, 0, "x"]), batch="b1")
    assert first.json() == again.json() == {"seq": 1}
    assert (await draft_of(client, stage))["draft"] == "x" + stage["starter"]


async def test_reset_brings_the_starter_back_and_resync_the_whole_text(
    client: httpx2.AsyncClient, stage: Json
) -> None:
    text = {"at_ms": 1, "kind": "resync", "payload": {"text": "new 😀\n"}}
    await send(client, stage, 0, text)
    assert (await draft_of(client, stage))["draft"] == "new 😀\n"
    await send(client, stage, 1, {"at_ms": 2, "kind": "reset"})
    assert (await draft_of(client, stage))["draft"] == stage["starter"]


async def test_halves_of_a_character_that_come_one_by_one_are_kept_as_the_whole_text(
    client: httpx2.AsyncClient, stage: Json
) -> None:
    halves = json.dumps({"base": 0, "edits": [ops([0, 0, "\ud83d"]), ops([1, 0, "\ude00"])]})
    headers = {"content-type": "application/json"}
    path = f"/api/stages/{stage['id']}/edits"
    assert (await client.post(path, content=halves, headers=headers)).json() == {"seq": 1}
    kept = await draft_of(client, stage)
    assert kept["draft"] == "😀" + stage["starter"]
    assert kept["edits"][0]["kind"] == "resync"


async def test_many_edits_leave_a_checkpoint_that_holds_the_draft(
    client: httpx2.AsyncClient, stage: Json
) -> None:
    answer = await send(client, stage, 0, *(ops([0, 0, "x"]) for _ in range(200)))
    kept = await draft_of(client, stage)
    last = kept["edits"][-1]
    assert answer.json()["seq"] == last["seq"] == 201
    assert (last["kind"], last["payload"]["text"]) == ("checkpoint", kept["draft"])


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        (ops([10_000, 0, "x"]), 422),
        ({"at_ms": 1, "kind": "resync", "payload": {"text": "x" * (257 * 1024)}}, 413),
        ({"at_ms": 1, "kind": "resync"}, 422),
        ({"at_ms": 1, "kind": "ops"}, 422),
        (ops([-1, 0, "x"]), 422),
        (ops(*([0, 0, ""] for _ in range(2_001))), 422),
    ],
)
async def test_an_edit_that_does_not_fit_is_refused_and_the_draft_stays(
    client: httpx2.AsyncClient, stage: Json, edit: Json, status: int
) -> None:
    assert (await send(client, stage, 0, edit)).status_code == status
    kept = await draft_of(client, stage)
    assert (kept["seq"], kept["draft"]) == (0, stage["starter"])


async def test_what_was_typed_before_the_end_may_arrive_a_moment_later_but_not_much(
    client: httpx2.AsyncClient, stage: Json, clock: SteppingClock
) -> None:
    clock.at = stage["deadline_at"] + 5_000
    assert (await send(client, stage, 0, ops([0, 0, "x"]))).status_code == 200
    clock.pass_time(seconds=60)
    late = await send(client, stage, 1, ops([0, 0, "y"]))
    assert late.status_code == 409
    assert (await draft_of(client, stage))["draft"].startswith("x")
