"""The only file that knows all parts: builds the app from its settings."""

from __future__ import annotations

from fastapi import FastAPI

from app.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The site, ready for a server; nothing is global."""
    app = FastAPI(title="Overfit", version="0.1.0")
    app.state.settings = settings
    return app
