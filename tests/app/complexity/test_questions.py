"""An answer is right by its dominant terms in T; layers and projections are right with and without."""

from __future__ import annotations

import pytest

from app.complexity.questions import BY_NAME, QUESTIONS, judge

RIGHT = {
    "step": ["T^2 d", "L T^2 d", "T^2*d + T*d^2", "L*(T^2 d + T d^2)", "2 T^2 d + 12 T d^2 + T^2 + 5"],
    "total": ["T^3 d", "T^3*d + T^2*d^2", "L T^3 d"],
    "cached_step": ["T d", "T d + d^2", "L (T d + d^2)"],
    "cached_total": ["T^2 d", "T^2 d + T d^2", "L T^2 d"],
    "training": ["T^2 d", "3 T^2 d + T d^2"],
    "memory": ["T d", "2 L T d", "2*T*d"],
}
WRONG = {
    "step": ["T d", "T^3 d", "T^2", "T^2 d^2", "d", "T d^2", "T^2 d + T^2 d^2"],
    "total": ["T^2 d", "T^3", "T^4 d"],
    "cached_step": ["T^2 d", "d^2", "T", "T d^2"],
    "cached_total": ["T^3 d", "T d", "T^2"],
    "training": ["T^3 d", "T d"],
    "memory": ["T^2 d", "T", "d", "L d"],
}


@pytest.mark.parametrize(("name", "answer"), [(name, a) for name, all_of in RIGHT.items() for a in all_of])
def test_a_right_answer_is_right_however_it_is_written(name: str, answer: str) -> None:
    assert judge(BY_NAME[name], answer).right


@pytest.mark.parametrize(("name", "answer"), [(name, a) for name, all_of in WRONG.items() for a in all_of])
def test_a_wrong_answer_is_told_in_which_way_it_is_off_and_not_what_is_right(name: str, answer: str) -> None:
    told = judge(BY_NAME[name], answer)
    assert not told.right
    assert told.words.startswith("It grows")
    assert str(BY_NAME[name].dominant) not in told.words


def test_the_projections_and_the_layers_are_told_with_and_without() -> None:
    bare, full = judge(BY_NAME["step"], "T^2 d"), judge(BY_NAME["step"], "L (T^2 d + T d^2)")
    assert bare.remarks == (
        "The projections add T d²; left out, it is right as T grows.",
        "Each of L layers costs this; left out, it is right as T grows.",
    )
    assert full.remarks == (
        "The projections' T d² is in it: right, and it leads while d is larger than T.",
        "The factor L is in it: right, each layer costs the same.",
    )


def test_every_question_has_an_explanation_and_its_own_answer_is_right() -> None:
    for question in QUESTIONS:
        assert question.why.endswith(".")
        assert judge(question, str(question.dominant)).right
