"""No attempt of the suite gets anything, at any level, whoever started the sandbox."""

from __future__ import annotations

import pytest

from sandbox.host import LEVELS as PROMISES
from tests.sandbox.escapes.jails import AS_ROOT, LEVELS, Jails
from tests.sandbox.escapes.registry import ATTEMPTS, load_all

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]

load_all()
_CORE = ("best", "landlock")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind in _CORE else pytest.mark.matrix) for kind in LEVELS]
)
@pytest.mark.parametrize("name", ATTEMPTS)
def test_nothing_is_got_by_an_attempt_to(name: str, kind: str, jails: Jails) -> None:
    if "ordinary user" in kind and not AS_ROOT:
        pytest.skip("an ordinary user runs the tests already")
    result = jails.results(kind)[name]
    level = jails.levels[kind]
    assert not result["broken"], result["detail"]
    promised = PROMISES.index(ATTEMPTS[name].level) >= PROMISES.index(level)
    assert result["got"] is None or not promised
