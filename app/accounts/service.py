"""A person's account, made without asking for anything: what is kept, taking it along, deleting it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update

from app.engine.engine import Engine
from app.errors import BadInput, NotFound
from app.identity import Visitor, ensure_user
from app.models import Attempt, Blob, Given, Member, Run, Stage, User, new_id
from app.web.parts import Parts

RECOVERY_BYTES = 32
PREFERENCES_KB = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What there is of a person; nothing before they changed something."""

    created_at: int | None
    attempts: int
    runs: int
    recovery: bool
    preferences: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A link that opens this account in another browser; shown once, only its hash is kept."""

    link: str


async def read(parts: Parts, *, user_id: str) -> Account:
    """The account as it stands."""
    async with parts.db.read() as session:
        user = await session.get(User, user_id)
        attempts = await session.scalar(select(func.count()).where(Member.user_id == user_id))
        runs = await session.scalar(select(func.count()).where(Run.user_id == user_id))
    return Account(
        created_at=None if user is None else user.created_at,
        attempts=attempts or 0,
        runs=runs or 0,
        recovery=user is not None and user.recovery_hash is not None,
        preferences={} if user is None else user.preferences,
    )


async def prefer(parts: Parts, *, user_id: str, preferences: dict[str, Any]) -> Account:
    """Set some preferences; null forgets one.

    Raises:
        BadInput: more than is kept of them.
    """
    async with parts.db.write() as session:
        await ensure_user(session, user_id, now=parts.clock.now())
        user = await session.get_one(User, user_id)
        merged = {**user.preferences, **preferences}
        kept = {name: value for name, value in merged.items() if value is not None}
        if len(repr(kept)) > PREFERENCES_KB << 10:
            raise BadInput(f"Preferences may have {PREFERENCES_KB} KiB.", hint="Set fewer of them.")
        user.preferences = kept
    return await read(parts, user_id=user_id)


async def make_recovery(parts: Parts, *, user_id: str) -> Recovery:
    """A new recovery link; the one before stops working."""
    token = secrets.token_urlsafe(RECOVERY_BYTES)
    async with parts.db.write() as session:
        await ensure_user(session, user_id, now=parts.clock.now())
        await session.execute(update(User).where(User.id == user_id).values(recovery_hash=_hash(token)))
    return Recovery(link=f"/recover/{token}")


async def recover(parts: Parts, *, token: str, visitor: Visitor) -> Account:
    """Make the visitor the person whose link it is.

    Raises:
        NotFound: the link is not, or no longer, anybody's.
    """
    async with parts.db.read() as session:
        user_id = await session.scalar(select(User.id).where(User.recovery_hash == _hash(token)))
    if user_id is None:
        raise NotFound("This link opens no account.", hint="Only the newest link of an account works.")
    visitor.become(user_id)
    return await read(parts, user_id=user_id)


async def delete_everything(parts: Parts, *, visitor: Visitor) -> None:
    """Delete a person with all that they wrote and ran; the visitor goes on as somebody new."""
    user_id = visitor.user_id
    await _stop_runs(parts.engine, parts, user_id)
    async with parts.db.write() as session:
        sources = (await session.scalars(select(Run.code).where(Run.user_id == user_id))).all()
        alone = select(Member.attempt_id).group_by(Member.attempt_id).having(func.count() == 1)
        mine = select(Member.attempt_id).where(Member.user_id == user_id, Member.attempt_id.in_(alone))
        await session.execute(delete(Attempt).where(Attempt.id.in_(mine)))
        await session.execute(delete(User).where(User.id == user_id))
        await session.execute(
            delete(Blob).where(
                Blob.sha256.in_(set(sources)),
                ~select(Run.id).where(Run.code == Blob.sha256).exists(),
                ~select(Stage.id).where(Stage.starter == Blob.sha256).exists(),
                ~select(Given.stage_id).where(Given.sha256 == Blob.sha256).exists(),
            )
        )
    visitor.become(new_id())


async def _stop_runs(engine: Engine, parts: Parts, user_id: str) -> None:
    going = select(Run.id).where(Run.user_id == user_id, Run.state.in_(("queued", "running")))
    async with parts.db.read() as session:
        run_ids = (await session.scalars(going)).all()
    for run_id in run_ids:
        await engine.abandon(run_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
