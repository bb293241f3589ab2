"""What is refused at the door: other hosts, other sites, long bodies; and that refusals are whole answers."""

from __future__ import annotations

import httpx2
import pytest

pytestmark = pytest.mark.anyio

NEW = {"problem": "tiny"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1"])
async def test_loopback_names_are_served(client: httpx2.AsyncClient, host: str) -> None:
    assert (await client.get("/healthz", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.evil", "[::1"])
async def test_other_names_get_421_with_security_headers(client: httpx2.AsyncClient, host: str) -> None:
    answer = await client.get("/healthz", headers={"host": host})
    assert answer.status_code == 421
    assert answer.json()["hint"]
    assert "set-cookie" not in answer.headers
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_change_that_comes_from_another_site_is_refused(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await client.post("/api/attempts", json=NEW, headers=headers)).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"origin": "http://localhost"}, {"sec-fetch-site": "same-origin"}])
async def test_a_change_that_comes_from_here_or_from_a_program_is_taken(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await client.post("/api/attempts", json=NEW, headers=headers)).status_code == 201


async def test_a_body_that_says_it_is_long_is_refused_before_it_is_read(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/attempts", content=b"x" * (2 << 20))
    assert answer.status_code == 413
    assert answer.json()["ok"] is False
