"""The account's JSON: what is kept, preferences, export, recovery, deletion."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import ConfigDict
from starlette.responses import StreamingResponse

from app.accounts import service
from app.accounts.export import export
from app.accounts.service import Account, Recovery
from app.accounts.theme import Theme, keep_theme
from app.web.answers import ERRORS
from app.web.bodies import Body
from app.web.deps import CurrentUser, Everything, Settled

router = APIRouter(prefix="/api/me", tags=["account"], responses=ERRORS)


class NewPreferences(Body):
    """The theme, and whatever else a page wants to remember; null forgets."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"theme": "dark"}]})

    theme: Theme | None = None

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


@router.get("")
async def read_account(parts: Everything, user: CurrentUser) -> Account:
    """What there is of you."""
    return await service.read(parts, user_id=user.user_id)


@router.post("/preferences")
async def set_preferences(
    parts: Everything, user: CurrentUser, new: NewPreferences, response: Response
) -> Account:
    """Remember preferences; the theme also as a cookie, so that pages come in it from the first byte."""
    account = await service.prefer(parts, user_id=user.user_id, preferences=new.given())
    if "theme" in new.model_fields_set:
        keep_theme(response, new.theme, secure=parts.settings.secure_cookies)
    return account


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/json": {}}, "description": "Everything, as one document."}},
)
async def export_everything(parts: Everything, user: Settled) -> StreamingResponse:
    """All attempts with edits, runs, events and verdicts; keys only where they were told."""
    return StreamingResponse(
        export(parts, user_id=user.user_id),
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="overfit.json"'},
    )


@router.post("/recovery")
async def make_recovery(parts: Everything, user: CurrentUser) -> Recovery:
    """A link that opens this account elsewhere; earlier ones stop working."""
    return await service.make_recovery(parts, user_id=user.user_id)


@router.delete("", status_code=204)
async def delete_account(parts: Everything, user: CurrentUser) -> Response:
    """Delete all attempts, edits, runs and the account; this cannot be taken back."""
    await service.delete_everything(parts, visitor=user)
    return Response(status_code=204)
