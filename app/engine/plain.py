"""Values that any store and any browser can take: no NaN, no infinity, no half characters."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """The same structure; what is not a finite number becomes None, half a character a question mark."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {plain(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def plain_text(text: str) -> str:
    """The text with each lone surrogate, which UTF-8 can't hold, replaced."""
    return text.encode("utf-8", "replace").decode()


def is_plain_text(text: str) -> bool:
    """Whether the text has no lone surrogate."""
    return plain_text(text) == text
