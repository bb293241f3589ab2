"""The suite has teeth: with layers left out attempts get through; the page says which layer stops what."""

from __future__ import annotations

import pytest

from sandbox.host import LAYERS
from tests.sandbox.escapes import layers
from tests.sandbox.escapes.jails import Jails
from tests.sandbox.escapes.layers import PAGE, STOPPED, THROUGH
from tests.sandbox.escapes.registry import ATTEMPTS, load_all

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]

load_all()

# with one wall down, something that the others do not stop
_WITHOUT = {
    "seccomp": ("all but seccomp", "fork a child"),
    "limits": ("all but limits", "hold a hundred files open"),
    "namespaces": ("landlock, ordinary user", "learn that a file exists"),
    "landlock": ("all but namespaces and landlock", "read the database"),
}
# errors that say: the call was made as it must be, and its caller lacked a right, or this machine the thing
_RIGHTS, _THINGS = {1, 13}, {2, 6, 38, 88, 97}


@pytest.mark.matrix
@pytest.mark.parametrize("layer", LAYERS)
def test_without_one_layer_an_attempt_gets_through(layer: str, jails: Jails) -> None:
    kind, name = _WITHOUT[layer]
    assert jails.results(kind)[name]["got"] is not None
    assert jails.levels[kind] != "namespaces"  # and the self-test saw that a wall was down


@pytest.mark.matrix
@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_is_no_placeholder(name: str, jails: Jails) -> None:
    result = jails.results("nothing")[name]
    assert not result["broken"], result["detail"]
    refused = result["errno"] in _RIGHTS | _THINGS or ATTEMPTS[name].impossible
    assert result["got"] is not None or refused, result["detail"]


@pytest.mark.matrix
def test_without_any_layer_most_attempts_get_through(jails: Jails) -> None:
    got = [name for name, result in jails.results("nothing").items() if result["got"] is not None]
    assert len(got) > len(ATTEMPTS) / 2


@pytest.mark.matrix
def test_each_layer_stops_what_the_page_says(jails: Jails) -> None:
    found, told = layers.measured(jails), layers.told_by(PAGE.read_text())
    here = [name for name, cells in found.items() if cells[0] == THROUGH]  # what this machine can show
    missing = {
        (name, layer)
        for name in here
        for layer, said, seen in zip(LAYERS, told[name][1:], found[name][1:], strict=True)
        if said == STOPPED and seen != STOPPED
    }
    assert missing == set()


def test_the_page_is_of_this_suite() -> None:
    page = PAGE.read_text()
    assert page == layers.rendered(layers.told_by(page)), "Type: make jail-layers"
    assert list(layers.told_by(page)) == list(ATTEMPTS), "Type: make jail-layers"
