"""Security headers on every answer: a strict content policy with a fresh nonce, nothing kept in caches."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FIXED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def content_security_policy(nonce: str, *, origins: Sequence[str]) -> str:
    """The policy under which Monaco, its worker and its fonts load, and nothing else does.

    `origins` are exact packages on the CDN, none when the libraries are local. Monaco writes style
    elements (hence 'unsafe-inline' for styles alone), starts its worker from a blob and carries its icon
    font in a data address.
    """
    cdn = "".join(f" {origin}" for origin in origins)
    return "; ".join(
        (
            "default-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "connect-src 'self'",
            "img-src 'self' data:",
            f"script-src 'self' 'nonce-{nonce}'{cdn}",
            f"style-src 'self' 'unsafe-inline'{cdn}",
            f"font-src 'self' data:{cdn}",
            "worker-src 'self' blob:",
        )
    )


class SecurityHeaders:
    """ASGI middleware: puts a nonce in the request's state and the headers on its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in FIXED.items():
                    headers.setdefault(name, value)
                origins = scope["app"].state.parts.assets.origins
                headers["content-security-policy"] = content_security_policy(nonce, origins=origins)
                static = scope["path"].startswith("/static/")
                headers.setdefault("cache-control", "no-cache" if static else "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)
