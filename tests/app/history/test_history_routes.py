"""The history over HTTP: rows, filters, search and paging, and nothing in them before its time."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.app.fakes import FakeSandbox, SteppingClock, passing
from tests.app.history.conftest import Sitting, telling

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def find(client: httpx2.AsyncClient, **asked: Any) -> list[Json]:
    answer = await client.get("/api/history", params=asked)
    assert answer.status_code == 200, answer.text
    rows: list[Json] = answer.json()["attempts"]
    return rows


async def test_a_row_says_what_the_interviewer_saw_and_what_is_true(
    client: httpx2.AsyncClient, sitting: Sitting
) -> None:
    sitting.later(minutes=2)
    await sitting.run(telling(fixed=1))
    await sitting.finish()
    (row,) = await find(client)
    assert row["saw"] == {"passed": 2, "of": 2}
    assert row["true"] == {"held": 1, "of": 2}
    assert (row["fixed"], row["bug_count"], row["runs"], row["seconds"]) == (1, 2, 1, 120)
    assert row["loss"] == [3.0, 0.2]
    assert row["url"] == f"/attempts/{row['id']}/review"


async def test_an_open_attempt_leads_back_to_its_workspace_with_the_time_left(
    client: httpx2.AsyncClient, sitting: Sitting
) -> None:
    sitting.later(minutes=20)
    (row,) = await find(client)
    assert row["state"] == "open"
    assert row["left_seconds"] == 40 * 60
    assert row["saw"] is row["true"] is row["fixed"] is None
    assert row["url"] == f"/attempts/{row['id']}"


async def test_an_open_mock_shows_no_verdict_no_seed_and_no_count_nor_can_they_be_searched(
    client: httpx2.AsyncClient, mock_sitting: Sitting
) -> None:
    await mock_sitting.run(telling(fixed=1))
    (row,) = await find(client)
    assert row["saw"] is row["true"] is row["fixed"] is row["seed"] is row["bug_count"] is None
    for result in ("passed", "lied", "failed"):
        assert await find(client, result=result) == []
    assert len(await find(client, result="unjudged")) == 1
    await mock_sitting.finish()
    seed = (await find(client))[0]["seed"]
    assert len(await find(client, q=str(seed))) == 1
    assert len(await find(client, result="lied")) == 1


async def test_results_are_told_apart(
    client: httpx2.AsyncClient, clock: SteppingClock, sandbox: FakeSandbox
) -> None:
    scripts = {
        "passed": passing,
        "lied": telling(fixed=1),
        "failed": telling(fixed=1, criteria=False),
        "unjudged": None,
    }
    ids = {}
    for result, script in scripts.items():
        attempt = (await client.post("/api/attempts", json={"problem": "tiny", "minutes": None})).json()
        ids[result] = attempt["id"]
        if script is not None:
            await Sitting(client, attempt, clock, sandbox).run(script)
    for result, attempt_id in ids.items():
        assert [row["id"] for row in await find(client, result=result)] == [attempt_id]
    totals = (await client.get("/api/history")).json()["totals"]
    assert totals == {
        "attempts": 4,
        "since": clock.now(),
        "judged": 3,
        "passed": 1,
        "lied": 1,
        "runs": 3,
    }


async def test_state_and_tier_narrow_the_list(client: httpx2.AsyncClient, sitting: Sitting) -> None:
    await sitting.finish()
    await client.post("/api/attempts", json={"problem": "tiny", "tier": "warm-up"})
    assert [row["tier"] for row in await find(client, state="open")] == ["warm-up"]
    assert [row["state"] for row in await find(client, tier="reported")] == ["abandoned"]
    assert await find(client, tier="none") == []


async def test_search_finds_the_ledger_and_bugs_once_they_are_told(
    client: httpx2.AsyncClient, sitting: Sitting
) -> None:
    await sitting.explain("Targets move by 100% of one.")
    for term in ("targets MOVE", "100%", "tiny", "reported"):
        assert len(await find(client, q=term)) == 1
    assert await find(client, q="101%") == []
    bug = (await sitting.reveal())[0]["id"]
    assert len(await find(client, q=bug)) == 1


async def test_a_bugs_name_finds_nothing_before_it_is_told(
    client: httpx2.AsyncClient, sitting: Sitting
) -> None:
    for name in ("added", "twice", "halved", "squared", "never"):
        assert await find(client, q=name) == []


async def test_pages_follow_each_other_without_gap_or_repeat(
    client: httpx2.AsyncClient, clock: SteppingClock
) -> None:
    made = []
    for number in range(7):
        made.append((await client.post("/api/attempts", json={"problem": "tiny"})).json()["id"])
        clock.pass_time(seconds=number % 2)  # some are of the same moment
    seen: list[str] = []
    before = ""
    while True:
        page = (await client.get("/api/history", params={"limit": 3, "before": before})).json()
        assert page["matching"] == 7
        seen += [row["id"] for row in page["attempts"]]
        if page["next"] is None:
            break
        before = page["next"]
    assert sorted(seen) == sorted(made)
    assert len(set(seen)) == 7


async def test_somebody_elses_attempts_are_not_in_the_list(attempt: Json, new_client: Any) -> None:
    other = await new_client()
    page = (await other.get("/api/history")).json()
    assert page["attempts"] == []
    assert page["totals"]["attempts"] == 0


@pytest.mark.parametrize(
    "asked", [{"state": "lost"}, {"result": "won"}, {"limit": 0}, {"limit": 101}, {"before": "here"}]
)
async def test_what_cannot_be_asked_is_refused_with_a_reason(client: httpx2.AsyncClient, asked: Json) -> None:
    answer = await client.get("/api/history", params=asked)
    assert answer.status_code == 422
    assert answer.json()["error"]
