"""The pages about oneself: what is recorded, the theme, taking it along, deleting it, coming back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import HTMLResponse, RedirectResponse

from app.accounts import service
from app.accounts.theme import Theme, keep_theme
from app.web.deps import CurrentUser, Everything, Settled
from app.web.parts import Parts
from app.web.templating import render

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get("/me", response_class=HTMLResponse)
async def me(request: Request, parts: Everything, user: Settled) -> HTMLResponse:
    """What there is of you, and what you can do about it."""
    return await _me(request, parts, user.user_id, link=None)


@router.post("/me/recovery", response_class=HTMLResponse)
async def make_recovery(request: Request, parts: Everything, user: CurrentUser) -> HTMLResponse:
    """The same page with a new recovery link on it, shown this once."""
    made = await service.make_recovery(parts, user_id=user.user_id)
    link = str(request.base_url).rstrip("/") + made.link
    return await _me(request, parts, user.user_id, link=link)


@router.post("/me/theme")
async def choose_theme(
    parts: Everything, user: CurrentUser, theme: Annotated[Theme, Form()]
) -> RedirectResponse:
    """Keep the theme, for those without scripts."""
    await service.prefer(parts, user_id=user.user_id, preferences={"theme": theme})
    back = RedirectResponse("/me", status_code=303)
    keep_theme(back, theme, secure=parts.settings.secure_cookies)
    return back


@router.get("/me/delete", response_class=HTMLResponse)
async def confirm_deletion(request: Request, parts: Everything, user: Settled) -> HTMLResponse:
    """The question before everything goes, for those without scripts."""
    account = await service.read(parts, user_id=user.user_id)
    return render(request, "accounts/delete.html", account=account)


@router.post("/me/delete")
async def delete_account(parts: Everything, user: CurrentUser) -> RedirectResponse:
    """Delete everything and begin anew."""
    await service.delete_everything(parts, visitor=user)
    return RedirectResponse("/", status_code=303)


@router.get("/recover/{token}", response_class=HTMLResponse)
async def confirm_recovery(request: Request, parts: Everything, user: Settled, token: Token) -> HTMLResponse:
    """The question before this browser becomes somebody else's; opening the link alone changes nothing."""
    account = await service.read(parts, user_id=user.user_id)
    return render(request, "accounts/recover.html", account=account, token=token)


@router.post("/recover/{token}")
async def recover(parts: Everything, user: CurrentUser, token: Token) -> RedirectResponse:
    """Go on as the person whose link it is."""
    await service.recover(parts, token=token, visitor=user)
    return RedirectResponse("/history", status_code=303)


async def _me(request: Request, parts: Parts, user_id: str, *, link: str | None) -> HTMLResponse:
    account = await service.read(parts, user_id=user_id)
    return render(
        request,
        "accounts/me.html",
        account=account,
        link=link,
        data=parts.settings.data,
        on_cdn=bool(parts.assets.origins),
    )
