"""Texts by their hash: what an attempt was given and what was run, each kept once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Blob, Given


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def keep(session: AsyncSession, text: str) -> str:
    """Store a text if it is new; its hash names it."""
    name = sha256(text)
    await session.execute(insert(Blob).values(sha256=name, bytes=text.encode()).on_conflict_do_nothing())
    return name


async def text_of(session: AsyncSession, name: str) -> str:
    """The text that a hash names; foreign keys hold it there."""
    found: bytes = (await session.scalars(select(Blob.bytes).where(Blob.sha256 == name))).one()
    return found.decode()


async def give(session: AsyncSession, stage_id: str, texts: Mapping[str, str]) -> None:
    """Keep the texts that a stage is issued with, each under its role."""
    for role, text in texts.items():
        session.add(Given(stage_id=stage_id, role=role, sha256=await keep(session, text)))


async def given_to(session: AsyncSession, stage_id: str, *roles: str) -> dict[str, str]:
    """The texts that a stage was issued with: all of them, or those of some roles."""
    found = select(Given.role, Blob.bytes).join(Blob, Blob.sha256 == Given.sha256)
    found = found.where(Given.stage_id == stage_id)
    if roles:
        found = found.where(Given.role.in_(roles))
    return {role: text.decode() for role, text in await session.execute(found)}
