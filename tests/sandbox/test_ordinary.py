"""What ordinary programs do works inside the jail: the list of system calls is short, but not too short."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import Limits

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]

PROGRAM = Path(__file__).parent / "programs" / "ordinary.py"


def test_every_feature_of_the_ordinary_program_works(jailed: Jailed) -> None:
    ran = jailed.run(PROGRAM.read_text(), probes="", limits=Limits(wall_s=60))
    lines = ran.text().splitlines()
    assert [line for line in lines if "failed:" in line] == []
    assert sum("worked:" in line for line in lines) == PROGRAM.read_text().count("\ndef ") - 1
