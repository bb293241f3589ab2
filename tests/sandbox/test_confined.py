"""What a process prints and claims: capped, decoded, and believed only as far as its form goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.confined import Output, Reports
from sandbox.limits import Limits
from sandbox.stream import Stream


class Told:
    """Collects the events, and whether the process was stopped."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stopped = False
        self.stream = Stream(self.tell)

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        self.events.append((kind, data))

    def stop(self) -> None:
        self.stopped = True

    def text(self, stream: str) -> str:
        self.stream.flush()
        return "".join(data["text"] for _, data in self.events if data["stream"] == stream)


def output_of(limit: int) -> tuple[Told, Output]:
    told = Told()
    return told, Output(told.stream, limits=Limits(output_bytes=limit), on_excess=told.stop)


@given(text=st.text(), size=st.integers(1, 7))
def test_text_is_whole_however_its_bytes_are_cut(text: str, size: int) -> None:
    told, output = output_of(1 << 20)
    take, data = output.taker("stdout"), text.encode()
    for start in range(0, len(data), size):
        take(data[start : start + size])
    take(b"")
    assert told.text("stdout") == text


@given(data=st.binary(max_size=2000), limit=st.integers(0, 1000))
def test_both_streams_together_end_at_the_cap_and_stop_the_process(data: bytes, limit: int) -> None:
    told, output = output_of(limit)
    half = len(data) // 2
    for stream, part in (("stdout", data[:half]), ("stderr", data[half:])):
        take = output.taker(stream)
        take(part)
        take(b"")
    assert told.stopped == (len(data) > limit)
    assert len(told.text("stdout")) + len(told.text("stderr")) <= limit


def test_bytes_that_are_no_text_are_replaced() -> None:
    told, output = output_of(100)
    output.taker("stderr")(b"a\xffb")
    assert told.text("stderr") == "a\ufffdb"


def test_an_event_holds_a_bounded_text() -> None:
    told, output = output_of(1 << 20)
    output.taker("stdout")(b"x" * 50_000)
    told.stream.flush()
    assert max(len(data["text"]) for _, data in told.events) <= 16 << 10


def reported(*lines: bytes, limit: int = 1 << 20) -> tuple[Told, Reports]:
    told = Told()
    reports = Reports(told.stream, limits=Limits(report_bytes=limit))
    for line in lines:
        reports.take(line + b"\n")
    told.stream.flush()
    return told, reports


def test_loss_points_are_passed_on_and_the_rest_is_kept() -> None:
    told, reports = reported(b'{"loss": [[0, 3.5], [1, 2]]}', b'{"losses": 2}', b'{"failure": {"kind": "x"}}')
    assert told.events == [("loss", {"points": [[0, 3.5], [1, 2.0]]})]
    assert [sorted(claim) for claim in reports.kept] == [["losses"], ["failure"]]
    assert reports.kept[0] == {"losses": 2}


@pytest.mark.parametrize(
    "claim",
    [
        *(b"", b"[]", b"null", b"{", b'{"loss": 1}', b"\xff\xfe", b"[" * 60_000),
        b'{"loss": [1, [2], ["a", 1], [true, 1], [1, "b"]]}',
        b'{"loss": [[1, 1' + b"0" * 5000 + b"]]}",
        b'{"loss": [[1' + b"0" * 4000 + b", 1.0], [-1, 1.0]]}",
    ],
)
def test_a_malformed_claim_is_no_event(claim: bytes) -> None:
    assert reported(claim)[0].events == []


def test_a_loss_that_json_cannot_hold_is_null() -> None:
    told, _ = reported(b'{"loss": [[0, NaN], [1, Infinity], [2, 1.5]]}')
    assert told.events == [("loss", {"points": [[0, None], [1, None], [2, 1.5]]})]
    assert json.dumps(told.events, allow_nan=False)


def test_past_the_bound_the_curve_stops_and_a_failure_is_still_heard() -> None:
    point = b'{"loss": [[0, 1.0]]}'
    told, reports = reported(*[point] * 10, b'{"failure": {}}', limit=3 * len(point))
    assert sum(len(data["points"]) for _, data in told.events) == 3
    assert [sorted(claim) for claim in reports.kept] == [["failure"]]


def test_a_claim_nested_deeply_goes_no_further() -> None:
    nested = b"[" * 900 + b"]" * 900
    kept = reported(b'{"failure": {"message": %b, "traceback": [{"text": %b}]}}' % (nested, nested))[1].kept
    assert kept[0]["failure"]["traceback"][0]["text"] == ""
    assert json.dumps(kept)


def test_only_so_many_claims_are_kept() -> None:
    assert len(reported(*[b'{"failure": {}}'] * 100)[1].kept) == 8


def test_after_a_line_too_long_nothing_more_is_believed() -> None:
    told, reports = reported(b"x" * 70_000, b'{"loss": [[0, 1.0]]}', b'{"failure": {}}')
    assert (told.events, reports.kept) == ([], [])


def test_after_a_flood_of_lines_nothing_more_is_believed() -> None:
    reports = reported(*[b""] * 5000, b'{"failure": {}}', limit=1000)[1]
    assert reports.kept == []


def test_single_bytes_to_both_streams_in_turn_are_few_events() -> None:
    told, output = output_of(1 << 20)
    out, err = output.taker("stdout"), output.taker("stderr")
    for _ in range(1000):
        out(b"o")
        err(b"e")
    assert (told.text("stdout"), told.text("stderr")) == ("o" * 1000, "e" * 1000)
    assert len(told.events) < 500


def test_the_first_output_does_not_wait() -> None:
    told, output = output_of(100)
    output.taker("stdout")(b"first")
    assert told.events == [("output", {"stream": "stdout", "text": "first"})]
