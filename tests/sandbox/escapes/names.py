"""Attempts to learn names of the host; at level landlock they succeed, and get nothing else."""

from __future__ import annotations

import os

from tests.sandbox.escapes.inside import (
    target,
)
from tests.sandbox.escapes.registry import attempt


@attempt(level="namespaces")
def learn_that_a_file_exists() -> object:
    return os.stat(target.secret).st_size


@attempt(level="namespaces")
def learn_that_a_process_exists() -> object:
    return os.stat(f"/proc/{target.victim}").st_uid


@attempt(level="namespaces")
def learn_of_another_process_by_its_processors() -> object:
    return os.sched_getaffinity(target.victim)
