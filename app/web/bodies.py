"""The base of what routes take in: nothing unknown, and no text that could not be stored."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from app.engine.plain import is_plain_text


class Body(BaseModel):
    """A JSON body. Half a character (a lone surrogate) anywhere in it is refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        _require_plain(value)
        return value


def _require_plain(value: Any) -> None:
    if isinstance(value, str) and not is_plain_text(value):
        raise ValueError("the text holds half a character (a lone surrogate)")
    if isinstance(value, dict):
        for name, part in value.items():
            _require_plain(name)
            _require_plain(part)
    elif isinstance(value, list):
        for part in value:
            _require_plain(part)
