"""The call protocol between the examiner and a candidate process: bounded frames over two pipes, both ends.

A frame is a fixed head (magic, length of the header, length of the body), a JSON header and the raw bytes of
its arrays one after the other. Nothing in it is ever unpickled or evaluated. The examiner trusts no byte of
what comes back: every length is checked against a bound before it is believed.
"""

from __future__ import annotations

import json
import math
import os
import select
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_HEAD = struct.Struct("!4sIQ")  # magic, bytes of the header, bytes of the body
_MAGIC = b"OVF1"
_HEADER_BYTES = 1 << 20
_CHUNK = 1 << 16
_MOST_ARRAYS = 4096
_MOST_DIMENSIONS = 8
_MOST_ROWS = 1 << 28  # sizes of 0 left out: 10^12 empty rows would be a list of that length all the same

ITEM_BYTES = {"int64": 8, "float32": 4, "float64": 8}

FaultKind = Literal["answer", "exception", "timeout", "died"]


class CandidateFault(Exception):
    """A call that the submission failed: `kind` says how, `failure` is a verdict's failure where it gave one.

    answer     what came back breaks the protocol or its bounds
    exception  the submission's code raised
    timeout    no answer before the deadline; the process is of no use any more
    died       the pipe closed: the process has ended
    """

    def __init__(self, kind: FaultKind, message: str, *, failure: dict[str, Any] | None = None):
        super().__init__(message)
        self.kind = kind
        self.failure = failure

    @property
    def fatal(self) -> bool:
        """Whether the process can't be asked anything more."""
        return self.kind != "exception"


@dataclass(frozen=True, slots=True)
class Array:
    """Numbers on the wire: row-major, little-endian."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A call (`name` and its fields) or an answer (`name` is "answer" or "failure")."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


class ProtocolError(ValueError):
    """Bytes that are not a frame, or not one within its bounds."""


def encode(message: Message) -> bytes:
    """The frame of a message. Raises ValueError for fields that JSON can't carry."""
    header = json.dumps(
        {
            "name": message.name,
            "fields": message.fields,
            "arrays": [[key, array.dtype, list(array.shape)] for key, array in message.arrays.items()],
        },
        allow_nan=False,
    ).encode()
    body = b"".join(array.data for array in message.arrays.values())
    return _HEAD.pack(_MAGIC, len(header), len(body)) + header + body


def decode_head(head: bytes, *, most_bytes: int) -> tuple[int, int]:
    """The lengths of header and body that a frame declares. Raises ProtocolError beyond the bounds."""
    magic, header_bytes, body_bytes = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise ProtocolError("the answer does not begin like one")
    if header_bytes > _HEADER_BYTES or body_bytes > most_bytes:
        raise ProtocolError(f"the answer declares {header_bytes + body_bytes} bytes, more than it may have")
    return header_bytes, body_bytes


def decode(header: bytes, body: bytes) -> Message:
    """The message of a frame's two parts. Raises ProtocolError for anything but a well-formed one."""
    try:
        data = json.loads(header, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the answer's header is not JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise ProtocolError("the answer's header has no name")
    if not isinstance(data.get("fields"), dict) or not isinstance(data.get("arrays"), list):
        raise ProtocolError("the answer's header has no fields or arrays")
    return Message(data["name"], data["fields"], _split(data["arrays"], body))


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _split(declared: list[Any], body: bytes) -> dict[str, Array]:
    """Cuts the body into the declared arrays, which must fill it exactly."""
    if len(declared) > _MOST_ARRAYS:
        raise ProtocolError(f"the answer declares {len(declared)} arrays, more than it may have")
    arrays: dict[str, Array] = {}
    start = 0
    for entry in declared:
        key, dtype, shape = _declaration(entry)
        stop = start + math.prod(shape) * ITEM_BYTES[dtype]
        if key in arrays or stop > len(body):
            raise ProtocolError("the answer's arrays are not what its header declares")
        arrays[key] = Array(dtype, shape, body[start:stop])
        start = stop
    if start != len(body):
        raise ProtocolError("the answer's arrays are not what its header declares")
    return arrays


def _declaration(entry: Any) -> tuple[str, str, tuple[int, ...]]:
    if not isinstance(entry, list) or len(entry) != 3:
        raise ProtocolError("the answer declares an array without name, dtype and shape")
    key, dtype, shape = entry
    if not isinstance(key, str) or not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise ProtocolError("the answer declares an array of an unknown dtype")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        raise ProtocolError("the answer declares an array of an unknown shape")
    if not all(type(size) is int and 0 <= size < 1 << 40 for size in shape):
        raise ProtocolError("the answer declares an array of an impossible size")
    if math.prod(size or 1 for size in shape) > _MOST_ROWS:
        raise ProtocolError("the answer declares an array of an impossible size")
    return key, dtype, tuple(shape)


class Caller:
    """The examiner's end: calls with a deadline. Takes over neither descriptor; both become non-blocking."""

    def __init__(self, *, requests: int, replies: int, answer_bytes: int):
        self._requests, self._replies, self._answer_bytes = requests, replies, answer_bytes
        os.set_blocking(requests, False)
        os.set_blocking(replies, False)

    def call(
        self,
        name: str,
        fields: Mapping[str, Any] | None = None,
        arrays: Mapping[str, Array] | None = None,
        *,
        timeout_s: float,
    ) -> Message:
        """The candidate's answer. Raises CandidateFault for every way in which there is none."""
        deadline = time.monotonic() + timeout_s
        self.post(name, fields, arrays, timeout_s=timeout_s)
        return self.take(timeout_s=deadline - time.monotonic())

    def post(
        self,
        name: str,
        fields: Mapping[str, Any] | None = None,
        arrays: Mapping[str, Array] | None = None,
        *,
        timeout_s: float,
    ) -> None:
        """Asks without waiting for the answer, which `take` reads; answers come in the order of the calls."""
        frame = encode(Message(name, dict(fields or {}), dict(arrays or {})))
        self._write(frame, time.monotonic() + timeout_s)

    def take(self, *, timeout_s: float) -> Message:
        """The answer to the oldest call that has none yet."""
        deadline = time.monotonic() + timeout_s
        try:
            header_bytes, body_bytes = decode_head(
                self._read(_HEAD.size, deadline), most_bytes=self._answer_bytes
            )
            answer = decode(self._read(header_bytes, deadline), self._read(body_bytes, deadline))
        except ProtocolError as error:
            raise CandidateFault("answer", str(error)) from error
        if answer.name == "failure":
            raise CandidateFault("exception", "the submission raised", failure=answer.fields)
        if answer.name != "answer":
            raise CandidateFault("answer", "the answer is neither an answer nor a failure")
        return answer

    def _write(self, frame: bytes, deadline: float) -> None:
        rest = memoryview(frame)
        while rest:
            _wait(self._requests, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._requests, rest[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise CandidateFault("died", "the process ended before it was asked") from error

    def _read(self, count: int, deadline: float) -> bytes:
        # grows with what arrives: a declared length is no reason to set memory aside
        data = bytearray()
        while len(data) < count:
            _wait(self._replies, select.POLLIN, deadline)
            try:
                chunk = os.read(self._replies, min(count - len(data), 1 << 20))
            except BlockingIOError:
                continue
            if not chunk:
                raise CandidateFault("died", "the process ended before it answered")
            data += chunk
        return bytes(data)


def _wait(fd: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    rest = deadline - time.monotonic()
    if rest <= 0 or not poll.poll(rest * 1000):
        raise CandidateFault("timeout", "no answer before the deadline")


def serve(*, calls_in: int, calls_out: int, most_bytes: int, answer: Callable[[Message], Message]) -> None:
    """The candidate's end: answers calls until the examiner closes its pipe."""
    while (head := _read_all(calls_in, _HEAD.size)) is not None:
        header_bytes, body_bytes = decode_head(head, most_bytes=most_bytes)
        header, body = _read_all(calls_in, header_bytes), _read_all(calls_in, body_bytes)
        if header is None or body is None:
            return
        _write_all(calls_out, encode(answer(decode(header, body))))


def _read_all(fd: int, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        chunk = os.read(fd, min(count - len(data), 1 << 20))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _write_all(fd: int, frame: bytes) -> None:
    rest = memoryview(frame)
    while rest:
        rest = rest[os.write(fd, rest) :]
