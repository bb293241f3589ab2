"""Errors: one envelope for programs, whatever went wrong; the process lives on."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.app.conftest import BASE

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/api/nothing", None, 404),
        ("PUT", "/api/attempts", None, 405),
        ("POST", "/api/attempts", b"{not json", 422),
        ("POST", "/api/attempts", b"\xff\xfe", 422),
        ("POST", "/api/attempts", b"[]", 422),
        ("POST", "/api/attempts", b'{"\\ud800": 1}', 422),
        ("POST", "/api/me/preferences", b'{"x": "\\ud800"}', 422),
        ("GET", "/api/attempts/" + "x" * 200, None, 422),
    ],
)
async def test_whatever_is_wrong_comes_in_the_envelope(
    client: httpx2.AsyncClient, method: str, path: str, content: bytes | None, status: int
) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    body = answer.json()
    assert body["ok"] is False
    assert body["status"] == status
    assert body["error"]


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [("/nothing", "localhost", 404), ("/attempts/nothing", "localhost", 404), ("/", "evil.example", 421)],
)
async def test_who_opened_an_address_gets_a_page(
    client: httpx2.AsyncClient, path: str, host: str, status: int
) -> None:
    answer = await client.get(path, headers={"accept": "text/html,*/*;q=0.8", "host": host})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1" in answer.text


async def test_a_full_disk_is_said_and_the_server_goes_on(site: FastAPI, client: httpx2.AsyncClient) -> None:
    db = site.state.parts.db
    async with db.write() as session:
        pages = await session.scalar(text("PRAGMA page_count"))
        await session.execute(text(f"PRAGMA max_page_count = {pages}"))
    answers = [await client.post("/api/attempts", json={"problem": "tiny"}) for _ in range(8)]
    full = answers[-1]
    assert full.status_code == 503
    assert "disk is full" in full.json()["error"]
    async with db.write() as session:
        await session.execute(text("PRAGMA max_page_count = 1000000"))
    assert (await client.post("/api/attempts", json={"problem": "tiny"})).status_code == 201


async def test_what_nobody_expected_is_a_500_without_its_insides(site: FastAPI) -> None:
    @site.get("/api/breaks")
    async def breaks() -> None:
        raise RuntimeError("the password is swordfish")

    transport = httpx2.ASGITransport(app=site)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.get("/api/breaks")
    assert answer.status_code == 500
    assert "swordfish" not in answer.text
    assert "content-security-policy" in answer.headers
