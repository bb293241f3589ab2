"""The pages about oneself, without scripts: theme, recovery, deletion."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

HTML = {"accept": "text/html"}


async def test_the_page_says_what_is_recorded_and_who_else_sees_an_address(
    client: httpx2.AsyncClient, site: Any
) -> None:
    page = (await client.get("/me", headers=HTML)).text
    assert "each edit as it is typed, the line of the cursor, and the times of both" in page
    on_cdn = bool(site.state.parts.assets.origins)
    assert ("its operator sees your network address" in page) is on_cdn
    assert "nothing is kept of you yet" in page


async def test_a_theme_is_kept_and_forgotten(client: httpx2.AsyncClient) -> None:
    for theme, expected in (("dark", 'data-theme="dark"'), ("system", '<html lang="en">')):
        answer = await client.post("/me/theme", data={"theme": theme})
        assert answer.status_code == 303
        assert expected in (await client.get("/me", headers=HTML)).text


async def test_a_recovery_link_opens_the_attempts_in_another_browser_after_a_question(
    client: httpx2.AsyncClient, attempt: Any, new_client: Any
) -> None:
    page = (await client.post("/me/recovery", headers=HTML)).text
    (link,) = re.findall(r'id="recovery-link">http://localhost(/recover/[^<]+)<', page)
    assert link not in (await client.get("/me", headers=HTML)).text
    other = await new_client()
    asked = await other.get(link, headers=HTML)
    assert "Open your attempts here?" in asked.text
    assert (await other.get("/api/history")).json()["totals"]["attempts"] == 0
    assert (await other.post(link)).status_code == 303
    assert (await other.get("/api/history")).json()["totals"]["attempts"] == 1


async def test_a_link_that_opens_nothing_says_so(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"/recover/{'a' * 43}", headers=HTML)
    assert answer.status_code == 404
    assert "This link opens no account." in answer.text


async def test_who_has_attempts_is_told_what_becomes_of_them(
    client: httpx2.AsyncClient, attempt: Any
) -> None:
    page = (await client.get(f"/recover/{'a' * 43}", headers=HTML)).text
    assert "It has 1 attempt of its own" in page


async def test_a_deletion_is_asked_once_more_and_then_all_is_gone(
    client: httpx2.AsyncClient, attempt: Any
) -> None:
    assert "1 attempt and 0 runs go now" in (await client.get("/me/delete", headers=HTML)).text
    assert (await client.get("/api/history")).json()["totals"]["attempts"] == 1
    assert (await client.post("/me/delete")).status_code == 303
    assert (await client.get("/api/history")).json()["totals"]["attempts"] == 0


async def test_another_sites_page_can_delete_nothing(client: httpx2.AsyncClient, attempt: Any) -> None:
    answer = await client.post("/me/delete", headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert (await client.get("/api/history")).json()["totals"]["attempts"] == 1
