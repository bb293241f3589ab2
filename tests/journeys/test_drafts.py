"""Nothing typed is lost: two tabs, a lost connection, a killed server, a browser without the large editor."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.actions import headline, type_at_the_top, wait_until_saved
from tests.journeys.people import Server, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_second_tab_is_asked_before_it_writes_over_the_first(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    first, second = visitor.workspace(attempt), visitor.workspace(attempt)
    first.bring_to_front()
    type_at_the_top(first, "# from the first tab\n")
    wait_until_saved(first)

    second.bring_to_front()
    type_at_the_top(second, "# from the second tab\n")
    question = second.get_by_role("dialog", name="Another tab wrote to this draft")
    question.get_by_role("button", name="Take over the newer text").click()
    wait_until_saved(second)
    type_at_the_top(second, "# and on it goes\n")
    expect(second.locator("[data-ref=saved]")).to_have_text("saved")
    draft = visitor.read(attempt)["stages"][0]["draft"]
    assert draft.startswith("# and on it goes\n# from the first tab\n")

    first.bring_to_front()
    type_at_the_top(first, "# late\n")
    first.get_by_role("dialog").get_by_role("button", name="Read only here").click()
    expect(first.locator(".banner")).to_contain_text("Read only: another tab writes to this draft.")


def test_a_tab_may_keep_its_own_text_over_a_newer_one(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    first, second = visitor.workspace(attempt), visitor.workspace(attempt)
    first.bring_to_front()
    type_at_the_top(first, "# first\n")
    wait_until_saved(first)
    second.bring_to_front()
    type_at_the_top(second, "# second\n")
    second.get_by_role("dialog").get_by_role("button", name="Keep the text of this tab").click()
    wait_until_saved(second)
    assert visitor.read(attempt)["stages"][0]["draft"].startswith('# second\n"""')


def test_what_is_typed_offline_is_shown_as_such_and_sent_later(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    type_at_the_top(page, "# above ground\n")
    wait_until_saved(page)
    page.wait_for_load_state("networkidle")  # the editor fetches its worker with the first edit
    visitor.context.set_offline(True)
    type_at_the_top(page, "# typed in a tunnel\n")
    expect(page.locator(".banner")).to_have_text(
        "Connection lost. You can go on typing; everything is sent when it is back."
    )
    visitor.context.set_offline(False)
    expect(page.locator(".banner", has_text="Connection lost")).to_have_count(0)
    wait_until_saved(page)
    assert visitor.read(attempt)["stages"][0]["draft"].startswith("# typed in a tunnel\n")


def test_what_a_closed_tab_could_not_send_is_sent_by_the_next(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    page.route("**/edits", lambda route: route.abort())
    type_at_the_top(page, "# never sent\n")
    expect(page.locator("[data-ref=saved]")).to_have_text("not sent yet")
    page.close()
    again = visitor.workspace(attempt)
    wait_until_saved(again)
    expect(again.locator(".view-line").first).to_contain_text("never sent")
    assert visitor.read(attempt)["stages"][0]["draft"].startswith("# never sent\n")


def test_a_killed_server_comes_back_and_nothing_is_lost(
    tmp_path: Path, visitors: Callable[..., Visitor]
) -> None:
    own = Server(tmp_path, settings={"OVERFIT_JUDGE": "false"})  # nothing is run: it starts at once
    own.start()
    visitor = visitors(server=own)
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    type_at_the_top(page, "# before\n")
    wait_until_saved(page)
    own.stop(signal.SIGKILL)
    type_at_the_top(page, "# while it was away\n")
    expect(page.locator(".banner", has_text="Connection lost")).to_be_visible()
    own.start(port=int(own.url.rsplit(":", 1)[1]))
    wait_until_saved(page)
    assert visitor.read(attempt)["stages"][0]["draft"].startswith("# while it was away\n# before\n")
    own.stop()


def test_without_the_large_editor_the_plain_one_saves_the_same_draft(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    visitor.context.route("**/loader.js", lambda route: route.abort())
    page = visitor.workspace(attempt, editor="plain")
    field = page.get_by_role("textbox", name="gpt.py")
    expect(field).to_have_value(attempt["stages"][0]["starter"])
    field.press("Control+Home")
    field.press_sequentially("# plain\n")
    wait_until_saved(page)
    assert visitor.read(attempt)["stages"][0]["draft"].startswith("# plain\n")
    field.fill("def train(:\n")
    page.get_by_role("button", name="Check").click()
    expect(headline(page)).to_have_text("Python can't read line 1.", timeout=60_000)


def test_the_starter_comes_back_when_asked_for(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    type_at_the_top(page, "# away with it\n")
    page.get_by_role("button", name="Back to the starter").click()
    page.get_by_role("dialog").get_by_role("button", name="Back to the starter").click()
    wait_until_saved(page)
    assert visitor.read(attempt)["stages"][0]["draft"] == attempt["stages"][0]["starter"]
    first_line = attempt["stages"][0]["starter"].splitlines()[0]
    expect(page.locator(".view-line").first).to_have_text(first_line)
