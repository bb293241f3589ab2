"""What one running app consists of; the lifespan builds it, routes get it from the request."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from app.assets import Assets
from app.catalog import Catalog
from app.clock import Clock
from app.db import Database
from app.engine.engine import Engine
from app.identity import Identities
from app.metrics import Metrics
from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts, each made once."""

    settings: Settings
    clock: Clock
    db: Database
    catalog: Catalog
    engine: Engine
    identities: Identities
    metrics: Metrics
    assets: Assets


def parts_of(request: Request) -> Parts:
    """The parts of the app that answers this request."""
    parts: Parts = request.app.state.parts
    return parts
