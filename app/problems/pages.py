"""The page of problems: packs, their tiers in words, and how much there is in them; no spoilers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from app.attempts.plan import ALONE_MINUTES
from app.catalog import Problem, Tier
from app.web.deps import Everything
from app.web.markdown import as_html
from app.web.templating import render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A problem, counted."""

    slug: str
    title: str
    summary: str
    statement_html: str
    bugs: int
    families: int
    silent: int  # bugs with which both of the interviewer's criteria pass
    valid: int  # right programs written otherwise, all of which must pass
    sentences: int
    shapes: int
    tiers: list[Tier]
    follow_up: bool  # whether there is a start to be solved, beside bugs to be found


@router.get("/problems", response_class=HTMLResponse)
async def problems(request: Request, parts: Everything) -> HTMLResponse:
    """What there is to practise."""
    found = parts.catalog.problems.values()
    valid = await asyncio.to_thread(_valid_programs, parts.settings.problems)
    shelves = [
        _shelf(problem, tiers=parts.catalog.tiers_of(problem.slug), valid=valid.get(problem.slug, 0))
        for problem in found
    ]
    return render(
        request,
        "problems/problems.html",
        shelves=shelves,
        alone=ALONE_MINUTES,
        tiers=len(parts.catalog.tiers),
    )


def _shelf(problem: Problem, *, tiers: list[Tier], valid: int) -> Shelf:
    bugs = problem.bugs.values()
    return Shelf(
        slug=problem.slug,
        title=problem.title,
        summary=problem.summary,
        statement_html=as_html(problem.statement),
        bugs=len(bugs),
        families=len({bug.family for bug in bugs}),
        silent=sum(bug.difficulty in ("silent", "expert") for bug in bugs),
        valid=valid,
        sentences=len(problem.sentences),
        shapes=len(problem.shapes),
        tiers=tiers,
        follow_up=bool(problem.starts),
    )


def _valid_programs(folder: Path) -> dict[str, int]:
    """How many right programs lie beside each problem."""
    found = [path.parent.parent.name for path in folder.glob("*/valid/*.py")]
    return {slug: found.count(slug) for slug in set(found)}
