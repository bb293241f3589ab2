"""Security headers: on every answer, with a nonce that is new each time and no host that isn't needed."""

from __future__ import annotations

import re

import httpx2
import pytest

from app.web.headers import content_security_policy

pytestmark = pytest.mark.anyio


def nonce_of(answer: httpx2.Response) -> str:
    found = re.search(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
    assert found
    return found[1]


@pytest.mark.parametrize("path", ["/healthz", "/api/attempts/nothing", "/static/js/app.js", "/no-such-page"])
async def test_every_answer_carries_the_headers(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


async def test_the_nonce_is_another_one_each_time(client: httpx2.AsyncClient) -> None:
    assert nonce_of(await client.get("/healthz")) != nonce_of(await client.get("/healthz"))


def test_local_assets_need_no_host_and_the_cdn_only_exact_packages() -> None:
    assert "https:" not in content_security_policy("n", origins=())
    policy = content_security_policy("n", origins=("https://cdn.example/npm/monaco-editor@0.57.0/",))
    hosts = set(re.findall(r"https:[^ ;]+", policy))
    assert hosts == {"https://cdn.example/npm/monaco-editor@0.57.0/"}
    assert "script-src 'self' 'nonce-n' https://cdn.example/npm/monaco-editor@0.57.0/;" in policy
