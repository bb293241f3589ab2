"""An examiner that was stopped is no fault of its supervisor's."""

from __future__ import annotations

import socket

from sandbox.supervisor import heard


def test_an_examiner_that_died_with_an_answer_unread_says_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(b"an answer")
        theirs.close()
        assert heard(ours) == b""


def test_what_the_examiner_says_is_heard() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"a question")
        assert heard(ours) == b"a question"
