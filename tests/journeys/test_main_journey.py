"""The journey that everything is for: start, run, fix, check, come back, find it again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.actions import check, headline, paste, run, wait_until_saved
from tests.journeys.people import Visitor
from tests.journeys.programs import clean, leaky

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_a_newcomer_debugs_a_round_and_finds_it_again(visitor: Visitor) -> None:
    page = visitor.page("/")
    page.get_by_role("button", name="Start a round").click()
    page.locator("body[data-editor=monaco]").wait_for()
    address = page.url
    attempt = visitor.read({"id": address.rsplit("/", 1)[1]})
    stage = attempt["stages"][0]

    run(page)
    expect(headline(page)).not_to_have_text("All of it holds.")
    expect(headline(page)).to_have_text(re.compile(r"Not yet\.|It stopped|The loss lied\.|It ran out|It was"))
    expect(page.locator("[data-ref=output]")).to_contain_text("$ python gpt.py")

    paste(page, clean(stage["sentence"]))
    check(page)
    expect(headline(page)).to_have_text("All of it holds.")
    expect(page.locator(".bugline")).to_contain_text(f"{attempt['bug_count']} fixed")
    wait_until_saved(page)

    page.reload()
    page.locator("body[data-editor=monaco]").wait_for()
    expect(headline(page)).to_have_text("All of it holds.")
    assert visitor.read(attempt)["stages"][0]["draft"] == clean(stage["sentence"])

    page.get_by_role("button", name="Finish").click()
    page.get_by_role("dialog").get_by_role("button", name="Finish and review").click()
    page.wait_for_url("**/review")
    for bug in visitor.key(attempt)["bugs"]:
        expect(page.locator("#main")).to_contain_text(bug["title"])

    page.goto(f"{visitor.server.url}/history")
    row = page.locator("tbody tr", has=page.locator(f"a[href^='/attempts/{attempt['id']}']"))
    expect(row).to_contain_text("2 of 2")
    expect(row).to_contain_text(f"{attempt['bug_count']} of {attempt['bug_count']}")


def test_a_leaky_mask_passes_the_interviewer_and_not_the_judge(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    paste(page, leaky(attempt["stages"][0]["sentence"]))
    run(page)
    expect(headline(page)).to_have_text("The loss lied.")
    expect(page.locator(".saw")).to_contain_text("2 of 2")
    expect(page.locator(".saw")).to_contain_text("The sentence came out")
    truth = page.locator(".fact.fail", has_text="No position sees the future")
    expect(truth).to_contain_text("It must be 0")
    yours = page.get_by_role("img", name=re.compile(r"Yours: [1-9]\d* of 66 cells above the diagonal"))
    expect(yours).to_be_visible()
    expect(page.get_by_role("img", name="Reference: no position responds")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Training loss by step: from"))).to_be_visible()


PICTURED = {
    "Every parameter gets a gradient": (
        "x = tokens + positions  #",
        "x = tokens + positions.detach()  #",
        r"Yours: 1 of 30 parameter tensors get no gradient: position_embedding\.",
    ),
    "Attention rows sum to 1": (
        "att = F.softmax(att, dim=-1)",
        "att = torch.sigmoid(att)",
        r"Yours: \d+ of 12 rows do not sum to 1; sums from",
    ),
    "Positions start at a sane scale": (
        "self.position_embedding, std=0.02",
        "self.position_embedding, std=20",
        r"Yours: norms of 128 positions from \d+ to \d+; mean norm of a token 0\.\d+",
    ),
}


def test_a_broken_property_is_drawn_beside_the_reference(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    for title, (find, replacement, words) in PICTURED.items():
        source = clean(attempt["stages"][0]["sentence"])
        assert find in source
        paste(page, source.replace(find, replacement))
        check(page)
        expect(page.locator(".fact.fail", has_text=title)).to_be_visible()
        expect(page.get_by_role("img", name=re.compile(words))).to_be_visible()
    page.get_by_role("button", name="As a table").first.click()
    table = page.get_by_role("region", name="Norm of each row of the table of positions")
    expect(table.get_by_role("row")).to_have_count(129)


def test_the_warm_up_leads_from_the_run_to_the_check(visitor: Visitor) -> None:
    page = visitor.page("/")
    page.get_by_role("button", name="Five-minute warm-up").click()
    page.locator("body[data-editor=monaco]").wait_for()
    stage = visitor.read({"id": page.url.rsplit("/", 1)[1]})["stages"][0]
    step = page.locator(".coach [aria-current=step]")
    expect(step).to_have_text("1 Run")
    run(page)
    expect(step).to_have_text("2 Read")
    page.get_by_role("button", name="I have read it").click()
    expect(step).to_have_text("3 Fix")
    paste(page, clean(stage["sentence"]))
    expect(step).to_have_text("4 Check")
    check(page)
    expect(page.locator(".coach p")).to_contain_text("That is the round in small")


def test_a_failure_shows_its_line_and_leads_to_it(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    paste(page, "import torch\n\n\ndef train(text:\n    return 1\n")
    check(page)
    expect(headline(page)).to_have_text("Python can't read line 4.")
    expect(page.locator(".monaco-editor .is-failed")).to_have_count(1)
    page.locator("[data-line='4']").first.click()
    expect(page.locator("[data-ref=cursor]")).to_contain_text("Ln 4")


def test_a_run_is_stopped_by_its_key(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    paste(page, "print('on its way', flush=True)\nwhile True:\n    pass\n")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-ref=output]")).to_contain_text("on its way")
    page.keyboard.press("Control+.")
    expect(page.locator("[data-ref=output]")).to_contain_text("stopped")
    expect(page.locator("[data-ref=stop]")).to_be_disabled()


def test_nothing_the_browser_gets_names_a_bug_before_the_reveal(visitor: Visitor) -> None:
    attempt = visitor.attempt(tier="reported")
    page = visitor.workspace(attempt)
    seen = [page.content()]
    run(page)
    run_id = visitor.read(attempt)["stages"][0]["runs"][0]["id"]
    addresses = (f"attempts/{attempt['id']}", f"runs/{run_id}", f"runs/{run_id}/events")
    answers = [visitor.context.request.get(f"{visitor.server.url}/api/{address}") for address in addresses]
    told = "\n".join([*seen, page.content(), *(answer.text() for answer in answers)])
    for bug in visitor.key(attempt)["bugs"]:
        for spoiler in (bug["id"], bug["title"], bug["why"]):
            assert spoiler not in told
