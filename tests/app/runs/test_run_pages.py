"""A run's verdict as a piece of a page."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.app.fakes import BUG_IDS, FakeSandbox, waiting

pytestmark = pytest.mark.anyio


async def ended(client: httpx2.AsyncClient, stage: dict[str, Any]) -> str:
    """A run of the stage, followed to its end."""
    run = (await client.post(f"/api/stages/{stage['id']}/runs", json={"code": "print()"})).json()
    await client.get(run["events"])
    run_id: str = run["id"]
    return run_id


async def test_a_verdict_is_served_as_words_in_two_columns(
    client: httpx2.AsyncClient, stage: dict[str, Any]
) -> None:
    piece = await client.get(f"/runs/{await ended(client, stage)}/verdict")
    assert piece.status_code == 200
    assert piece.text.index("What the interviewer saw") < piece.text.index("What is true")
    assert "<html" not in piece.text


async def test_a_verdict_names_no_bug_before_the_reveal(
    client: httpx2.AsyncClient, stage: dict[str, Any]
) -> None:
    piece = (await client.get(f"/runs/{await ended(client, stage)}/verdict")).text
    assert not any(name in piece for name in BUG_IDS)


async def test_a_run_that_goes_on_has_no_verdict_yet(
    client: httpx2.AsyncClient, stage: dict[str, Any], sandbox: FakeSandbox
) -> None:
    sandbox.script = waiting
    run = (await client.post(f"/api/stages/{stage['id']}/runs", json={"code": "print()"})).json()
    assert (await client.get(f"/runs/{run['id']}/verdict")).status_code == 404


async def test_somebody_else_sees_no_verdict(
    new_client: Any, client: httpx2.AsyncClient, stage: dict[str, Any]
) -> None:
    run_id = await ended(client, stage)
    stranger = await new_client()
    assert (await stranger.get(f"/runs/{run_id}/verdict")).status_code == 404
