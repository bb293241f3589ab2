"""The tables, as design fixed them: times are UTC epoch milliseconds, ids are 128 random bits."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> str:
    """128 random bits as 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        int: BigInteger,
    }


class User(Base):
    """A person, known by a signed cookie; the recovery key (only its hash is kept) opens it elsewhere."""

    __tablename__ = "user"
    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    created_at: Mapped[int]
    recovery_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Attempt(Base):
    """One sitting."""

    __tablename__ = "attempt"
    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    mode: Mapped[str] = mapped_column(String(16))  # practice | mock | drill | scratch
    variant: Mapped[dict[str, Any]]  # problem, shape, bug ids, sentence id, marks, seed, tier, pack digest
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)  # app.manner.Manner
    state: Mapped[str] = mapped_column(String(16), default="open")  # open | finished | expired | abandoned
    created_at: Mapped[int] = mapped_column(index=True)
    deadline_at: Mapped[int | None] = mapped_column(index=True)  # the end of the whole hour
    finished_at: Mapped[int | None]
    revealed_at: Mapped[int | None]
    members: Mapped[list[Member]] = relationship(back_populates="attempt", cascade="all, delete-orphan")
    stages: Mapped[list[Stage]] = relationship(
        back_populates="attempt", order_by="Stage.position", cascade="all, delete-orphan"
    )


class Member(Base):
    """Who sits in an attempt, and as what; the owner is position 0."""

    __tablename__ = "member"
    attempt_id: Mapped[str] = mapped_column(ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(16))  # candidate | interviewer | observer
    position: Mapped[int] = mapped_column(default=0)
    joined_at: Mapped[int]
    attempt: Mapped[Attempt] = relationship(back_populates="members")


class Stage(Base):
    """One part of an attempt with its own starter, draft, edits, runs and clock.

    `variant` is what was drawn, with the bug ids in the order of their slots; what was issued for it
    (starter, shape, texts) stands in `given`, so that review and re-judging work after the pack has changed.
    """

    __tablename__ = "stage"
    __table_args__ = (UniqueConstraint("attempt_id", "position"),)
    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    attempt_id: Mapped[str] = mapped_column(ForeignKey("attempt.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))  # debug | complexity | kv_cache | classifier | ...
    position: Mapped[int]
    problem: Mapped[str] = mapped_column(String(64))
    variant: Mapped[dict[str, Any]]
    starter: Mapped[str] = mapped_column(ForeignKey("blob.sha256"), index=True)
    draft: Mapped[str] = mapped_column(Text)
    draft_seq: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[int]
    deadline_at: Mapped[int | None] = mapped_column(index=True)
    finished_at: Mapped[int | None]
    attempt: Mapped[Attempt] = relationship(back_populates="stages")
    given: Mapped[list[Given]] = relationship(cascade="all, delete-orphan")


class Given(Base):
    """One text that a stage was issued with: its shape, sentence, probes, bugs or statement."""

    __tablename__ = "given"
    stage_id: Mapped[str] = mapped_column(ForeignKey("stage.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"), index=True)


class Curve(Base):
    """The loss of a clean shape on one sentence, measured once: what a person's own curve is held against."""

    __tablename__ = "curve"
    shape: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 of the shape's text
    sentence: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 of the sentence
    points: Mapped[list[Any]]  # [[step, loss], ...]


class Run(Base):
    """One execution asked for in a stage; `try_no` fences the writes of a worker that was thought lost."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("stage_id", "number"),
        Index("ix_run_state_created_at", "state", "created_at"),
    )
    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    stage_id: Mapped[str] = mapped_column(ForeignKey("stage.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]  # 1 is the stage's first
    kind: Mapped[str] = mapped_column(String(8))  # run | check
    code: Mapped[str] = mapped_column(ForeignKey("blob.sha256"), index=True)
    draft_seq: Mapped[int]  # the edit that the code stands on
    try_no: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16), default="queued")
    verdict: Mapped[dict[str, Any] | None]
    losses: Mapped[list[Any] | None]  # at most 32 of the losses it printed, for a sparkline
    message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int]
    ready_at: Mapped[int | None]  # a slow environment takes it up no sooner
    started_at: Mapped[int | None]
    finished_at: Mapped[int | None]


class RunEvent(Base):
    """One numbered event of a run: the truth that a follower reads."""

    __tablename__ = "run_event"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at_ms: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))  # status | output | loss | property | verdict | end
    audience: Mapped[str] = mapped_column(String(16), default="all")  # all | judged | interviewer
    data: Mapped[dict[str, Any]]


class Edit(Base):
    """One batch of text operations, or a cursor, reset or resync; the draft is their sum."""

    __tablename__ = "edit"
    __table_args__ = (Index("ix_edit_stage_id_batch", "stage_id", "batch"),)
    stage_id: Mapped[str] = mapped_column(ForeignKey("stage.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at_ms: Mapped[int]
    actor: Mapped[str] = mapped_column(String(22))
    kind: Mapped[str] = mapped_column(String(16))  # ops | reset | resync | checkpoint
    batch: Mapped[str | None] = mapped_column(String(64))  # names a sending, so that a repeat is known
    payload: Mapped[dict[str, Any]]


class HintUse(Base):
    """A hint taken: which rung of which bug's ladder, when."""

    __tablename__ = "hint_use"
    stage_id: Mapped[str] = mapped_column(ForeignKey("stage.id", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    rung: Mapped[int] = mapped_column(primary_key=True)
    bug: Mapped[str] = mapped_column(String(64))
    at_ms: Mapped[int]


class Explanation(Base):
    """The candidate's one sentence on a fix."""

    __tablename__ = "explanation"
    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    stage_id: Mapped[str] = mapped_column(ForeignKey("stage.id", ondelete="CASCADE"), index=True)
    at_ms: Mapped[int]
    draft_seq: Mapped[int]
    hunk: Mapped[dict[str, Any]]
    sentence: Mapped[str] = mapped_column(Text)
    marks: Mapped[dict[str, Any] | None]  # location, mechanism, consequence: the candidate's own marking


class Answer(Base):
    """One answer at the complexity gate; a second one is the retry."""

    __tablename__ = "answer"
    stage_id: Mapped[str] = mapped_column(ForeignKey("stage.id", ondelete="CASCADE"), primary_key=True)
    question: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at_ms: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    right: Mapped[bool]


class Lab(Base):
    """What the complexity lab measured at a gate: times a token by context, cached and not."""

    __tablename__ = "lab"
    stage_id: Mapped[str] = mapped_column(ForeignKey("stage.id", ondelete="CASCADE"), primary_key=True)
    at_ms: Mapped[int]
    data: Mapped[dict[str, Any]]


class Blob(Base):
    """Bytes by their hash: what an attempt was given, and the code of each run."""

    __tablename__ = "blob"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    bytes: Mapped[bytes] = mapped_column(LargeBinary)
