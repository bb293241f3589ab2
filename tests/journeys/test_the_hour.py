"""A mock hour as a candidate sits it, from the lobby to the report, by a clock that runs ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.journeys.actions import check, headline, paste, run, type_at_the_top, wait_until_saved
from tests.journeys.people import Server, Visitor
from tests.journeys.programs import cached, clean, of_pack
from tests.journeys.test_every_page import barriers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# how the editor says that a worker's script did not come: in words, or by the bare event
AWAY = ("exception: Failed to execute 'importScripts'", "exception: ...: ErrorEvent", "exception: ErrorEvent")
DERIVED = {"step": "T^2 * d + T*d^2", "total": "T^3 d", "cached_step": "O(T·d)", "cached_total": "T² d"}


@pytest.fixture(scope="module")
def ahead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose clock a test moves, and whose slow machine is not that slow."""
    folder = tmp_path_factory.mktemp("ahead")
    clock = folder / "clock"
    clock.write_text("0")
    started = Server(folder / "data", {"OVERFIT_SLOW_SECONDS": "0.2"}, clock=clock)
    started.start()  # its runs wait until the judge is warm
    yield started
    started.stop()


@pytest.fixture
def candidate(visitors: Callable[..., Visitor], ahead: Server) -> Iterator[Visitor]:
    """A person whose editor may ask for a worker's script while the server is away for a restart."""
    person = visitors(ahead, reduced_motion="reduce")
    yield person
    person.noted[:] = [note for note in person.noted if not note.startswith(AWAY)]


def opened(page: Page) -> None:
    page.locator("body[data-editor=monaco]").wait_for()


def again(page: Page) -> None:
    page.reload()
    page.locator("html[data-ready]").wait_for()


def be_done(page: Page) -> None:
    """Say it, and say it again; the page that comes then is another one."""
    page.get_by_role("button", name="I am done").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="I am done").click()
    page.locator("html[data-ready]").wait_for()


def attempt_at(visitor: Visitor, page: Page) -> dict[str, Any]:
    return visitor.read({"id": page.url.split("/attempts/")[1].split("/")[0]})


def test_a_whole_mock_hour_from_the_lobby_to_the_report(candidate: Visitor, ahead: Server) -> None:
    page = candidate.page("/")
    page.locator("details.choices summary").click()
    page.get_by_role("radio", name="Mock").check()
    page.get_by_label("Stages").select_option("hour_kv_cache")
    page.get_by_role("button", name="Start as chosen").click()
    opened(page)
    attempt = attempt_at(candidate, page)
    sentence = attempt["stages"][0]["sentence"]
    assert barriers(page) == []

    # debug: a draft outlives a reload and a restart, a hint costs, runs are counted, nothing is judged
    type_at_the_top(page, "# read twice\n")
    wait_until_saved(page)
    ahead.restart()
    again(page)
    opened(page)
    expect(page.locator(".view-line").first).to_have_text("# read twice")
    page.keyboard.press("Alt+2")
    page.get_by_role("button", name="Ask for a hint").click()
    expect(page.locator(".hints .cost").first).to_contain_text("1 minute")
    ahead.pass_time(minutes=20)
    again(page)
    opened(page)
    paste(page, clean(sentence))
    run(page)
    expect(page.locator("[data-ref=budget-words]")).to_have_text("3 of 4 runs left")
    expect(headline(page)).to_have_text("Verdict")
    expect(page.locator("[data-ref=verdict]")).to_contain_text("withheld")
    be_done(page)

    # the gate: answers outlive a reload and a restart, and open more time
    expect(page.get_by_role("heading", name="What does it cost?")).to_be_visible()
    page.locator("#answer-step").fill("T d")
    page.keyboard.press("Enter")
    expect(page.locator("[data-question=step]")).to_contain_text("1 try left")
    ahead.restart()
    again(page)
    expect(page.locator("[data-question=step]")).to_contain_text("You wrote T d")
    for question, text in DERIVED.items():
        page.locator(f"#answer-{question}").fill(text)
        page.keyboard.press("Enter")
        expect(page.locator(f"[data-question={question}]")).to_contain_text("Right.")
    expect(page.get_by_text("10 more minutes for what follows")).to_be_visible()
    ahead.wait_until_ready()
    page.get_by_role("button", name="Measure it").click()
    expect(page.get_by_role("img", name="Without a cache a step takes")).to_be_visible(timeout=30_000)
    assert barriers(page) == []
    be_done(page)

    # the follow-up goes on from the file that held
    opened(page)
    page.keyboard.press("Alt+1")
    expect(page.get_by_text("It begins with your own file")).to_be_visible()
    ahead.restart()
    again(page)
    opened(page)
    paste(page, cached(sentence))
    ahead.pass_time(minutes=15)
    run(page)
    assert barriers(page) == []
    be_done(page)

    # with time left the other one follows; then the report
    opened(page)
    ahead.restart()
    again(page)
    opened(page)
    assert attempt_at(candidate, page)["stages"][-1]["kind"] == "classifier"
    page.get_by_role("button", name="I am done").click()
    page.get_by_role("dialog").get_by_role("button", name="Finish and review").click()
    page.wait_for_url("**/review")
    expect(page.get_by_role("heading", level=1)).to_have_text("All of it holds.")
    expect(page.locator(".stamp")).to_contain_text("Verified")
    for title in ("Debug", "Complexity", "KV cache", "Classifier"):
        expect(page.get_by_role("main")).to_contain_text(title)
    assert barriers(page) == []


def test_nothing_that_reaches_the_browser_in_a_mock_tells_a_bug(candidate: Visitor) -> None:
    bodies: list[str] = []

    def note(response: Response) -> None:
        if response.request.resource_type in ("document", "fetch", "xhr"):
            bodies.append(response.text())

    attempt = candidate.attempt(mode="mock", slow=False)
    stage = attempt["stages"][0]
    page = candidate.page()
    page.on("response", note)
    page.goto(candidate.server.url + attempt["url"])
    opened(page)
    for _ in range(2):
        run(page)
    page.keyboard.press("Alt+2")
    again(page)
    opened(page)
    for path in ("/", "/history", "/problems", f"{attempt['url']}/review", "/api/history"):
        bodies.append(candidate.context.request.get(candidate.server.url + path).text())
    for path in ("review", "review/changes"):
        url = f"{candidate.server.url}/api/attempts/{attempt['id']}/{path}"
        bodies.append(candidate.context.request.get(url).text())
    bodies.append(candidate.context.request.get(f"{candidate.server.url}/api/me/export").text())
    for one in candidate.read(attempt)["stages"][0]["runs"]:
        url = f"{candidate.server.url}/api/runs/{one['id']}"
        bodies += [candidate.context.request.get(url + tail).text() for tail in ("", "/events")]
    key = candidate.context.request.post(f"{candidate.server.url}/api/attempts/{attempt['id']}/finish")
    assert key.ok
    told = "\n".join(bodies)
    assert stage["id"] in told  # something was read
    assert '"broken"' not in told and '"held"' not in told
    for bug in candidate.key(attempt)["bugs"]:
        said = [bug[field] for field in ("title", "why", "debrief")]
        said += [text for text in (f'"{bug["id"]}"', bug["clean"]) if text not in stage["starter"]]
        assert [text for text in said if text in told] == []


def test_a_mock_in_which_the_time_runs_out_before_verifying(candidate: Visitor, ahead: Server) -> None:
    attempt = candidate.attempt(mode="mock", shape="gpt", slow=False, minutes=30)
    page = candidate.workspace(attempt)
    paste(page, clean(attempt["stages"][0]["sentence"]))
    wait_until_saved(page)
    ahead.pass_time(minutes=27)
    again(page)
    expect(page.locator(".banner.time")).to_contain_text("the time you kept")
    ahead.pass_time(minutes=4)
    again(page)
    expect(page.locator(".banner", has_text="This is over.")).to_be_visible()
    expect(page.get_by_role("button", name="Run")).to_be_disabled()
    page.get_by_role("button", name="Review", exact=True).click()
    page.wait_for_url("**/review")
    expect(page.get_by_role("heading", level=1)).to_have_text("Right, but unseen.")


SOLVED = {
    "kv_cache": ("kv_cache/shapes/gpt.py", "kv_cache/wrong/mask_only_while_empty.py"),
    "classifier": ("classifier/shapes/causal.py", "classifier/wrong/loss_changed_and_not_the_output.py"),
    "token_classifier": (
        "token_classifier/shapes/digits.py",
        "token_classifier/wrong/slices_the_language_head.py",
    ),
}


@pytest.mark.parametrize("follow_up", SOLVED)
def test_each_follow_up_can_be_solved_and_failed(candidate: Visitor, follow_up: str) -> None:
    solved, failed = SOLVED[follow_up]
    attempt = candidate.attempt(stages=[follow_up])
    page = candidate.workspace(attempt)
    check(page)  # as it was given
    expect(headline(page)).not_to_have_text("All of it holds.")
    paste(page, of_pack(failed))
    check(page)
    expect(headline(page)).not_to_have_text("All of it holds.")
    assert barriers(page) == []
    paste(page, of_pack(solved))
    run(page)
    expect(headline(page)).to_have_text("All of it holds.")
    assert barriers(page) == []
