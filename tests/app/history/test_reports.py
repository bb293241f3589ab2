"""The report of one stage: what each bug took, the marking of one's sentences, and where it leads."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from app.models import Member
from tests.app.fakes import SteppingClock
from tests.app.history.conftest import Sitting, telling

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
MINUTE = 60_000


async def page(client: httpx2.AsyncClient, sitting: Sitting) -> str:
    path = f"/attempts/{sitting.attempt['id']}/review"
    answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_each_bug_is_told_with_its_runs_hints_and_minutes(sitting: Sitting) -> None:
    bugs = await sitting.reveal()
    sitting.later(minutes=0.5)
    await sitting.edit(bugs[0]["bugged"], bugs[0]["clean"])
    await sitting.hint(2)
    await sitting.run(telling(fixed=0))
    await sitting.run(telling(fixed=1))
    await sitting.run(telling(fixed=1))
    await sitting.finish()
    told = await sitting.review()
    first, second = told["tallies"]
    assert (first["runs"], first["hints"], first["spent_ms"]) == (3, 0, MINUTE // 2)
    assert (second["runs"], second["hints"], second["cost_minutes"]) == (3, 1, 0)
    assert second["spent_ms"] == 0
    assert told["help"]["minutes"] == 1
    assert told["budget"] == {"runs": 3, "of": None}


async def test_before_the_key_is_told_no_minutes_no_ways_and_no_next_round(sitting: Sitting) -> None:
    await sitting.edit("return x", "return  x")
    await sitting.run(telling(fixed=1))
    told = await sitting.review()
    assert [tally["spent_ms"] for tally in told["tallies"]] == [None, None]
    assert [tally["touched_ms"] for tally in told["tallies"]] == [None, None]
    assert told["ways"] == []
    assert told["next"] is None


async def test_sentences_are_marked_beside_the_models_and_the_marks_are_shown(
    client: httpx2.AsyncClient, sitting: Sitting
) -> None:
    bugs = await sitting.reveal()
    await sitting.explain("Because.", sitting.line(bugs[0]["bugged"]))
    html = await page(client, sitting)
    (path,) = re.findall(r'action="(/stages/[^"]+/marks)"', html)
    assert f'data-marks="/api{path}"' in html
    assert 'value="true" checked' not in html
    answer = await client.post(path, data={"location": "true", "consequence": "true", "stage": "0"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/attempts/{sitting.attempt['id']}/review?stage=0#bugs"
    (one,) = (await sitting.review())["ledger"]
    assert one["marks"] == {"location": True, "mechanism": False, "consequence": True}
    html = await page(client, sitting)
    assert html.count('value="true" checked') == 2
    assert "location 1, mechanism 0, consequence 1" in html


async def test_nobody_else_marks(client: httpx2.AsyncClient, sitting: Sitting, new_client: Any) -> None:
    bugs = await sitting.reveal()
    await sitting.explain("Because.", sitting.line(bugs[0]["bugged"]))
    (path,) = re.findall(r'action="(/stages/[^"]+/marks)"', await page(client, sitting))
    other = await new_client()
    assert (await other.post(path, data={"location": "true"})).status_code == 404


async def test_another_round_keeps_the_mode_and_leads_to_a_drill(
    client: httpx2.AsyncClient, mock_sitting: Sitting
) -> None:
    await mock_sitting.run(telling(fixed=0))
    await mock_sitting.finish()
    html = await page(client, mock_sitting)
    forms = re.findall(r'<form method="post" action="/attempts">(.*?)</form>', html)
    assert len(forms) == 3
    for form in forms[:2]:
        assert 'name="mode" value="mock"' in form
        assert 'name="problem" value="tiny"' in form
    asked = dict(re.findall(r'name="(\w+)" value="([^"]*)"', forms[2]))
    assert asked["mode"] == "drill"
    assert asked["family"] in ("one", "two")
    answer = await client.post("/attempts", data=asked)
    assert answer.status_code == 303


async def test_a_drill_again_is_of_the_family_that_it_was_drawn_from(
    client: httpx2.AsyncClient, clock: SteppingClock, sandbox: Any
) -> None:
    families = set()
    for seed in range(6):
        asked = {"problem": "tiny", "mode": "drill", "family": "two", "seed": seed}
        attempt = (await client.post("/api/attempts", json=asked)).json()
        sitting = Sitting(client, attempt, clock, sandbox)
        await sitting.finish()
        told = await sitting.review()
        again = dict(
            re.findall(r'name="(\w+)" value="([^"]*)"', (await page(client, sitting)).split("The same")[0])
        )
        assert again["mode"] == "drill"
        (bug,) = told["bugs"]
        assert told["family"] in ("", bug["family"])
        families.add(told["family"])
    assert "two" in families


async def test_who_watches_sees_the_marks_and_can_not_set_them(
    client: httpx2.AsyncClient, sitting: Sitting, new_client: Any, site: Any
) -> None:
    bugs = await sitting.reveal()
    await sitting.explain("Because.", sitting.line(bugs[0]["bugged"]))
    watcher = await new_client()
    own = (await watcher.post("/api/attempts", json={"problem": "tiny"})).json()
    async with site.state.parts.db.write() as session:
        found = select(Member.user_id).where(Member.attempt_id == own["id"])
        user = await session.scalar(found)
        session.add(
            Member(
                attempt_id=sitting.attempt["id"], user_id=user, role="interviewer", position=1, joined_at=0
            )
        )
    html = await page(watcher, sitting)
    assert "<fieldset disabled>" in html
    (path,) = re.findall(r'action="(/stages/[^"]+/marks)"', html)
    assert (await watcher.post(path, data={"location": "true"})).status_code == 403
    assert "<fieldset disabled>" not in await page(client, sitting)
