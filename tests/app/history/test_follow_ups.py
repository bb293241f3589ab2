"""What is said of the gate and of the follow-ups."""

from __future__ import annotations

from typing import Any

from app.history.follow_ups import of_gate, of_verdict
from tests.app.history.made import gate


def verdict(**statuses: str) -> dict[str, Any]:
    entries = [
        {"name": name, "status": status, "detail": f"Detail of {name}.", "data": {}}
        for name, status in statuses.items()
    ]
    return {"outcome": "failed", "properties": entries}


def test_a_gate_that_was_not_reached_passed_or_half_derived() -> None:
    assert list(of_gate(None, planned=False, debugged_ms=3_600_000, opens_more=True)) == []
    ((passed, words),) = of_gate(None, planned=True, debugged_ms=3_600_000, opens_more=True)
    assert (passed, words) == (False, "The derivation was not reached: debugging took 60 minutes.")
    ((passed, words),) = of_gate(gate(2), planned=True, debugged_ms=0, opens_more=True)
    assert (passed, words) == (False, "2 of 4 costs that count were derived, so there was no more time.")
    ((_passed, words),) = of_gate(gate(2), planned=True, debugged_ms=0, opens_more=False)
    assert words == "2 of 4 costs that count were derived."
    ((passed, words),) = of_gate(gate(6, more=10), planned=True, debugged_ms=0, opens_more=True)
    assert (passed, words) == (True, "All 4 costs that count were derived: 10 more minutes.")


def test_a_cache_whose_single_tokens_depart_points_at_its_length() -> None:
    found = verdict(parity_single="broken", parity_chunks="broken", parity_long="held")
    ((passed, words),) = of_verdict("kv_cache", found)
    assert not passed
    assert words == (
        "2 of 3 decode patterns depart (single, chunks): the offset is the cache's length before the append."
    )


def test_a_cache_whose_chunks_alone_depart_points_at_its_mask() -> None:
    ((_passed, words),) = of_verdict("kv_cache", verdict(parity_single="held", parity_chunks="broken"))
    assert "need a mask moved by its length" in words


def test_a_parity_that_the_file_never_proved_is_told() -> None:
    found = verdict(parity_single="held", own_proof="not_applicable")
    found["properties"][1]["data"] = {"written": False, "called": False}
    assert [words for _, words in of_verdict("kv_cache", found)] == [
        "check_parity() was never written: 0 of the patterns were proven by the file itself.",
        "All 1 decode patterns equal no cache.",
    ]


def test_a_classifier_whose_shape_stayed_is_told_with_its_shape() -> None:
    assert list(of_verdict("classifier", verdict(shapes="broken", pooled="blocked"))) == [
        (False, "The output's shape is not a classifier's. Detail of shapes.")
    ]
    assert [passed for passed, _ in of_verdict("classifier", verdict(shapes="held", pooled="held"))] == [True]


def test_of_what_was_not_judged_nothing_is_said() -> None:
    assert list(of_verdict("kv_cache", None)) == []
    assert list(of_verdict("debug", verdict(causal="broken"))) == []
