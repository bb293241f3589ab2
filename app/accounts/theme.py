"""The theme as a cookie, which the server reads so that a page comes in it from the first byte."""

from __future__ import annotations

from typing import Literal

from starlette.responses import Response

from app.identity import COOKIE_SECONDS

Theme = Literal["light", "dark", "system"]


def keep_theme(response: Response, theme: Theme | None, *, secure: bool) -> None:
    """Have the browser keep a theme; `system` and none forget it."""
    if theme in ("light", "dark"):
        response.set_cookie("theme", theme, max_age=COOKIE_SECONDS, samesite="lax", secure=secure)
    else:
        response.delete_cookie("theme")
