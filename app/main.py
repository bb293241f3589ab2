"""The only file that knows all parts: builds the app from its settings."""

from __future__ import annotations

import ipaddress
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

import app.accounts.pages
import app.accounts.routes
import app.attempts.pages
import app.attempts.routes
import app.complexity.pages
import app.complexity.routes
import app.history.pages
import app.history.routes
import app.lobby.pages
import app.problems.pages
import app.runs.pages
import app.runs.routes
from app import assets
from app.catalog import load_catalog
from app.clock import Clock, SystemClock
from app.db import Database
from app.engine.engine import Engine
from app.engine.judge import Judge, limits, local_judge, slots
from app.engine.worker import Examiner
from app.errors import SetupError
from app.identity import Identities, secret_key
from app.metrics import Metrics
from app.settings import CHECKOUT, Settings
from app.web import envelope, health
from app.web.envelope import Unexpected
from app.web.guards import Guards
from app.web.headers import SecurityHeaders
from app.web.measure import Measure
from app.web.parts import Parts
from app.web.templating import environment
from app.web.visitor import Visitors

DATABASE = "overfit.sqlite3"
BODY_PER_SOURCE = 16  # a request may carry a draft of four sources, each byte of it escaped in JSON

ROUTERS = (
    app.lobby.pages.router,
    app.attempts.pages.router,
    app.runs.pages.router,
    app.attempts.routes.router,
    app.complexity.routes.router,
    app.complexity.pages.router,
    app.runs.routes.router,
    app.history.routes.router,
    app.history.pages.router,
    app.accounts.routes.router,
    app.accounts.pages.router,
    app.problems.pages.router,
    health.router,
)


def create_app(settings: Settings, *, sandbox: Examiner | None = None, clock: Clock | None = None) -> FastAPI:
    """The site, ready for a server; nothing is global. A sandbox given here takes the local one's place.

    Raises:
        SetupError: the data folder, the problem pack or the local assets can't be used.
    """

    parts = build(settings, sandbox=sandbox, clock=clock or SystemClock())

    @asynccontextmanager
    async def lifespan(_site: FastAPI) -> AsyncIterator[None]:
        await parts.db.migrate()
        await parts.engine.start()
        yield
        await parts.engine.close()
        await parts.db.close()

    site = FastAPI(
        title="Overfit",
        version="0.1.0",
        description="Debug a transformer, live, against the clock.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(Measure),
            Middleware(SecurityHeaders),
            Middleware(Unexpected),
            Middleware(Guards, body_bytes=settings.source_kb * BODY_PER_SOURCE << 10),
            Middleware(Visitors),
        ],
    )
    site.state.parts = parts
    site.state.templates = environment()
    envelope.install(site)
    for router in ROUTERS:
        site.include_router(router)
    site.mount("/static", StaticFiles(directory=CHECKOUT / "static"), name="static")
    return site


def build(settings: Settings, *, sandbox: Examiner | None, clock: Clock) -> Parts:
    """The parts of one app; makes the data folder and the secret key when they are not there."""
    make_data_folder(settings.data)
    db, metrics = Database(settings.data / DATABASE), Metrics()
    catalog = load_catalog(settings.problems)
    examiner, judge = sandbox, Judge("warming")
    if examiner is None:
        probes = (problem.probes for problem in catalog.problems.values())
        examiner, judge = local_judge(settings, probes=probes)
    engine = Engine(
        db=db,
        clock=clock,
        metrics=metrics,
        limits=limits(settings),
        slots=slots(settings),
        waiting_runs=settings.waiting_runs,
        sandbox=examiner,
        judge=judge,
        refuse_levels=frozenset() if is_loopback(settings.host) else frozenset({"rlimits"}),
    )
    return Parts(
        settings=settings,
        clock=clock,
        db=db,
        catalog=catalog,
        engine=engine,
        identities=Identities(secret_key(settings.data), secure=settings.secure_cookies),
        metrics=metrics,
        assets=assets.choose(settings.assets),
    )


def make_data_folder(folder: Path) -> None:
    """Raises SetupError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SetupError(
            f"Nothing can be written to {folder}: {error.strerror}.",
            hint="Set OVERFIT_DATA to a folder of your own.",
        ) from None


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
