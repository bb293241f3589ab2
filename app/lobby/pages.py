"""The lobby: what will happen, a button to begin, what is under way, and what came before."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from app.history.filters import Filters
from app.history.service import history
from app.web.deps import Everything, Settled
from app.web.templating import render


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to hold a sitting, as the first page offers it."""

    name: str
    title: str
    words: str


router = APIRouter(include_in_schema=False)

UNDER_WAY = 2
RECENT = 6
MODES = (
    Mode("practice", "Practice", "Everything visible at once; hints are free."),
    Mode("mock", "Mock", "The whole hour. The verdict waits; four runs are counted, on a slow machine."),
    Mode("drill", "Drill", "One bug, five minutes, of any family or of one."),
    Mode("scratch", "From scratch", "An empty file with the contract, judged the same way."),
)
STAGES = (
    ("debug", "debug alone"),
    ("hour", "the whole hour"),
    ("hour_kv_cache", "the hour, KV cache next"),
    ("hour_classifier", "the hour, classifier next"),
    ("complexity", "complexity alone"),
    ("kv_cache", "KV cache alone"),
    ("classifier", "classifier alone"),
    ("token_classifier", "token head alone"),
)
KEYS = (
    ("mod+enter", "start a round"),
    ("w", "warm-up"),
    ("r", "resume"),
    ("mod+k", "commands"),
    ("?", "this list"),
)


@router.get("/", response_class=HTMLResponse)
async def lobby(request: Request, parts: Everything, user: Settled) -> HTMLResponse:
    """The first page."""
    under_way = await history(parts, user_id=user.user_id, filters=Filters(state="open", limit=UNDER_WAY))
    recent = await history(parts, user_id=user.user_id, filters=Filters(limit=RECENT))
    tiers = parts.catalog.tiers_of(next(iter(parts.catalog.problems)))
    return render(
        request,
        "lobby/lobby.html",
        tiers=tiers,
        modes=MODES,
        stages=STAGES,
        families=sorted({bug.family for bug in next(iter(parts.catalog.problems.values())).bugs.values()}),
        first_tier=tiers[0],
        warm_up=next((tier for tier in tiers if tier.guided), None),
        under_way=under_way.attempts,
        recent=recent.attempts,
        open_choices=False,
        page_keys=KEYS,
    )
