"""docs/settings.md, made from the Settings class: `python -m app.settings_page` writes it."""

from __future__ import annotations

from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.settings import CHECKOUT, Settings

PAGE = CHECKOUT / "docs" / "settings.md"
HEAD = """# Settings

Overfit reads its settings once, when it starts, from environment variables. Nothing needs to be set. The
options of `overfit serve` of the same name speak before the environment.

This page is made from the class `Settings` in `app/settings.py`; `python -m app.settings_page` writes it.

| variable | takes | default | what it does |
|---|---|---|---|
"""
DEFAULT_WORDS = {"data": "the platform's user-data folder", "problems": "`problems/` of the checkout"}


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    default = DEFAULT_WORDS.get(name) or _default(field)
    return f"| `OVERFIT_{name.upper()}` | {_takes(field.annotation)} | {default} | {field.description} |\n"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined or field.default == "":
        return "nothing"
    value = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{value}`"


def _takes(annotation: Any) -> str:
    names = {"Path": "a folder", "str": "text", "int": "a whole number", "float": "a number"}
    if choices := get_args(annotation):
        return ", ".join(f"`{choice}`" for choice in choices)
    return "`true`, `false`" if annotation is bool else names[annotation.__name__]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
