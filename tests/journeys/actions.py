"""What people do in the workspace, in words that the journeys share."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

LONG = 60_000  # milliseconds; an examination on a busy machine


def paste(page: Page, text: str) -> None:
    """Replace the whole text of the editor, as one does with the clipboard."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    focus_editor(page)
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+v")
    for _ in range(400):  # the clipboard answers when it likes
        if page.evaluate("() => monaco.editor.getModels()[0].getValue()") == text:
            return
        page.wait_for_timeout(25)
    raise AssertionError("what was pasted never came")


def type_at_the_top(page: Page, text: str) -> None:
    focus_editor(page)
    page.keyboard.press("Control+Home")
    page.keyboard.type(text)


def focus_editor(page: Page) -> None:
    page.locator("section.editor").click(position={"x": 200, "y": 20})


def headline(page: Page) -> Locator:
    return page.locator("[data-ref=verdict] h2").first


def run(page: Page) -> None:
    page.keyboard.press("Control+Enter")
    _wait_for_the_end(page)


def check(page: Page) -> None:
    page.keyboard.press("Control+Shift+Enter")
    _wait_for_the_end(page)


def wait_until_saved(page: Page) -> None:
    expect(page.locator("[data-ref=saved]")).to_have_text("saved", timeout=20_000)


def _wait_for_the_end(page: Page) -> None:
    expect(page.locator("[data-ref=stop]")).to_be_enabled()
    expect(page.locator("[data-ref=stop]")).to_be_disabled(timeout=LONG)
    expect(page.locator("[data-ref=verdict] [aria-busy]")).to_have_count(0)
