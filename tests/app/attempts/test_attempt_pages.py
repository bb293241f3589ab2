"""The workspace as the server writes it, and the form that opens an attempt."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import pytest

from tests.app.fakes import BUG_IDS, SteppingClock

pytestmark = pytest.mark.anyio


def facts(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', page, re.S)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


async def test_the_workspace_carries_the_draft_without_scripts_too(
    client: httpx2.AsyncClient, attempt: dict[str, Any]
) -> None:
    page = await client.get(attempt["url"])
    assert page.status_code == 200
    starter = attempt["stages"][0]["starter"]
    assert starter.splitlines()[0].replace('"', "&#34;") in page.text
    assert facts(page.text)["attempt"]["stages"][0]["draft"] == starter


async def test_the_workspace_names_no_bug(client: httpx2.AsyncClient, attempt: dict[str, Any]) -> None:
    page = (await client.get(attempt["url"])).text
    for name in BUG_IDS:
        assert name not in page
        assert f"Title of {name}" not in page


async def test_the_libraries_come_from_the_cdn_with_their_hashes(
    client: httpx2.AsyncClient, attempt: dict[str, Any]
) -> None:
    told = facts((await client.get(attempt["url"])).text)
    loader = told["monaco"]["loader"]
    assert loader["src"].startswith("https://cdn.jsdelivr.net/npm/monaco-editor@")
    assert loader["integrity"].startswith("sha384-")


async def test_somebody_else_finds_nothing_there(new_client: Any, attempt: dict[str, Any]) -> None:
    stranger = await new_client()
    answer = await stranger.get(attempt["url"], headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "There is nothing here, or it is not yours." in answer.text


async def test_the_form_opens_an_attempt_and_goes_there(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/attempts",
        data={"tier": "reported", "problem": "tiny", "seed": "7", "marks": "off", "minutes": "none"},
    )
    assert answer.status_code == 303
    attempt = (await client.get(f"/api{answer.headers['location']}")).json()
    assert (attempt["seed"], attempt["marks"], attempt["minutes"]) == (7, False, None)


@pytest.mark.parametrize(
    "field", [{"seed": "many"}, {"minutes": "0"}, {"seed": "99999999999"}, {"seed": "9" * 5000}]
)
async def test_a_form_that_was_tampered_with_is_refused_in_words(
    client: httpx2.AsyncClient, field: dict[str, str]
) -> None:
    answer = await client.post(
        "/attempts", data={"problem": "tiny", **field}, headers={"accept": "text/html"}
    )
    assert answer.status_code == 422
    assert "<h1>" in answer.text


async def test_what_concerns_no_field_alone_is_said_in_words(client: httpx2.AsyncClient) -> None:
    asked = {"problem": "tiny", "stages": "debug debug"}
    answer = await client.post("/attempts", data=asked, headers={"accept": "text/html"})
    assert "<h1>A stage can be had once.</h1>" in re.sub(r"\s+", " ", answer.text)


async def test_an_hour_keeps_its_last_eight_minutes(
    client: httpx2.AsyncClient, attempt: dict[str, Any]
) -> None:
    page = (await client.get(attempt["url"])).text
    assert facts(page)["kept_ms"] == 8 * 60_000
    assert "last 8 min to verify" in page


async def test_time_that_the_clock_stood_still_makes_the_kept_minutes_no_longer(
    client: httpx2.AsyncClient, attempt: dict[str, Any], clock: SteppingClock
) -> None:
    await client.post(f"/api/attempts/{attempt['id']}/pause")
    page = (await client.get(attempt["url"])).text
    assert "stopped" in page and "no limit" not in page
    clock.pass_time(seconds=5 * 60 * 60)
    await client.post(f"/api/attempts/{attempt['id']}/resume")
    assert facts((await client.get(attempt["url"])).text)["kept_ms"] == 8 * 60_000


async def test_only_a_stage_with_bugs_offers_hints_and_a_reveal(client: httpx2.AsyncClient) -> None:
    for asked, has_bugs in (({}, True), ({"mode": "scratch"}, False)):
        attempt = (await client.post("/api/attempts", json={"problem": "tiny", **asked})).json()
        page = (await client.get(attempt["url"])).text
        assert ('data-command="reveal"' in page) is has_bugs
        assert ("There are no hints in this part" in page) is not has_bugs
