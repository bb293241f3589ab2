"""What holds on every page: no barrier that axe knows, no broken policy, readable at 360 pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from app.settings import CHECKOUT
from tests.journeys.actions import headline, paste, run
from tests.journeys.people import Visitor
from tests.journeys.programs import leaky, pictured

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

AXE = (CHECKOUT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# the themes differ in their colours alone
THEMES: dict[Literal["light", "dark"], list[str]] = {"light": RULES, "dark": ["color-contrast"]}
_RUN_AXE = "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})"
PAGES = ("/", "/history", "/problems", "/me", "/nothing-here")


def test_axe_finds_no_violation_on_any_page_in_either_theme(visitors: Callable[..., Visitor]) -> None:
    visitor = visitors(
        reduced_motion="reduce"
    )  # a colour in the middle of its change has no contrast to test
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    assert barriers(page) == []
    paste(page, leaky(attempt["stages"][0]["sentence"]))
    run(page)
    expect(headline(page)).to_have_text("The loss lied.")
    assert barriers(page) == []
    paste(page, pictured(attempt["stages"][0]["sentence"]))
    run(page)
    expect(page.locator("svg.heat")).to_have_count(7)
    assert barriers(page) == []
    page.keyboard.press("Alt+2")
    page.get_by_role("button", name="Ask, free").first.click()
    expect(page.locator(".hints p")).to_have_count(1)
    assert barriers(page) == []
    page.keyboard.press("F1")
    assert barriers(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    assert barriers(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("dialog").get_by_role("button", name="Finish and review").click()
    page.wait_for_url("**/review")
    for summary in page.locator("tr.more summary").all():
        summary.click()
    assert barriers(page) == []
    for path in PAGES:
        page.goto(visitor.server.url + path)
        assert barriers(page) == [], path


def test_pages_can_be_read_at_360_pixels(visitors: Callable[..., Visitor]) -> None:
    wide = visitors()
    attempt = wide.attempt(tier="reported")
    page = wide.workspace(attempt)
    paste(page, leaky(attempt["stages"][0]["sentence"]))
    run(page)
    page.set_viewport_size({"width": 360, "height": 740})
    for path in (*PAGES, attempt["url"], f"{attempt['url']}/review"):
        page.goto(wide.server.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_on_a_phone_the_workspace_is_for_reading(visitors: Callable[..., Visitor]) -> None:
    visitor = visitors(viewport={"width": 390, "height": 844}, has_touch=True)
    attempt = visitor.attempt(tier="reported")
    page = visitor.page(attempt["url"])
    expect(page.locator(".banner")).to_contain_text("Debugging wants a keyboard. Your draft is safe")
    expect(page.get_by_role("textbox", name="gpt.py")).not_to_be_editable()
    expect(page.get_by_role("button", name="Run")).to_be_hidden()


def test_the_theme_is_chosen_once_and_never_flashes(visitor: Visitor) -> None:
    page = visitor.page("/")
    with page.expect_response("**/api/me/preferences"):
        page.get_by_role("radio", name="Dark").check(force=True)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    answer = visitor.context.request.get(f"{visitor.server.url}/history")
    assert '<html lang="en" data-theme="dark">' in answer.text()


def test_everything_is_reached_by_keyboard(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    page.keyboard.press("F8")
    expect(page.locator("[data-ref=cursor]")).not_to_have_text("Ln 1, Col 1")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.monaco') === null")
    page.keyboard.press("Alt+3")
    expect(page.locator("#drawer-ledger")).to_be_visible()
    page.keyboard.press("Alt+3")
    expect(page.locator(".drawer")).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.type("history")
    page.keyboard.press("Enter")
    page.wait_for_url("**/history")


def barriers(page: Page) -> list[Any]:
    """What axe has to say in both themes, as rule and place."""
    page.evaluate(f"window.axe || (() => {{ {AXE} }})()")
    found: list[Any] = []
    for theme, tags in THEMES.items():
        page.emulate_media(color_scheme=theme)
        found += [(theme, *one) for one in _lasting(page, tags)]
    return found


def _lasting(page: Page, tags: list[str]) -> list[tuple[Any, ...]]:
    """What is still there when the editor has had the time to draw itself in the other theme."""
    for wait_ms in (500, 2000, None):
        rules = page.evaluate(_RUN_AXE, tags)["violations"]
        if not rules or wait_ms is None:
            break
        page.wait_for_timeout(wait_ms)
    return [(rule["id"], node["target"], node["html"]) for rule in rules for node in rule["nodes"]]
