"""The examiner's side of the supervisor: a source goes straight to its process, an ending is remembered."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.job import Ending
from sandbox.spawn import RemoteSpawn, SupervisorGone, receive_source, send_source

ENDING = Ending(reason="exited", code=3, reports=({"losses": 2},))


@given(source=st.text(st.characters(exclude_categories=["Cs"])), rest=st.binary(max_size=20))
def test_a_source_arrives_whole_and_nothing_behind_it_is_taken(source: str, rest: bytes) -> None:
    reading, writing = os.pipe()
    send_source(writing, source)
    os.write(writing, rest)
    os.close(writing)
    assert receive_source(reading) == source
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == rest


def test_a_source_longer_than_a_pipe_holds_arrives_while_it_is_read() -> None:
    reading, writing = os.pipe()
    source = "x = 1\n" * 100_000
    sender = threading.Thread(target=send_source, args=(writing, source))
    sender.start()
    assert receive_source(reading) == source
    sender.join()
    os.close(reading)
    os.close(writing)


def test_a_source_cut_short_is_an_error() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"\x09\x00\x00\x00half")
    os.close(writing)
    with pytest.raises(EOFError):
        receive_source(reading)
    os.close(reading)


class Supervisor:
    """The other end: answers each request by a function, in a thread."""

    def __init__(self, answer: Callable[[dict[str, Any]], tuple[dict[str, Any], list[int]]]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.ours, self._theirs = socket.socketpair()
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for line in self._theirs.makefile("rb"):
            self.asked.append(json.loads(line))
            answer, descriptors = self._answer(self.asked[-1])
            socket.send_fds(self._theirs, [json.dumps(answer).encode() + b"\n"], descriptors)

    def close(self) -> None:
        self.ours.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.ours.close()
        self._theirs.close()


def test_a_process_gets_its_source_and_its_ending_is_asked_once() -> None:
    reading, writing = os.pipe()
    replies, replies_end = os.pipe()

    def answer(request: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        if "calls" in request:
            return {"number": 7}, [writing, replies]
        return {"ending": asdict(ENDING)}, []

    supervisor = Supervisor(answer)
    process = RemoteSpawn(supervisor.ours, source="the job's").calls(fill_uninitialized=True)
    assert receive_source(reading) == "the job's"
    assert process.end() == process.end() == ENDING
    supervisor.close()
    assert supervisor.asked == [
        {"calls": {"fill_uninitialized": True, "visible": False}},
        {"end": {"number": 7}},
    ]
    for descriptor in (reading, writing, replies, replies_end):
        os.close(descriptor)


def test_a_long_ending_arrives_whole() -> None:
    ending = Ending(reason="exited", reports=tuple({"failure": {"text": "x" * 60_000}} for _ in range(8)))
    supervisor = Supervisor(lambda request: ({"ending": asdict(ending)}, []))
    assert RemoteSpawn(supervisor.ours, source="").script() == ending
    supervisor.close()


def test_a_supervisor_that_is_gone_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(SupervisorGone):
        RemoteSpawn(ours, source="").script()
    ours.close()
    theirs.close()
