"""The pages of what has been: whole without scripts, and silent about what is not told yet."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from sandbox import Event, Job, Outcome
from tests.app.fakes import BUG_IDS, Emit, SteppingClock, passing, verdict
from tests.app.history.conftest import Sitting, telling

pytestmark = pytest.mark.anyio

TOLD = [word for name in BUG_IDS for word in (name, f"Title of {name}", f"why of {name}")]


async def page(client: httpx2.AsyncClient, path: str, **asked: Any) -> str:
    answer = await client.get(path, params=asked or None, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    assert " style=" not in answer.text
    return answer.text


async def test_a_history_without_attempts_says_how_to_begin(client: httpx2.AsyncClient) -> None:
    html = await page(client, "/history")
    assert "Nothing is here yet." in html
    assert "<table" not in html


async def test_the_list_shows_both_verdicts_and_leads_to_the_review(
    client: httpx2.AsyncClient, sitting: Sitting
) -> None:
    await sitting.run(telling(fixed=1))
    await sitting.finish()
    html = await page(client, "/history")
    assert f'href="/attempts/{sitting.attempt["id"]}/review"' in html
    assert "2 of 2" in html
    assert "1 of 2" in html


async def test_filters_stay_chosen_and_older_pages_keep_them(
    client: httpx2.AsyncClient, clock: SteppingClock
) -> None:
    for _ in range(3):
        await client.post("/api/attempts", json={"problem": "tiny"})
        clock.pass_time(seconds=1)
    html = await page(client, "/history", state="open", q="tiny", limit=2)
    assert '<option value="open" selected>' in html
    assert 'value="tiny"' in html
    (older,) = re.findall(r'href="(/history\?[^"]*before=[^"]*)"', html)
    assert "state=open" in older
    rest = await page(client, older.replace("&amp;", "&"))
    assert "1 of 3" in rest


async def test_a_search_without_result_offers_the_way_back(client: httpx2.AsyncClient, attempt: Any) -> None:
    html = await page(client, "/history", q="<nothing>")
    assert "No attempt is like that." in html
    assert "&lt;nothing&gt;" in html


async def test_a_filter_that_there_is_not_is_a_page_that_says_so(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/history?state=lost", headers={"accept": "text/html"})
    assert answer.status_code == 422
    assert "<h1>" in answer.text


async def test_a_finished_review_tells_everything(client: httpx2.AsyncClient, sitting: Sitting) -> None:
    await sitting.hint(1)
    await sitting.run(telling(fixed=1), kind="run")
    await sitting.finish()
    html = await page(client, f"/attempts/{sitting.attempt['id']}/review")
    assert "<h1>One of two, and the loss lied.</h1>" in html
    for bug in await sitting.reveal():
        assert bug["title"] in html
        assert bug["why"] in html
    assert "first hint" in html
    assert "What the interviewer saw" in html
    assert "Changing token 3 moved the logits at position 2 by <b>0.140</b>." in html


async def test_an_open_practice_shows_numbered_slots_and_no_name(
    client: httpx2.AsyncClient, sitting: Sitting
) -> None:
    await sitting.run(telling(fixed=1))
    html = await page(client, f"/attempts/{sitting.attempt['id']}/review")
    assert "Bug 1" in html
    assert "Bug 2" in html
    assert not [word for word in TOLD if word in html]
    assert "Clean program" not in html


async def test_an_open_mock_shows_no_verdict_and_no_count(
    client: httpx2.AsyncClient, mock_sitting: Sitting
) -> None:
    await mock_sitting.run(passing)
    html = await page(client, f"/attempts/{mock_sitting.attempt['id']}/review")
    assert "told after the end" in html
    assert not [word for word in TOLD if word in html]
    for word in ("Bug 1", "2 of 2", "All of it holds", "seed"):
        assert word not in html


async def pictured(job: Job, emit: Emit) -> Outcome:
    """A verdict with the numbers of a picture."""
    found = verdict(job, outcome="failed")
    found["properties"][0]["data"] = {"chars": ["a"], "matrix": [[0.5]], "tolerance": 1e-6}
    await emit(Event("property", found["properties"][0]))
    return Outcome(verdict=found, level="namespaces")


async def test_a_mock_shows_its_pictures_after_the_end_alone(
    client: httpx2.AsyncClient, mock_sitting: Sitting
) -> None:
    await mock_sitting.run(pictured)
    url = f"/attempts/{mock_sitting.attempt['id']}"
    (run,) = (await client.get(f"/api{url}")).json()["stages"][0]["runs"]
    paths = (url, f"{url}/review", f"/runs/{run['id']}/verdict", f"/api/runs/{run['id']}/events")
    for path in paths:
        answer = (await client.get(path)).text
        assert "What each position can see" not in answer, path
        assert "matrix" not in answer, path
    await mock_sitting.finish()
    assert "What each position can see" in await page(client, f"{url}/review")


async def test_each_comparison_has_its_address(client: httpx2.AsyncClient, sitting: Sitting) -> None:
    await sitting.edit("def third(x):", "def third(y):")
    await sitting.run(telling(fixed=0))
    await sitting.finish()
    url = f"/attempts/{sitting.attempt['id']}/review"
    assert "From the starter to run 1" in await page(client, url, step="run-1")
    assert "From the last draft to the clean program" in await page(client, url, step="clean")
    answer = await client.get(url, params={"step": "run-9"}, headers={"accept": "text/html"})
    assert answer.status_code == 404


async def test_somebody_elses_review_is_a_page_that_says_that_there_is_nothing(
    attempt: Any, new_client: Any
) -> None:
    other = await new_client()
    answer = await other.get(f"/attempts/{attempt['id']}/review", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "There is nothing here, or it is not yours." in answer.text


async def test_what_was_typed_is_text_and_never_markup(client: httpx2.AsyncClient, sitting: Sitting) -> None:
    await sitting.edit("def third", "# <script>alert(1)</script>\ndef third")
    await sitting.explain("<img src=x>")
    await sitting.run(telling(fixed=0))
    html = await page(client, f"/attempts/{sitting.attempt['id']}/review")
    assert "<script>alert" not in html
    assert "<img" not in html
