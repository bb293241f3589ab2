"""The first page."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio


async def test_a_newcomer_is_told_what_will_happen_and_gets_one_primary_button(
    client: httpx2.AsyncClient,
) -> None:
    page = (await client.get("/")).text
    assert page.count("btn primary") == 1
    assert "Start a round" in page
    assert "Warm-up" in page
    assert "Last attempts" not in page


async def test_what_is_under_way_can_be_resumed(client: httpx2.AsyncClient, attempt: dict[str, Any]) -> None:
    page = (await client.get("/")).text
    assert f'href="{attempt["url"]}" id="resume"' in page
    assert "Last attempts" in page


async def test_the_theme_is_in_the_first_byte_of_the_page(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/", headers={"cookie": "theme=dark"})).text
    assert '<html lang="en" data-theme="dark">' in page
