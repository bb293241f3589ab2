"""Pages from templates: the Jinja environment, and the one function that renders with it."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.settings import CHECKOUT
from app.web.words import FILTERS

THEMES = frozenset({"light", "dark"})


def environment() -> Environment:
    """Templates that escape everything and refuse names that nobody passed."""
    templates = Environment(
        loader=FileSystemLoader(CHECKOUT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(FILTERS)
    return templates


def render(request: Request, name: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """A page. Every template knows request, nonce, theme (light, dark or empty), assets and judge."""
    parts = request.app.state.parts
    theme = request.cookies.get("theme", "")
    html = request.app.state.templates.get_template(name).render(
        request=request,
        nonce=request.scope["state"]["nonce"],
        theme=theme if theme in THEMES else "",
        assets=parts.assets,
        judge=parts.engine.judge,
        **context,
    )
    return HTMLResponse(html, status_code=status_code)
