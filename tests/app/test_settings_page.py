"""docs/settings.md: what the class says, no more and no less."""

from __future__ import annotations

from app.settings import Settings
from app.settings_page import PAGE, page


def test_the_page_is_what_the_class_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "Type: .venv/bin/python -m app.settings_page"


def test_every_setting_has_its_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
