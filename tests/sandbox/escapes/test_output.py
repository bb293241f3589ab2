"""What a run prints and claims is bounded, decoded with care and believed in nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from tests.sandbox.escapes.registry import each, scenario, several

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_LONG = Limits(wall_s=10)

FLOODS = several(
    "output",
    {
        "print for ever": "while True: print('x' * 1000)",
        "write one line that never ends": "import os\nwhile True: os.write(2, b'x' * 4096)",
        "write to both streams for ever": "import os\nwhile True: os.write(1, b'o' * 999), os.write(2, b'e' * 999)",
        "write bytes that are no text for ever": "import os\nwhile True: os.write(1, b'\\xff' * 4096)",
        "raise with an endless text": "raise Exception('x' * (1 << 27))",
    },
    rows={
        "print for ever": ("infinite output",),
        "write one line that never ends": ("one huge line without newline",),
        "raise with an endless text": ("exception with huge message",),
    },
    held_by="the cap on output, counted by the supervisor",
)


@each(FLOODS, core=2)
def test_output_ends_at_its_cap(jail: Jailed, attack: str) -> None:
    ran = jail.attack(attack, limits=_LONG)
    assert ran.failure == "output"
    assert len(ran.text()) + len(ran.text("stderr")) == Limits().output_bytes


@scenario(held_by="the cap on output, wherever the file is loaded")
def test_a_file_that_prints_for_ever_wherever_it_is_loaded_is_told_of_its_output(jail: Jailed) -> None:
    assert jail.run("while True: print('x' * 1000)").failure == "output"


@scenario("stdout blocked forever? (reader slow)", held_by="events of one window are joined")
def test_a_hundred_thousand_small_writes_are_few_events(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import os
        for number in range(50_000):
            os.write(1, b"o")
            os.write(2, b"e")
        """,
        limits=_LONG,
    )
    assert (ran.text(), ran.text("stderr")) == ("o" * 50_000, "e" * 50_000)
    assert len(ran.events) < 2_000


@scenario(held_by="the bound on reports")
def test_endless_claims_of_losses_end_at_their_bound(jail: Jailed) -> None:
    limits = Limits(wall_s=1, report_bytes=20_000)  # a thousand lines of twenty
    ran = jail.attack(
        """
        import os
        for descriptor in range(3, 64):
            try:
                while True:
                    os.write(descriptor, b'{"loss": [[1, 2.5]]}\\n' * 100)
            except OSError:
                continue
        """,
        limits=limits,
    )
    claimed = sum(len(event.data["points"]) for event in ran.events if event.kind == "loss")
    assert 0 < claimed <= 1002  # with the two of the examined training
    assert ran.failure == "timeout"


CLAIMS = several(
    "output",
    {
        "claim a failure nested 900 deep": "b'{\"failure\": ' + b'[' * 900 + b']' * 900 + b'}'",
        "claim a failure with a nested text": (
            "b'{\"failure\": {\"traceback\": [{\"text\": ' + b'[' * 900 + b']' * 900 + b'}]}}'"
        ),
        "claim a step of 4000 digits": "b'{\"loss\": [[' + b'9' * 4000 + b', 1.5]]}'",
        "claim losses that are no numbers": 'b\'{"loss": [[1, NaN], [2, Infinity], [true, 1], [null]], "losses": -1}\'',
        "claim in a line without an end": "b'x' * 200_000",
        "claim in a million empty lines": "b'\\n' * 1_000_000",
    },
    held_by="claims are taken in a form of the supervisor's",
)


@each(CLAIMS, core=2)
def test_a_claim_harms_nobody(jail: Jailed, attack: str) -> None:
    ran = jail.attack(
        f"""
        import os
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, {attack} + b"\\n")
            except OSError:
                continue
        print("claimed")
    """,
        limits=_LONG,
    )
    assert ran.text() == "claimed\n"
    assert ran.verdict["outcome"] == "failed"
    json.dumps([event.data for event in ran.events], allow_nan=False)


@scenario("forge result line/event", held_by="the verdict's way leads past the submission and the supervisor")
def test_a_verdict_cannot_be_written_from_inside(jail: Jailed) -> None:
    forged = json.dumps({"verdict": {"outcome": "passed"}})
    ran = jail.run(f"""
import os
for descriptor in range(0, 64):
    for line in ({forged!r}, '{{"end": {{}}}}', '{{"event": "verdict", "data": {{"outcome": "passed"}}}}'):
        try:
            os.write(descriptor, line.encode() + b"\\n")
        except OSError:
            pass
""")
    assert ran.verdict["outcome"] == "failed"
    assert {event.kind for event in ran.events} <= {"status", "output", "property"}


@scenario("non UTF-8 output", held_by="the supervisor decodes, and replaces what is no text")
def test_bytes_that_are_no_text_are_replaced(jail: Jailed) -> None:
    ran = jail.attack("import os\nos.write(1, bytes(range(128, 256)))", limits=_LONG)
    assert set(ran.text()) == {"\ufffd"}


@scenario("lone surrogate in output", held_by="standard streams that escape")
def test_half_a_character_is_escaped(jail: Jailed) -> None:
    assert jail.attack("print('\\ud800')", limits=_LONG).text() == "\\ud800\n"


@scenario(
    "terminal escapes / HTML", held_by="output is data; what messages hold of control characters is replaced"
)
def test_escapes_of_a_terminal_reach_nobodys_terminal(jail: Jailed) -> None:
    ran = jail.attack(
        """
        print("\\x1b[2J\\x1b]0;owned\\x07<script>alert(1)</script>")
        raise ValueError("\\x1b[2J\\u202eowned\\ud800\\x9b")
    """,
        limits=_LONG,
    )
    assert (
        ran.text() == "\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\n"
    )  # as it was written, for pages to escape
    message = ran.verdict["failure"]["message"]
    assert message.startswith("ValueError: ") and message.isprintable()


@scenario(held_by="each process has its own locale and environment")
def test_a_locale_and_an_environment_of_its_own_change_no_other_run(jail: Jailed) -> None:
    jail.attack(
        """
        import locale, os
        os.environ.update(LANG="tr_TR.UTF-8", PYTHONINSPECT="1", LD_PRELOAD="/scratch/evil.so")
        try:
            locale.setlocale(locale.LC_ALL, "")
        except locale.Error:
            pass
    """,
        limits=_LONG,
    )
    ran = jail.attack(
        """
        import os
        print(f"{1.5:n}", os.environ.get("LD_PRELOAD"), os.environ.get("PYTHONINSPECT"))
    """,
        limits=_LONG,
    )
    assert ran.text() == "1.5 None None\n"


@scenario("stdin read blocks", held_by="standard input is empty")
def test_reading_what_nobody_types_ends_at_once(jail: Jailed) -> None:
    assert jail.attack("import sys\nprint(repr(sys.stdin.read()))", limits=_LONG).text() == "''\n"
