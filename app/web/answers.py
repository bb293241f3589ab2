"""How errors look in OpenAPI: the one envelope, with the statuses that any route may answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Envelope(BaseModel):
    """Every error: what happened, and what to do about it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "ok": False,
                    "error": "There is nothing here, or it is not yours.",
                    "status": 404,
                    "hint": "Your attempts are in the history.",
                }
            ]
        },
    )

    ok: bool = False
    error: str
    status: int
    hint: str


MEANINGS = {
    400: "The body is not JSON.",
    403: "Not from this site, or not for your role.",
    404: "Nothing here, or not yours.",
    409: "It has moved on since.",
    413: "Too long.",
    421: "Not a name of this server.",
    422: "It can't be used; the hint says why.",
    429: "Too many runs wait.",
    503: "Judging is off, or the disk is full.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Envelope, "description": meaning} for status, meaning in MEANINGS.items()
}
