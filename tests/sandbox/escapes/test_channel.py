"""The examiner asks and the submission's process answers: with lies, without end, out of turn, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from sandbox.job import MIB
from tests.sandbox.conftest import PROBLEM
from tests.sandbox.escapes.registry import each, scenario, several

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_LIMITS = Limits(wall_s=1, examine_s=12, memory_bytes=512 * MIB)
_SOON = Limits(wall_s=0.4, examine_s=12, memory_bytes=512 * MIB)
# each of the calls is made for one of these, and the own training comes besides
_ASKED = ("loss_falls", "causal", "head_count", "gradients_reach", "tokenizer", "generate_new_only")

# Loaded into the process that answers calls, it puts itself where each answer is made a frame.
_LIAR = '''
import os, json, math, struct, time
from sandbox import calls
REPLIES = 5  # the descriptor that answers leave by
truly = calls.encode

def framed(header, body=b""):
    """Any two byte strings as a frame."""
    return struct.pack("!4sIQ", b"OVF1", len(header), len(body)) + header + body

def answer(arrays=(), body=b"", **fields):
    return framed(json.dumps({"name": "answer", "fields": fields, "arrays": list(arrays)}).encode(), body)

def everywhere(message, change):
    """The true answer, each of its arrays changed."""
    return truly(calls.Message(message.name, message.fields, {k: change(a) for k, a in message.arrays.items()}))

def full_of(value):
    def change(array):
        letter = {"int64": "q", "float32": "f", "float64": "d"}[array.dtype]
        number = int(min(max(value, -2**63), 2**62)) if letter == "q" and math.isfinite(value) else 0 if letter == "q" else value
        size = len(array.data) // struct.calcsize(letter)
        return calls.Array(array.dtype, array.shape, struct.pack(f"<{letter}", number) * size)
    return change

def lie(message):
%s

calls.encode = lie
'''

LIES = several(
    "channel",
    {
        "answer with bytes that are no frame": "return bytes(256)",
        "answer with a head alone": "return struct.pack('!4sIQ', b'OVF1', 0, 0)",
        "declare a header of 4 GiB": "return struct.pack('!4sIQ', b'OVF1', 2**32 - 1, 0)",
        "declare a body of 10^18 bytes": "return struct.pack('!4sIQ', b'OVF1', 2, 10**18) + b'{}'",
        "declare an array of 10^12 elements": "return answer([['logits', 'float32', [10**12]]], bytes(64))",
        "declare an array of 10^12 empty rows": "return answer([['logits', 'int64', [10**12 // 2, 0]], ['returned', 'float64', [2**39, 0]]])",
        "declare an array of 2^400 elements": "return answer([['logits', 'float32', [2**50] * 8]])",
        "declare an array of fewer than no elements": "return answer([['logits', 'float32', [-1, -8]]], bytes(32))",
        "declare 100000 arrays": "return answer([[str(i), 'int64', [0]] for i in range(20_000)])",
        "declare one array twice": "return answer([['logits', 'int64', [1]]] * 2, bytes(16))",
        "declare an array of objects": "return answer([['logits', 'object', [1]]], bytes(8))",
        "declare less than it sends": "return answer([['logits', 'int64', [1]]], bytes(1 << 20))",
        "nest a header 100000 deep": "return framed(b'[' * 100_000)",
        "nest a field 900 deep": 'return framed(b\'{"name": "answer", "arrays": [], "fields": {"handle": \' + b\'[\' * 900 + b\']\' * 900 + b\'}}\')',
        "send a header that is no text": "return framed(bytes(range(128, 256)))",
        "send a header that is a number": "return framed(b'1e999')",
        "send NaN where JSON has none": 'return framed(b\'{"name": "answer", "fields": {"handle": NaN}, "arrays": []}\')',
        "send numbers of 4000 digits": "return answer(handle=10**4000, stale=[10**4000], forwards=[10**4000], ids=[10**4000])",
        "send numbers of 5000 digits": 'return framed(b\'{"name": "answer", "fields": {"handle": \' + b\'9\' * 5000 + b\'}, "arrays": []}\')',
        "send a handle that is a text": "return answer(handle='0; import os')",
        "send an answer that has nothing in it": "return answer()",
        "send an answer of another name": "return truly(calls.Message('verdict', {'outcome': 'passed'}))",
        "send a pickle": "import pickle\n    return framed(pickle.dumps({'name': 'answer'}), pickle.dumps(message))",
        "fail with a nested reason": 'return framed(b\'{"name": "failure", "arrays": [], "fields": {"traceback": [{"function": \' + b\'[\' * 900 + b\']\' * 900 + b\'}]}}\')',
        "fail with a reason of a million characters": "return truly(calls.Message('failure', {'kind': [], 'message': '\\x1b[2J' * 200_000, 'line': -1, 'traceback': 7}))",
        "fill every number with NaN": "return everywhere(message, full_of(math.nan))",
        "fill every number with infinity": "return everywhere(message, full_of(-math.inf))",
        "fill every number with the largest": "return everywhere(message, full_of(3e38))",
        "fill every number with minus one": "return everywhere(message, full_of(-1.0))",
        "give every array another shape": "return everywhere(message, lambda a: calls.Array(a.dtype, a.shape[::-1], a.data))",
        "give every array no shape at all": "return everywhere(message, lambda a: calls.Array('int64', (), bytes(8)))",
        "give every array 30 MiB": "return truly(calls.Message(message.name, message.fields, {k: calls.Array('float32', (1, 1, 8 << 20), bytes(32 << 20)) for k in list(message.arrays)[:1]}))",
        "give every array a name of its own": "return truly(calls.Message(message.name, message.fields, {f'\\ud800{i} x': a for i, a in enumerate(message.arrays.values())}))",
        "claim a context of 10^30 tokens": "return truly(calls.Message(message.name, {**message.fields, 'declared': dict.fromkeys(('n_head', 'n_layer', 'block_size'), 10**30)}, message.arrays))",
        "claim parameters that are not there": "return truly(calls.Message(message.name, {**message.fields, 'parameters': [{'name': 'x' * 9999, 'shape': [2**60] * 4, 'trained': True}] * 90}, message.arrays))",
        "claim a text of a million characters": "return truly(calls.Message(message.name, {**message.fields, 'text': 'x' * 1_000_000, 'decoded': ''}, message.arrays))",
        "close its end": "os.close(REPLIES)\n    return b''",
        "end itself in the middle": "os.write(REPLIES, truly(message)[:10])\n    os._exit(0)",
        "answer twice": "return truly(message) * 2",
        "answer a thousand questions that nobody asked": "return truly(message) + answer(handle=0) * 1000",
        "answer the last question instead": "global last\n    now, last = globals().get('last', b''), truly(message)\n    return now",
    },
    held_by="every length is checked before it is believed; nothing is unpickled",
)
SILENCES = several(
    "channel",
    {
        "never answer": "time.sleep(60)",
        "answer by half": "os.write(REPLIES, truly(message)[:-1])\n    time.sleep(60)",
        "answer a byte at a time": "for byte in truly(message):\n        os.write(REPLIES, bytes([byte]))\n        time.sleep(0.05)\n    return b''",
        "answer without end": "os.write(REPLIES, struct.pack('!4sIQ', b'OVF1', 2, 64 << 20) + b'{}')\n    while True:\n        os.write(REPLIES, b'x')",
        "answer while it takes all the time there is": "while True:\n        pass",
    },
    held_by="each call has a deadline, and so has the whole examination",
)


def _lying(body: str, *, clean: str) -> str:
    return _LIAR % f"    {body}" + clean


@pytest.fixture(scope="module")
def clean() -> str:
    return (PROBLEM / "shapes" / "gpt.py").read_text()


@each(LIES, core=4)
def test_a_lie_is_the_submissions_fault(jail: Jailed, attack: str, clean: str) -> None:
    ran = jail.run(_lying(attack, clean=clean), kind="check", only=_ASKED, limits=_LIMITS)
    assert ran.verdict["outcome"] == "failed"


@each(SILENCES, core=2)
def test_silence_ends_at_the_deadline(jail: Jailed, attack: str, clean: str) -> None:
    ran = jail.run(_lying(attack, clean=clean), kind="check", only=_ASKED, limits=_SOON)
    assert ran.failure in ("timeout", "contract")


@scenario(held_by="the examination has a deadline of its own, and then its slot is free")
def test_an_examiner_kept_busy_gives_its_slot_back(jail: Jailed, clean: str) -> None:
    body = "time.sleep(0.3)\n    return truly(message)"  # each answer in time, all together too late
    ran = jail.run(
        _lying(body, clean=clean),
        kind="check",
        limits=Limits(wall_s=20, examine_s=1.5, memory_bytes=512 * MIB),
    )
    assert ran.verdict["outcome"] == "failed"
    assert jail.attack("print('next')").text() == "next\n"
