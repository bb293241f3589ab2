"""The review over HTTP: what happened when, what was fixed and what a run showed; no key before its time."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from app.settings import Settings
from tests.app.fakes import BUG_IDS, passing, waiting, write_pack
from tests.app.history.conftest import Sitting, telling

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
MINUTE = 60_000


async def fix(sitting: Sitting, bug: Json) -> None:
    await sitting.edit(bug["bugged"], bug["clean"])


async def test_an_hour_is_told_with_its_times_runs_and_both_verdicts(sitting: Sitting) -> None:
    sitting.later(minutes=3)
    await sitting.edit("def first", "# read\ndef first")
    sitting.later(minutes=4)
    await sitting.run(telling(fixed=1))
    sitting.later(minutes=1)
    await sitting.finish()
    review = await sitting.review()
    assert review["times"]["first_run_ms"] == 7 * MINUTE
    assert review["times"]["total_ms"] == 8 * MINUTE
    held = {one["name"]: one["at_ms"] for one in review["times"]["properties"]}
    assert held == {"causal": None, "runs": 7 * MINUTE}
    assert [run["verdict"]["outcome"] for run in review["runs"]] == ["failed"]
    assert review["look"] == "lied"
    assert review["headline"] == "One of two, and the loss lied."
    assert review["sentence"].startswith("Both criteria passed at 7:00. 1 of 2 properties does not hold")


async def test_a_fix_is_timed_in_the_file_and_again_where_a_run_shows_it(sitting: Sitting) -> None:
    bugs = await sitting.reveal()
    sitting.later(minutes=2)
    await fix(sitting, bugs[0])
    sitting.later(minutes=3)
    await sitting.run(telling(fixed=1))
    sitting.later(minutes=5)
    await fix(sitting, bugs[1])
    sitting.later(minutes=1)
    await sitting.finish()
    first, second = (await sitting.review())["lanes"]
    assert (first["fixed_ms"], first["seen_ms"], first["now"]) == (2 * MINUTE, 5 * MINUTE, "seen")
    assert [span["kind"] for span in first["spans"]] == ["broken", "file", "seen"]
    assert (second["fixed_ms"], second["seen_ms"], second["now"]) == (10 * MINUTE, None, "file")


async def test_a_fix_in_other_words_counts_from_the_last_edit_of_its_definition(sitting: Sitting) -> None:
    bugs = await sitting.reveal()
    sitting.later(minutes=2)
    await sitting.edit(bugs[0]["bugged"], "x + 99")
    sitting.later(minutes=2)
    await sitting.edit("x + 99", "1 + x")
    sitting.later(minutes=2)
    await sitting.run(telling(fixed=1))
    lane = (await sitting.review())["lanes"][0]
    assert lane["fixed_ms"] == 4 * MINUTE


async def test_an_open_practice_tells_no_name_no_line_and_not_what_an_unrun_edit_fixed(
    client: Any, sitting: Sitting
) -> None:
    starter = sitting.draft
    await sitting.edit("x + 2" if "x + 2" in starter else "x - 1", "x + 1")
    await sitting.run(telling(fixed=0))
    review = await sitting.review()
    text = (await client.get(f"{sitting.url}/review")).text
    assert not [name for name in BUG_IDS if name in text]
    assert review["bugs"] == []
    assert [lane["fixed_ms"] for lane in review["lanes"]] == [None, None]
    assert [step["name"] for step in review["steps"]] == ["latest", "run-1"]
    assert (await client.get(f"{sitting.url}/changes/clean")).status_code == 403


async def test_an_open_mock_tells_no_verdict_and_no_count(mock_sitting: Sitting) -> None:
    await mock_sitting.run(telling(fixed=1))
    review = await mock_sitting.review()
    assert review["look"] == "hidden"
    assert review["seed"] is None
    assert review["lanes"] == review["bugs"] == review["times"]["properties"] == []
    assert review["verified"] is None
    assert [run["verdict"] for run in review["runs"]] == [None]
    await mock_sitting.finish()
    after = await mock_sitting.review()
    assert len(after["lanes"]) == len(after["bugs"]) == 2


async def test_each_bug_is_told_with_its_line_the_hints_taken_and_your_sentence(sitting: Sitting) -> None:
    bugs = await sitting.reveal()
    await sitting.hint(2)
    line = sitting.line(bugs[0]["bugged"])
    await fix(sitting, bugs[0])
    await sitting.explain("Because.", line)
    await sitting.explain("At large.")
    await sitting.finish()
    review = await sitting.review()
    told = {bug["slot"]: bug for bug in review["bugs"]}
    assert told[1]["yours"] == ["Because."]
    assert told[1]["line"] == line
    assert told[1]["why"] == f"why of {bugs[0]['id']}"
    assert "Debrief of" in told[1]["debrief_html"]
    assert told[2]["yours"] == []
    assert [(hint["slot"], hint["rung"]) for hint in review["hints"]] == [(2, 1)]
    assert [one["slot"] for one in review["ledger"]] == [1, None]


async def test_verified_is_a_run_of_the_last_draft_that_met_both_criteria(sitting: Sitting) -> None:
    await sitting.edit("def third", "# here\ndef third")
    await sitting.run(telling(fixed=1))
    assert (await sitting.review())["verified"]["run"] == 1
    await sitting.edit("# here\n", "")
    assert (await sitting.review())["verified"] is None
    await sitting.run(telling(fixed=1, criteria=False))
    assert (await sitting.review())["verified"] is None


async def test_a_run_that_ends_after_the_time_verifies_nothing(client: Any, sitting: Sitting) -> None:
    sitting.sandbox.script = waiting
    sitting.later(minutes=59)
    await client.post(f"/api/stages/{sitting.stage['id']}/runs", json={"code": sitting.draft})
    sitting.later(minutes=2)
    review = await sitting.review()
    assert review["state"] == "expired"
    assert review["verified"] is None
    assert review["times"]["total_ms"] == 60 * MINUTE


async def test_a_right_draft_that_was_never_run_is_right_but_unseen(sitting: Sitting) -> None:
    bugs = await sitting.reveal()
    for bug in bugs:
        await fix(sitting, bug)
    await sitting.finish()
    review = await sitting.review()
    assert review["headline"] == "Right, but unseen."
    assert [lane["now"] for lane in review["lanes"]] == ["file", "file"]


async def test_all_of_it_holds_with_the_time_that_was_left(sitting: Sitting) -> None:
    sitting.later(minutes=20)
    await sitting.run(passing)
    await sitting.finish()
    review = await sitting.review()
    assert review["headline"] == "All of it holds."
    assert review["sentence"] == "Both criteria and 2 properties. 1 run, 40:00 to spare."


async def test_what_passed_and_was_edited_after_says_so(sitting: Sitting) -> None:
    await sitting.run(passing)
    await sitting.edit("def third", "def third_of")
    await sitting.finish()
    assert (await sitting.review())["headline"] == "All of it held, then it was edited."


async def test_changes_are_shown_from_the_starter_by_each_run_and_against_the_clean_program(
    client: Any, sitting: Sitting
) -> None:
    await sitting.edit("def third(x):", "def third(y):")
    await sitting.run(telling(fixed=0))
    await sitting.run(telling(fixed=0))
    await sitting.finish()
    review = await sitting.review()
    assert [step["name"] for step in review["steps"]] == ["latest", "run-1", "clean"]
    change = (await client.get(f"{sitting.url}/changes/run-1")).json()
    assert (change["before"], change["after"]) == ("the starter", "run 1")
    assert (change["diff"]["added"], change["diff"]["removed"]) == (1, 1)
    assert change["diff"]["hunks"][0]["where"] == "third"
    clean = (await client.get(f"{sitting.url}/changes/clean")).json()
    assert clean["diff"]["removed"] >= 3
    assert (await client.get(f"{sitting.url}/changes/run-2")).status_code == 404


async def test_edits_are_counted_by_quarter_of_a_minute_in_marked_code_and_elsewhere(
    sitting: Sitting,
) -> None:
    sitting.later(minutes=2.5)
    await sitting.edit("return x - 3", "return x - 30")
    await sitting.edit("return x", "return  x")
    review = await sitting.review()
    work = review["times"]["work"]
    assert work["elsewhere"] == {"10": 1}
    assert work["marked"] == {"10": 1}
    assert work["elsewhere_ms"] == MINUTE


async def test_the_review_reads_the_same_after_the_pack_has_changed(
    sitting: Sitting, settings: Settings
) -> None:
    await sitting.run(telling(fixed=1))
    await sitting.finish()
    before = await sitting.review()
    shutil.rmtree(settings.problems)
    write_pack(settings.problems)
    path = settings.problems / "tiny" / "bugs.toml"
    path.write_text(path.read_text().replace("why of", "other why of"))
    assert await sitting.review() == before


async def test_another_persons_review_is_not_there(sitting: Sitting, new_client: Any) -> None:
    other = await new_client()
    for path in ("review", "changes/latest"):
        assert (await other.get(f"{sitting.url}/{path}")).status_code == 404
