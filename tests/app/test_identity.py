"""Identity: a signed cookie on the first visit, a key of its own, a row on the first change."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.identity import COOKIE, Identities, Visitor, secret_key
from app.models import User

pytestmark = pytest.mark.anyio


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    key = secret_key(tmp_path)
    assert len(key) >= 32
    assert secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("cookie", [None, "", "x", "Im1lIg.forged", "é"])
def test_a_cookie_that_is_not_ours_makes_a_new_person(cookie: str | None) -> None:
    visitor = Identities(b"key", secure=False).visitor(cookie)
    assert visitor.given


def test_a_cookie_signed_with_another_key_is_not_ours() -> None:
    theirs = Identities(b"other", secure=False).set_cookie(Visitor("somebody"))
    cookie = theirs.split(";")[0].split("=", 1)[1]
    assert Identities(b"key", secure=False).visitor(cookie).user_id != "somebody"


async def test_the_first_answer_brings_the_cookie_and_the_next_do_not(client: httpx2.AsyncClient) -> None:
    first = await client.get("/api/me")
    assert "HttpOnly" in first.headers["set-cookie"]
    assert "SameSite=Lax" in first.headers["set-cookie"]
    assert "set-cookie" not in (await client.get("/api/me")).headers


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/static/js/app.js"])
async def test_machines_and_files_get_no_cookie(client: httpx2.AsyncClient, path: str) -> None:
    assert "set-cookie" not in (await client.get(path)).headers


async def test_reading_makes_no_row_and_the_first_change_does(
    site: FastAPI, client: httpx2.AsyncClient
) -> None:
    async def rows() -> Any:
        async with site.state.parts.db.read() as session:
            return await session.scalar(select(func.count()).select_from(User))

    await client.get("/api/me")
    assert await rows() == 0
    await client.post("/api/attempts", json={"problem": "tiny"})
    assert await rows() == 1
    assert client.cookies.get(COOKIE)
