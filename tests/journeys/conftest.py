"""A real server with the real sandbox, a real browser, and pages that fail on what a person would not see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.journeys.people import Server, Visitor

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The hours first: begun last, one would keep everybody waiting on an idle processor."""
    items.sort(key=lambda item: "test_the_hour" not in item.nodeid)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("overfit"))
    started.start()
    started.wait_until_ready()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield from _launched(playwright)


def _launched(playwright: Playwright) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
    yield launched
    launched.close()


def chromium() -> str:
    """The browser that the journeys drive; without one they fail, they don't skip."""
    found = os.environ.get("OVERFIT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail("No chromium: install it (apt-get install chromium), or name one in OVERFIT_CHROMIUM.")
    return found


@pytest.fixture
def visitors(server: Server, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes people; at the end none of their pages may have broken its policy or thrown."""
    made: list[Visitor] = []

    def visitor(server: Server = server, **options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(30_000)
        made.append(Visitor(context, server))
        return made[-1]

    yield visitor
    for one in made:
        one.context.close()
    assert [note for one in made for note in one.noted] == []


@pytest.fixture
def visitor(visitors: Callable[..., Visitor]) -> Visitor:
    return visitors()
