"""The editor from the CDN: cross-origin, by hash, under the policy that names exact packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Route, expect

from app.assets import CDN, VENDOR
from tests.journeys.actions import type_at_the_top, wait_until_saved
from tests.journeys.people import Server, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def from_the_local_copy(route: Route) -> None:
    """Answer for the CDN, whose files are those of the packages; it allows any origin."""
    path = VENDOR / unquote(route.request.url.removeprefix(CDN))
    route.fulfill(path=path, headers={"access-control-allow-origin": "*"})


def tampered(route: Route) -> None:
    route.fulfill(body="var uPlot = 1;", headers={"access-control-allow-origin": "*"})


@pytest.fixture(scope="module")
def on_cdn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"OVERFIT_ASSETS": "cdn", "OVERFIT_JUDGE": "false"}
    started = Server(tmp_path_factory.mktemp("cdn"), settings=settings)
    started.start()
    yield started
    started.stop()


def test_the_editor_from_the_cdn_works_under_the_same_policy(
    visitors: Callable[..., Visitor], on_cdn: Server
) -> None:
    visitor = visitors(server=on_cdn)
    visitor.context.route(f"{CDN}**", from_the_local_copy)
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    type_at_the_top(page, "# from afar\n")
    wait_until_saved(page)
    expect(page.locator(".view-line").first).to_contain_text("from afar")


def test_without_the_cdn_the_plain_editor_stays(visitors: Callable[..., Visitor], on_cdn: Server) -> None:
    visitor = visitors(server=on_cdn)
    visitor.context.route(f"{CDN}**", lambda route: route.abort())
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt, editor="plain")
    expect(page.get_by_role("textbox", name="gpt.py")).to_have_value(attempt["stages"][0]["starter"])
    expect(page.locator(".toast")).to_contain_text("The plain one does the same")


def test_a_library_with_other_bytes_is_not_run(visitors: Callable[..., Visitor], on_cdn: Server) -> None:
    visitor = visitors(server=on_cdn)
    visitor.context.route(f"{CDN}**", from_the_local_copy)
    visitor.context.route(f"{CDN}**/uPlot.iife.min.js", tampered)
    page = visitor.workspace(visitor.attempt(tier="reported"))
    assert page.evaluate("() => typeof uPlot") == "undefined"
    expect(page.locator("[data-ref=loss-table]")).to_have_count(1)
    visitor.noted = [note for note in visitor.noted if "integrity" not in note]
