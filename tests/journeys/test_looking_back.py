"""Looking back with a keyboard, and without scripts: the history, the review, the page about oneself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.people import Visitor
from tests.journeys.test_every_page import barriers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_the_history_is_walked_searched_and_opened_by_keys(visitors: Callable[..., Visitor]) -> None:
    visitor = visitors()
    older = visitor.attempt(tier="reported", seed=41)
    visitor.attempt(tier="warm-up", seed=42)
    page = visitor.page("/history")
    for key in ("j", "j", "j", "k", "j"):
        page.keyboard.press(key)
    expect(page.locator(f'a[href="{older["url"]}"]')).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("warm-up")
    page.keyboard.press("Enter")
    page.wait_for_url("**/history?q=warm-up**")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("html[data-ready]").wait_for()
    page.get_by_label("State").select_option("abandoned")
    page.wait_for_url("**state=abandoned**")
    expect(page.get_by_text("No attempt is like that.")).to_be_visible()


def test_everything_is_deleted_only_after_a_question(visitors: Callable[..., Visitor]) -> None:
    visitor = visitors()
    visitor.attempt(tier="warm-up")
    page = visitor.page("/me")
    page.get_by_role("link", name="Delete everything…").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert _attempts(page) == 1
    page.get_by_role("link", name="Delete everything…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete everything").click()
    page.wait_for_url(f"{visitor.server.url}/")
    assert _attempts(page) == 0


def test_the_review_can_be_read_without_scripts(visitors: Callable[..., Visitor]) -> None:
    visitor = visitors()
    attempt = visitor.attempt(tier="reported", seed=43)
    visitor.context.request.post(f"{visitor.server.url}/api/attempts/{attempt['id']}/finish")
    still = visitors(java_script_enabled=False)
    (cookie,) = [one for one in visitor.context.cookies() if one["name"] == "overfit"]
    still.context.add_cookies([{"name": "overfit", "value": cookie["value"], "url": visitor.server.url}])
    page = still.context.new_page()
    page.goto(f"{visitor.server.url}{attempt['url']}/review")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was run.")
    page.get_by_text("Debrief of bug 1").click()
    expect(page.get_by_role("region", name="Bug 1 and its clean text")).to_be_visible()
    page.get_by_text("As a list").click()
    expect(page.locator(".moments")).to_be_visible()
    page.get_by_role("link", name="Clean program").click()
    expect(page.get_by_text("From the last draft to the clean program")).to_be_visible()


def test_a_sentence_is_marked_by_its_writer_as_the_boxes_are_ticked(visitors: Callable[..., Visitor]) -> None:
    visitor = visitors()
    attempt = visitor.attempt(tier="reported", seed=43)
    (bug, *_others) = visitor.key(attempt)["bugs"]
    said = {"sentence": "It starts from garbage.", "hunk": {"lines": [bug["line"]]}, "draft_seq": 0}
    url = f"{visitor.server.url}/api/stages/{attempt['stages'][0]['id']}/explanations"
    assert visitor.context.request.post(url, data=said).ok
    page = visitor.page(f"{attempt['url']}/review")
    with page.expect_response("**/marks"):
        page.get_by_role("checkbox", name="mechanism").check()
    page.reload()
    expect(page.get_by_role("checkbox", name="mechanism")).to_be_checked()
    expect(page.get_by_role("checkbox", name="location")).not_to_be_checked()
    expect(page.get_by_text("location 0, mechanism 1, consequence 0")).to_be_visible()


def test_each_stage_of_an_hour_has_its_page(visitors: Callable[..., Visitor]) -> None:
    visitor = visitors(reduced_motion="reduce")
    attempt = visitor.attempt(tier="reported", mode="mock", stages=["debug", "complexity", "kv_cache"])
    api = f"{visitor.server.url}/api"
    for _ in range(2):
        (*_before, stage) = visitor.read(attempt)["stages"]
        assert visitor.context.request.post(f"{api}/stages/{stage['id']}/done").ok
    assert visitor.context.request.post(f"{api}/attempts/{attempt['id']}/finish").ok
    page = visitor.page(f"{attempt['url']}/review")
    assert barriers(page) == []
    for name, heading in (("Complexity", "Nothing was derived."), ("KV cache", "Nothing was run.")):
        page.get_by_role("navigation", name="Stages").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert barriers(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def _attempts(page: Page) -> int:
    totals: dict[str, int] = page.evaluate("fetch('/api/history').then(a => a.json()).then(h => h.totals)")
    return totals["attempts"]
