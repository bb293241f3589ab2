"""The workspace, and the form that opens an attempt."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import HTMLResponse, RedirectResponse

from app.assets import Assets
from app.attempts import service
from app.attempts.plan import stages_of
from app.attempts.schemas import Name, NewAttempt
from app.attempts.service import SEEDS, Wish
from app.attempts.views import AttemptView, StageView
from app.complexity import lab
from app.complexity import service as complexity
from app.complexity.service import KIND
from app.deadlines import MINUTE_MS, kept_ms
from app.errors import BadInput
from app.manner import Mode
from app.web.deps import CurrentUser, Everything, OwnedAttempt
from app.web.reading import Reading, read_verdict
from app.web.templating import render
from app.web.words import sentence_case

router = APIRouter(include_in_schema=False)

MARK = "# marked:"
OUR_FAULT = frozenset({"interrupted", "error"})
KEYS = (
    ("mod+enter", "run the file"),
    ("mod+shift+enter", "check the file"),
    ("mod+.", "stop"),
    ("mod+s", "keep the ledger's sentence"),
    ("alt+1", "statement"),
    ("alt+2", "hints"),
    ("alt+3", "ledger"),
    ("alt+j", "output large or small"),
    ("f8", "next mark"),
    ("f6", "next pane"),
    ("l", "loss on a logarithmic scale"),
    ("mod+k", "commands"),
    ("f1", "this list"),
    ("mod+/", "comment lines in the editor"),
)
GATE_KEYS = (
    ("enter", "answer"),
    ("mod+k", "commands"),
    ("f1", "this list"),
)
PLAN = (
    (5, "Read the marks, name the shapes aloud."),
    (35, "Fix in one batch. One sentence of why for each, as you make it."),
    (40, "Run once. Read the loss and the text."),
    (52, "Check what neither of them shows."),
    (60, "Kept: a last run that shows both criteria."),
)


@router.get("/attempts/{attempt_id}", response_class=HTMLResponse)
async def sitting(request: Request, parts: Everything, seat: OwnedAttempt) -> HTMLResponse:
    """The stage that the attempt has come to: the editor with everything around it, or the gate."""
    attempt = await service.read(parts, seat)
    stage = attempt.stages[-1]
    kept = kept_ms(_minutes(attempt, stage)) if stage.kind != KIND else 0
    context: dict[str, Any] = {
        "attempt": attempt,
        "stage": stage,
        "kept_ms": kept,
        "facts": _facts(attempt, stage, parts.assets, kept=kept),
    }
    if stage.kind == KIND:
        at_stage = replace(seat, stage_id=stage.id)
        return render(
            request,
            "attempts/gate.html",
            **context,
            gate=(gate := await complexity.gate(parts, at_stage)),
            lab=await lab.shown(parts, at_stage),
            lab_opens=gate.lab_opens,
            over=stage.finished_at is not None,
            page_keys=GATE_KEYS,
        )
    has_bugs = stage.kind == "debug" and attempt.mode != "scratch"
    return render(
        request,
        "attempts/workspace.html",
        **context,
        reading=_last_reading(stage),
        plan=_plan(attempt) if has_bugs else [],
        has_bugs=has_bugs,
        page_keys=KEYS,
    )


class Chosen(BaseModel):
    """The lobby's form. An empty field leaves the choice to the tier, or to chance."""

    mode: Mode = "practice"
    problem: Name = "gpt"
    tier: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    family: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    budget: str = Field(default="", pattern=r"^(\d{1,2}|none)?$")
    slow: Literal["on", "off", ""] = ""
    seed: str = Field(default="", pattern=r"^\s*\d{0,20}\s*$")
    marks: Literal["on", "off", ""] = ""
    minutes: str = Field(default="", pattern=r"^(\d{1,3}|none)?$")
    stages: str = Field(default="", pattern=r"^[a-z_ ]{0,64}$")

    def wish(self) -> Wish:
        asked: dict[str, Any] = {"mode": self.mode, "problem": self.problem}
        if self.mode not in ("drill", "scratch") and self.tier:
            asked["tier"] = self.tier
        if self.stages:
            asked["stages"] = stages_of(self.stages, seed=secrets.randbelow(SEEDS))
        if self.mode == "drill" and self.family:
            asked["family"] = self.family
        if self.seed.strip():
            asked["seed"] = int(self.seed)
        if self.marks:
            asked["marks"] = self.marks == "on"
        if self.minutes:
            asked["minutes"] = None if self.minutes == "none" else int(self.minutes)
        if self.budget:
            asked["budget"] = None if self.budget == "none" else int(self.budget)
        if self.slow:
            asked["slow"] = self.slow == "on"
        return NewAttempt(**asked).wish()


@router.post("/attempts", response_class=RedirectResponse)
async def start(parts: Everything, user: CurrentUser, chosen: Annotated[Chosen, Form()]) -> RedirectResponse:
    """Open an attempt as the lobby's form has it, and go there."""
    try:
        wish = chosen.wish()
    except ValidationError as error:
        raise BadInput(_problem(error), hint="Go back and choose again.") from None
    attempt = await service.create(parts, user_id=user.user_id, wish=wish)
    return RedirectResponse(attempt.url, status_code=303)


def _problem(error: ValidationError) -> str:
    """The first thing that is wrong; what concerns no field alone says so itself."""
    first = error.errors()[0]
    where, what = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}." if where else f"{sentence_case(what)}."


def _minutes(attempt: AttemptView, stage: StageView) -> int | None:
    """How long a stage may take; the clock of practice may have stood still in it."""
    if stage.deadline_at is None or attempt.minutes is None:
        return None
    longest = attempt.minutes + attempt.extra_minutes
    return min(longest, round((stage.deadline_at - stage.started_at) / MINUTE_MS))


def _last_reading(stage: StageView) -> Reading | None:
    """What the last ended run said, for a page that is opened again."""
    ended = [run for run in stage.runs if run.verdict is not None or run.state in OUR_FAULT]
    return read_verdict(ended[-1].verdict, message=ended[-1].message) if ended else None


def _plan(attempt: AttemptView) -> list[tuple[str, str]]:
    """How those who passed spent the hour, scaled to these minutes; too short a time has no plan."""
    minutes = attempt.minutes
    if minutes is None or minutes < 20:
        return []
    ends = [round(end * minutes / 60) for end, _ in PLAN]
    words = [said if attempt.marks else said.replace("the marks", "the file") for _, said in PLAN]
    return [(f"{start} – {end}", said) for start, end, said in zip([0, *ends], ends, words, strict=False)]


def _facts(attempt: AttemptView, stage: StageView, assets: Assets, *, kept: int) -> dict[str, Any]:
    """What the page's scripts start from: the attempt, its stage, and where the libraries are."""
    data = asdict(replace(attempt, stages=[stage]))
    del data["stages"][0]["statement_html"]  # it stands in the page already
    return {
        "attempt": data,
        "kept_ms": kept,
        "mark": MARK,
        "monaco": {
            "vs": assets.url("monaco-editor", "min/vs"),
            "loader": _file(assets, "monaco-editor", "min/vs/loader.js"),
        },
        "uplot": {
            "script": _file(assets, "uplot", "dist/uPlot.iife.min.js"),
            "style": _file(assets, "uplot", "dist/uPlot.min.css"),
        },
    }


def _file(assets: Assets, package: str, path: str) -> dict[str, str]:
    return {"src": assets.url(package, path), "integrity": assets.integrity(package, path)}
