"""Answers errors: one envelope as JSON, or a page for people who opened an address."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from jinja2 import TemplateNotFound
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db import is_full
from app.engine.plain import plain_text
from app.errors import BadInput, Forbidden, NotFound, OverfitError, Unavailable
from app.web.templating import render

logger = structlog.get_logger(__name__)


class MethodNotAllowed(OverfitError):
    status = 405


def install(app: FastAPI) -> None:
    """Have every error that leaves a route answered here."""
    app.add_exception_handler(OverfitError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _store)


def answer(request: Request, error: OverfitError) -> Response:
    """The error as the asker wants it."""
    if _wants_page(request):
        try:
            return render(
                request,
                f"errors/{error.status}.html" if error.status in (404, 500) else "errors/error.html",
                status_code=error.status,
                error=error,
            )
        except TemplateNotFound:
            logger.warning("no page for this error", status=error.status)
    return JSONResponse(error.envelope(), status_code=error.status)


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, OverfitError)
    return answer(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [_field(problem) for problem in error.errors()]
    hint = "; ".join(f"{field['field']}: {field['problem']}" for field in fields[:5])
    return answer(request, BadInput("What was sent can't be used.", hint=hint, fields=fields))


def _field(problem: dict[str, Any]) -> dict[str, str]:
    place = [str(part) for part in problem["loc"] if part != "body"]
    return {"field": plain_text(".".join(place)) or "body", "problem": plain_text(problem["msg"])}


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known: OverfitError
    if error.status_code == 404:
        known = NotFound("There is nothing at this address.", hint="The lobby is at /.")
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        known = MethodNotAllowed("This address doesn't take that method.", hint=f"It takes {allowed}.")
    elif error.status_code == 403:
        known = Forbidden(str(error.detail))
    else:
        known = BadInput(str(error.detail), hint="Send JSON with the header content-type: application/json.")
    response = answer(request, known)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _store(request: Request, error: Exception) -> Response:
    if is_full(error):
        folder = request.app.state.parts.settings.data
        return answer(
            request,
            Unavailable(
                "The disk is full: this could not be written down.",
                hint=f"Free some room where {folder} is, then try again. What you typed is kept in this tab.",
            ),
        )
    return await _unknown(request, error)


async def _unknown(request: Request, error: Exception) -> Response:
    logger.error("a request broke", path=request.url.path, exc_info=error)
    return answer(request, OverfitError("Something broke on our side.", hint="Try again; the log says more."))


class Unexpected:
    """ASGI middleware: answers what nobody expected, inside the security headers and not around them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            await (await _unknown(Request(scope, receive), error))(scope, receive, send)
