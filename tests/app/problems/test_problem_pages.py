"""The page of problems: how much there is, and not what."""

from __future__ import annotations

import httpx2
import pytest

from app.settings import Settings
from tests.app.fakes import BUG_IDS

pytestmark = pytest.mark.anyio


async def test_a_problem_is_counted_and_its_tiers_are_told_in_words(
    client: httpx2.AsyncClient, settings: Settings
) -> None:
    valid = settings.problems / "tiny" / "valid"
    valid.mkdir()
    for name in ("one", "two", "three"):
        (valid / f"{name}.py").write_text("# right\n")
    page = (await client.get("/problems", headers={"accept": "text/html"})).text
    assert "<dd>4 <small>of 2 families</small></dd>" in page
    assert "<dd>3 <small>written otherwise" in page
    assert "Two bugs." in page
    assert page.count('action="/attempts"') == 3


async def test_no_bug_is_named(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/problems", headers={"accept": "text/html"})).text
    assert not [name for name in BUG_IDS if name in page or f"Title of {name}" in page]
