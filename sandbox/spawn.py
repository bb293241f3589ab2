"""The examiner's side of the supervisor: asks for candidate processes, hears how they ended.

The supervisor never sees a submission's text. It hands the examiner two pipe ends, and the source goes
through the first of them straight into the candidate's process.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sandbox.job import Ending
from sandbox.lines import encode

_REPLY_BYTES = 4 << 20  # an ending carries at most `report_bytes` of a script's claims


def ending_from(data: dict[str, Any]) -> Ending:
    return Ending(**{**data, "reports": tuple(data["reports"])})


class SupervisorGone(ConnectionError):
    """The supervisor closed its end: this run is over."""


class RemoteSpawn:
    """Starts candidate processes through the supervisor at the other end of `channel`."""

    def __init__(self, channel: socket.socket, *, source: str) -> None:
        self._channel = channel
        self._source = source

    def script(self) -> Ending:
        """How the visible run of the submission ended; waits for it."""
        return ending_from(self.ask({"script": {}})[0]["ending"])

    def calls(
        self, *, source: str | None = None, fill_uninitialized: bool = False, visible: bool = False
    ) -> RemoteProcess:
        """A fresh process that holds `source`, or the submission, and answers calls."""
        request = {"fill_uninitialized": fill_uninitialized, "visible": visible}
        answer, (requests, replies) = self.ask({"calls": request})
        with suppress(BrokenPipeError):  # it died at once; whoever calls it will see and ask how it ended
            send_source(requests, self._source if source is None else source)
        return RemoteProcess(spawn=self, number=answer["number"], requests=requests, replies=replies)

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        """Sends one request; its answer, and the descriptors that came along."""
        os.write(self._channel.fileno(), encode(request))  # its filter knows no send()
        received, descriptors = bytearray(), list[int]()
        while not received.endswith(b"\n"):
            data, more, _, _ = socket.recv_fds(self._channel, 65536, 2)
            if not data or len(received) > _REPLY_BYTES:
                raise SupervisorGone("the supervisor closed its end")
            received += data
            descriptors += more
        return json.loads(received), descriptors


@dataclass(slots=True)
class RemoteProcess:
    """A candidate process: the two pipe ends it is called through, and its end."""

    spawn: RemoteSpawn
    number: int
    requests: int
    replies: int
    _ending: Ending | None = None

    def end(self) -> Ending:
        """Kills it if it still lives, and tells how it ended; the second time from memory."""
        if self._ending is None:
            self._ending = ending_from(self.spawn.ask({"end": {"number": self.number}})[0]["ending"])
            os.close(self.requests)
            os.close(self.replies)
        return self._ending


def send_source(descriptor: int, source: str) -> None:
    text = source.encode()
    view = memoryview(struct.pack("<I", len(text)) + text)
    while view:
        view = view[os.write(descriptor, view) :]


def receive_source(descriptor: int) -> str:
    """Reads what `send_source` wrote, and not a byte of the calls behind it."""
    (length,) = struct.unpack("<I", _read_exactly(descriptor, 4))
    return _read_exactly(descriptor, length).decode()


def _read_exactly(descriptor: int, length: int) -> bytes:
    received = b""
    while len(received) < length:
        data = os.read(descriptor, length - len(received))
        if not data:
            raise EOFError("the examiner closed its end before the source was whole")
        received += data
    return received
