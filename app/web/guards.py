"""What is refused before any route sees it: other hosts, other sites' requests, bodies that are too long."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Forbidden, OverfitError, TooLarge, WrongHost
from app.web.envelope import answer

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})

Check = Callable[[Request], None]


def check_host(request: Request) -> None:
    """Names that are not ours mean that somebody's DNS points at us: what they send is not for us.

    Raises:
        WrongHost: the Host header is not on the allow-list.
    """
    host = _hostname(request.headers.get("host", ""))
    if host not in LOOPBACK and host not in request.app.state.parts.settings.allowed_hosts:
        raise WrongHost(
            "This server doesn't go by that name.",
            hint="Its operator can add the name to OVERFIT_HOSTS.",
        )


def check_origin(request: Request) -> None:
    """A change of state must come from a page of this site, or from a program that isn't a browser.

    Raises:
        Forbidden: another site's page sent it.
    """
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    same = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    if not same or (origin is None and site not in OWN_SITE):
        raise Forbidden("This came from another site's page.", hint="Do it from a page of this one.")


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


class Guards:
    """ASGI middleware: checks the host, the origin and the body's length, and answers refusals itself."""

    def __init__(self, app: ASGIApp, *, body_bytes: int) -> None:
        self._app = app
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            check_host(request)
            check_origin(request)
            whole = receive if request.method in SAFE_METHODS else await self._read(request)
        except OverfitError as error:
            await answer(request, error)(scope, receive, send)
            return
        await self._app(scope, whole, send)

    async def _read(self, request: Request) -> Receive:
        """The body, read here and handed on, so that one that is too long is refused while it comes."""
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._body_bytes:
            raise self._too_large(request)
        messages: list[Message] = []
        length, more = 0, True
        while more:
            message = await request.receive()
            messages.append(message)
            length += len(message.get("body", b""))
            if length > self._body_bytes:
                raise self._too_large(request)
            more = message["type"] == "http.request" and message.get("more_body", False)
        messages.reverse()

        async def replay() -> Message:
            return messages.pop() if messages else await request.receive()

        return replay

    def _too_large(self, request: Request) -> TooLarge:
        source_kb = request.app.state.parts.settings.source_kb
        return TooLarge(
            f"More than {self._body_bytes >> 10} KiB came in one request.",
            hint=f"A source may have {source_kb} KiB. Nothing of this was stored.",
        )
