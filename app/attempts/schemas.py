"""What the attempts' routes take in: checked here, turned into values at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.attempts.draft import NewEdit
from app.attempts.plan import TITLES, StageKind
from app.attempts.service import SEEDS, Wish
from app.manner import FEWEST, MOST, Mode
from app.web.bodies import Body

NAME = r"^[A-Za-z0-9_-]+$"
OPERATIONS = 2_000
OPERATIONS_IN_ALL = 10_000
EDITS = 500
MILLISECONDS = 1 << 53  # JavaScript's whole numbers end here

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=NAME)]
Offset = Annotated[int, Field(ge=0, le=1 << 22)]


class NewAttempt(BaseModel):
    """A round to be drawn. What is left out, the tier settles."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"mode": "practice", "tier": "reported", "marks": True}]},
    )

    mode: Mode = "practice"
    problem: Name = "gpt"
    tier: Name | None = Field(default=None, description="Left out: as reported; in a drill, one bug.")
    family: Name | None = Field(default=None, description="Bugs of this family alone, for a drill.")
    shape: Name | None = None
    seed: Annotated[int, Field(ge=0, lt=SEEDS)] | None = None
    marks: bool | None = None
    guided: bool | None = None
    minutes: Annotated[int, Field(ge=1, le=600)] | None = Field(
        default=None, description="Left out: the tier's. null: no clock."
    )
    budget: Annotated[int, Field(ge=FEWEST, le=MOST)] | None = Field(
        default=None, description="Runs to make do with. Left out: the mode's. null: nobody counts."
    )
    slow: bool | None = Field(default=None, description="Whether runs wait, as on a slow machine.")

    stages: list[StageKind] | None = Field(
        default=None,
        min_length=1,
        max_length=len(TITLES),
        description="In their order. Left out: the mode's, which for a mock is the whole hour.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> NewAttempt:
        asked = self.stages or []
        if len(set(asked)) < len(asked):
            raise ValueError("a stage can be had once")
        if "debug" in asked[1:]:
            raise ValueError("debug can only be the first stage")
        return self

    def wish(self) -> Wish:
        said_nothing = {name for name in ("minutes", "budget") if getattr(self, name) is None}
        nulls = said_nothing & self.model_fields_set
        stages = None if self.stages is None else tuple(self.stages)
        asked = {**self.model_dump(), "stages": stages}
        return Wish(**asked, untimed="minutes" in nulls, unlimited="budget" in nulls)


class Payload(BaseModel):
    """Operations and the cursor's line, or the whole text."""

    model_config = ConfigDict(extra="forbid")

    ops: list[tuple[Offset, Offset, str]] | None = Field(default=None, max_length=OPERATIONS)
    line: Annotated[int, Field(ge=1, le=1 << 22)] | None = None
    text: str | None = None


class EditIn(BaseModel):
    """One edit; its operations apply one after the other, positions in UTF-16 code units."""

    model_config = ConfigDict(extra="forbid")

    at_ms: Annotated[int, Field(ge=0, lt=MILLISECONDS)]
    kind: Literal["ops", "reset", "resync"]
    payload: Payload = Field(default_factory=Payload)

    @model_validator(mode="after")
    def _whole(self) -> EditIn:
        if self.kind == "ops" and self.payload.ops is None:
            raise ValueError("an edit of kind ops needs payload.ops")
        if self.kind == "resync" and self.payload.text is None:
            raise ValueError("an edit of kind resync needs payload.text")
        return self

    def edit(self) -> NewEdit:
        return NewEdit(
            at_ms=self.at_ms,
            kind=self.kind,
            ops=tuple(self.payload.ops or ()),
            line=self.payload.line,
            text=self.payload.text,
        )


class NewEdits(BaseModel):
    """Edits that build on a sequence; a batch that is sent again counts once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "base": 0,
                    "batch": "0f0e",
                    "edits": [{"at_ms": 1, "kind": "ops", "payload": {"ops": [[0, 0, "x"]], "line": 1}}],
                }
            ]
        },
    )

    base: Annotated[int, Field(ge=0, lt=MILLISECONDS)]
    edits: list[EditIn] = Field(max_length=EDITS)
    batch: Name | None = None

    @model_validator(mode="after")
    def _bounded(self) -> NewEdits:
        if sum(len(edit.payload.ops or ()) for edit in self.edits) > OPERATIONS_IN_ALL:
            raise ValueError(f"at most {OPERATIONS_IN_ALL} operations in one sending")
        return self


class Seq(BaseModel):
    """The sequence that holds now."""

    seq: int


class TakeHint(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"slot": 1}]})

    slot: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="In a mock it is left out: the interviewer chooses."
    )


class Marks(BaseModel):
    """What a sentence says, by the candidate's own judgement."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"location": True, "mechanism": True, "consequence": False}]},
    )

    location: bool
    mechanism: bool
    consequence: bool


class NewExplanation(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"sentence": "Scores of later positions must be -inf before the softmax.", "hunk": {}}
            ]
        },
    )

    sentence: Annotated[str, Field(min_length=1, max_length=2_000)]
    hunk: dict[str, Any] = Field(default_factory=dict)
    draft_seq: Annotated[int, Field(ge=0, lt=MILLISECONDS)] = 0
