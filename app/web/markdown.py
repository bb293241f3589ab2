"""Markdown of a pack as HTML; HTML inside it stays text."""

from __future__ import annotations

from markdown_it import MarkdownIt


def as_html(markdown: str) -> str:
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return html
