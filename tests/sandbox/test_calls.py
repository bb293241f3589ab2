"""The call protocol: what one end writes the other reads, and nothing else gets through."""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.calls import (
    ITEM_BYTES,
    Array,
    Caller,
    CandidateFault,
    Message,
    ProtocolError,
    decode,
    decode_head,
    encode,
    serve,
)

HEAD = struct.Struct("!4sIQ")
BOUND = 1 << 16

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    dtype = draw(st.sampled_from(sorted(ITEM_BYTES)))
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=4)))
    size = math.prod(shape) * ITEM_BYTES[dtype]
    return Array(dtype, shape, draw(st.binary(min_size=size, max_size=size)))


messages = st.builds(
    Message,
    name=st.text(max_size=8),
    fields=st.dictionaries(st.text(max_size=5), json_values, max_size=4),
    arrays=st.dictionaries(st.text(max_size=5), arrays(), max_size=4),
)


def frame(header: bytes, body: bytes = b"", *, magic: bytes = b"OVF1", declared: int | None = None) -> bytes:
    return HEAD.pack(magic, len(header), len(body) if declared is None else declared) + header + body


def header_of(**changed: object) -> bytes:
    return json.dumps({"name": "answer", "fields": {}, "arrays": []} | changed).encode()


def read(data: bytes) -> Message:
    header_bytes, body_bytes = decode_head(data[: HEAD.size], most_bytes=BOUND)
    start = HEAD.size + header_bytes
    return decode(data[HEAD.size : start], data[start : start + body_bytes])


@given(messages)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert read(encode(message)) == message


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_random_bytes_are_a_protocol_error_or_a_message(header: bytes, body: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        assert isinstance(decode(header, body), Message)


@given(json_values)
def test_an_array_declaration_of_any_form_is_a_protocol_error_or_a_message(entry: object) -> None:
    with contextlib.suppress(ProtocolError):
        assert isinstance(decode(header_of(arrays=[entry]), b""), Message)


@pytest.mark.parametrize(
    "header",
    [
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        header_of(name=3),
        header_of(fields=[]),
        header_of(arrays={}),
        b'{"name": "answer", "fields": {"x": NaN}, "arrays": []}',
        header_of(arrays=[["a", "float16", [1]]]),
        header_of(arrays=[["a", "float32", [-1]]]),
        header_of(arrays=[["a", "float32", [True]]]),
        header_of(arrays=[["a", "float32", [1 << 62, 1 << 62]]]),
        header_of(arrays=[["a", "float32", [1] * 9]]),
        header_of(arrays=[["a", "float32", [1 << 39, 0]]]),
        header_of(arrays=[["a", "float32", []], ["a", "float32", []]]),
        header_of(arrays=[["a", "float32", [0]]] * 5000),
    ],
)
def test_a_header_out_of_form_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(header, b"\0" * 8)


def test_a_body_longer_than_its_arrays_is_refused() -> None:
    with pytest.raises(ProtocolError):
        decode(header_of(arrays=[["a", "int64", [1]]]), b"\0" * 9)


def test_a_declared_size_beyond_the_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError, match="more than it may have"):
        decode_head(HEAD.pack(b"OVF1", 10, BOUND + 1), most_bytes=BOUND)


def test_a_wrong_beginning_is_refused() -> None:
    with pytest.raises(ProtocolError, match="begin"):
        decode_head(HEAD.pack(b"HTTP", 10, 10), most_bytes=BOUND)


class Wires:
    """Two pipes with the caller at one end and a thread of the test at the other."""

    def __init__(self) -> None:
        self.calls_in, requests = os.pipe()
        replies, self.calls_out = os.pipe()
        self.open = {self.calls_in, requests, replies, self.calls_out}
        self.caller = Caller(requests=requests, replies=replies, answer_bytes=BOUND)

    def close(self, *which: int) -> None:
        for fd in which or tuple(self.open):
            os.close(fd)
            self.open.discard(fd)

    def answer_with(self, data: bytes, *, hang_up: bool = False) -> None:
        os.write(self.calls_out, data)
        if hang_up:
            self.close(self.calls_out)


@pytest.fixture
def wires() -> Iterator[Wires]:
    pipes = Wires()
    yield pipes
    pipes.close()


def in_thread(run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_call_comes_back_with_what_the_other_end_answers(wires: Wires) -> None:
    def answer(call: Message) -> Message:
        return Message("answer", {"asked": call.name}, call.arrays)

    server = in_thread(
        lambda: serve(calls_in=wires.calls_in, calls_out=wires.calls_out, most_bytes=1 << 24, answer=answer)
    )
    large = Array("float64", (1000,), bytes(8000))  # three of them fill a pipe: both ends must take turns
    for _ in range(20):
        answered = wires.caller.call("logits", {"x": 1}, {"ids": large}, timeout_s=10)
        assert answered == Message("answer", {"asked": "logits"}, {"ids": large})
    wires.close(*(wires.open - {wires.calls_in, wires.calls_out}))
    server.join(timeout=10)
    assert not server.is_alive()


def test_a_failure_is_an_exception_of_the_submission(wires: Wires) -> None:
    wires.answer_with(encode(Message("failure", {"kind": "exception"})))
    with pytest.raises(CandidateFault) as caught:
        wires.caller.call("train", timeout_s=5)
    assert (caught.value.kind, caught.value.fatal) == ("exception", False)
    assert caught.value.failure == {"kind": "exception"}


def test_silence_ends_at_the_deadline(wires: Wires) -> None:
    with pytest.raises(CandidateFault) as caught:
        wires.caller.call("train", timeout_s=0.05)
    assert (caught.value.kind, caught.value.fatal) == ("timeout", True)


def test_a_request_that_nobody_reads_ends_at_the_deadline(wires: Wires) -> None:
    huge = Array("float64", (1 << 17,), bytes(8 << 17))
    with pytest.raises(CandidateFault) as caught:
        wires.caller.call("set_parameters", {}, {"a": huge}, timeout_s=0.05)
    assert caught.value.kind == "timeout"


def test_half_an_answer_and_then_nothing_ends_at_the_deadline(wires: Wires) -> None:
    wires.answer_with(encode(Message("answer"))[:-3])
    with pytest.raises(CandidateFault) as caught:
        wires.caller.call("load", timeout_s=0.05)
    assert caught.value.kind == "timeout"


def test_a_process_that_hangs_up_has_died(wires: Wires) -> None:
    wires.answer_with(encode(Message("answer"))[:-3], hang_up=True)
    with pytest.raises(CandidateFault) as caught:
        wires.caller.call("load", timeout_s=5)
    assert caught.value.kind == "died"


def test_a_process_that_no_longer_reads_has_died(wires: Wires) -> None:
    wires.close(wires.calls_in)
    with pytest.raises(CandidateFault) as caught:
        wires.caller.call("load", timeout_s=5)
    assert caught.value.kind == "died"


@pytest.mark.parametrize(
    "lie",
    [
        b"\0" * 64,
        frame(header_of(), declared=BOUND + 1),
        frame(header_of(arrays=[["a", "float64", [1000]]]), b"\0" * 8),
        frame(header_of(name="load")),
        frame(b"{}"),
    ],
)
def test_an_answer_out_of_form_is_the_submissions_fault(wires: Wires, lie: bytes) -> None:
    wires.answer_with(lie)
    with pytest.raises(CandidateFault) as caught:
        wires.caller.call("load", timeout_s=5)
    assert (caught.value.kind, caught.value.fatal) == ("answer", True)


def test_a_field_that_json_cannot_carry_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(Message("answer", {"loss": math.nan}))
