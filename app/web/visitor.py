"""Reads who asks from the cookie, and hands the cookie out with the first page or change of state."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.identity import COOKIE, Identities

ANONYMOUS = ("/static/", "/healthz", "/readyz", "/metrics")  # read by programs, which need no identity


class Visitors:
    """ASGI middleware: `scope["state"]["visitor"]` is who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ANONYMOUS):
            await self._app(scope, receive, send)
            return
        identities: Identities = scope["app"].state.parts.identities
        visitor = identities.visitor(Request(scope).cookies.get(COOKIE))
        scope.setdefault("state", {})["visitor"] = visitor

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and visitor.given:
                MutableHeaders(scope=message).append("set-cookie", identities.set_cookie(visitor))
            await send(message)

        await self._app(scope, receive, with_cookie)
