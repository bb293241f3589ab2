"""The jails of the hostile suite: in `make test` the best level of this host, in `make test-jail` all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.escapes.jails import AS_ROOT, LEVELS, Jails

if TYPE_CHECKING:
    from tests.conftest import Jailed


@pytest.fixture(scope="session")
def jails(jailed: Jailed) -> Iterator[Jails]:
    """Every jail by its name, started when it is first asked for."""
    jails = Jails(best=jailed)
    yield jails
    jails.close()


@pytest.fixture(
    params=[pytest.param(kind, marks=[] if kind == "best" else pytest.mark.matrix) for kind in LEVELS]
)
def jail(request: pytest.FixtureRequest, jails: Jails) -> Jailed:
    """The jail that a scenario attacks."""
    if "ordinary user" in request.param and not AS_ROOT:
        pytest.skip("an ordinary user runs the tests already")
    return jails[request.param]
