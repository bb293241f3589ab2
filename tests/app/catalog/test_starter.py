"""A starter is the shape with bugs, sentence and marks put in, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.catalog import Problem, choose, compose, material
from app.errors import BadInput


def test_bugs_sentence_and_marks_are_put_in(problem: Problem) -> None:
    starter = compose(problem, choose(problem, bugs=["never-added", "halved"], seed=1, sentence="sea"))
    assert starter.sentence == "she sells sea shells ashore"
    assert 'SENTENCE = "she sells sea shells ashore"\n' in starter.source
    assert "# marked: there is a bug in this function\ndef first(x):\n    return x - 1\n" in starter.source
    assert "# marked: there is a bug in this function\ndef second(x):\n    return x / 2\n" in starter.source
    assert "\n\n\ndef third(x):" in starter.source


def test_without_marks_no_comment_is_added(problem: Problem) -> None:
    variant = choose(problem, bugs=["halved"], seed=1, sentence="fox", marks=False)
    assert compose(problem, variant).source == problem.shapes["tiny"].replace("x * 2", "x / 2")


def test_each_slot_knows_its_line_in_the_starter(problem: Problem) -> None:
    starter = compose(problem, choose(problem, bugs=["never-added", "halved"], seed=1))
    lines = starter.source.splitlines()
    assert {lines[slot.line - 1].strip() for slot in starter.slots} == {"return x - 1", "return x / 2"}
    assert [slot.number for slot in starter.slots] == [1, 2]
    assert [slot.bug.id for slot in starter.slots] == list(starter.variant.bugs)


def test_bugs_that_overlap_do_not_go_together(problem: Problem) -> None:
    with pytest.raises(BadInput, match="do not go together"):
        compose(problem, choose(problem, bugs=["halved", "squared"], seed=1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bugs": ("gone",)}, "no bug “gone”"),
        ({"sentence": "gone"}, "no sentence “gone”"),
        ({"shape": "gone"}, "no shape “gone”"),
    ],
)
def test_a_variant_of_what_the_pack_no_longer_has_is_refused(
    problem: Problem, change: dict[str, str], words: str
) -> None:
    variant = replace(choose(problem, bugs=["halved"], seed=1), **change)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=words):
        compose(problem, variant)


def test_the_judge_gets_the_shape_with_the_starters_sentence_and_whole_lines(problem: Problem) -> None:
    starter = compose(problem, choose(problem, bugs=["halved"], seed=1, sentence="dog"))
    given = material(problem, starter)
    (bug,) = given.bugs
    assert (bug.find, bug.replace) == ("    return x * 2", "    return x / 2")
    assert given.shape == problem.shapes["tiny"].replace(problem.sentences["fox"], problem.sentences["dog"])
    assert (given.text, given.pack_digest) == (problem.sentences["dog"], problem.digest)


def test_a_sentence_with_quotes_is_put_in_as_it_is(problem: Problem) -> None:
    said = 'she said "no" \\ he said “yes”'
    quoting = replace(problem, sentences={"said": said})
    source = compose(quoting, choose(quoting, bugs=["halved"], seed=1)).source
    namespace: dict[str, object] = {"__name__": "starter"}
    exec(source, namespace)
    assert namespace["SENTENCE"] == said
