"""Who you are: an id in a signed cookie, given on the first visit; a row only once you change something."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User, new_id

COOKIE = "overfit"
COOKIE_SECONDS = 400 * 24 * 3600  # the longest that browsers keep one
KEY_FILE = "secret.key"


@dataclass(slots=True)
class Visitor:
    """Who asks. `given` tells that the cookie is to be sent, since it is new or has changed."""

    user_id: str
    given: bool = False

    def become(self, user_id: str) -> None:
        """Go on as somebody else: after a recovery, or with a fresh id after deletion."""
        self.user_id = user_id
        self.given = True


class Identities:
    """Signs ids into cookies and reads them back."""

    def __init__(self, key: bytes, *, secure: bool) -> None:
        self._signer = URLSafeSerializer(key, salt="overfit.user")
        self._secure = secure

    def visitor(self, cookie: str | None) -> Visitor:
        """The bearer of a cookie; a new person when there is none or it isn't ours."""
        if cookie:
            try:
                user_id = self._signer.loads(cookie)
            except BadSignature:
                user_id = None
            if isinstance(user_id, str):
                return Visitor(user_id)
        return Visitor(new_id(), given=True)

    def set_cookie(self, visitor: Visitor) -> str:
        """The Set-Cookie header's value for a visitor."""
        value = self._signer.dumps(visitor.user_id)
        parts = [f"{COOKIE}={value}", "Path=/", f"Max-Age={COOKIE_SECONDS}", "HttpOnly", "SameSite=Lax"]
        return "; ".join([*parts, "Secure"] if self._secure else parts)


def secret_key(data: Path) -> bytes:
    """The key of this installation, made once; a file that only its owner reads."""
    path = data / KEY_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_urlsafe(32).encode())
    return path.read_bytes()


async def ensure_user(session: AsyncSession, user_id: str, *, now: int) -> None:
    """The person's row, made on the first change of state."""
    row = insert(User).values(id=user_id, created_at=now, preferences={})
    await session.execute(row.on_conflict_do_nothing())
