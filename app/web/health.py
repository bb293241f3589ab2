"""For machines that watch: is it up, can it judge, and the numbers."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.responses import JSONResponse

from app.web.deps import Db, Everything, TheEngine

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(engine: TheEngine) -> dict[str, Any]:
    """The process is up; what the judge's state and level are."""
    return {
        "ok": True,
        "level": engine.judge.level,
        "judge": engine.judge.state,
        "message": engine.judge.message,
        "torch": _version("torch"),
        "versions": {
            "overfit": _version("overfit"),
            "python": platform.python_version(),
            "fastapi": _version("fastapi"),
            "sqlalchemy": _version("sqlalchemy"),
        },
    }


@router.get("/readyz", responses={503: {"description": "Not yet, or not any more."}})
async def readyz(db: Db, engine: TheEngine) -> JSONResponse:
    """200 once the store answers and runs are judged."""
    async with db.read() as session:
        await session.execute(text("SELECT 1"))
    ready = engine.judge.state == "ready"
    return JSONResponse({"ok": ready, "judge": engine.judge.state}, status_code=200 if ready else 503)


@router.get("/metrics", response_class=Response)
async def metrics(parts: Everything) -> Response:
    """Prometheus' text format."""
    return Response(parts.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
