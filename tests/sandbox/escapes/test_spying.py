"""Nothing in the reach of a submission tells of probes, clean programs or other people's files."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from sandbox.job import IssuedBug
from tests.sandbox.conftest import PROBLEM
from tests.sandbox.escapes.registry import scenario

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_LONG = Limits(wall_s=20)

# Reads every page around the objects of this process by having the kernel copy it into a pipe: a page that
# isn't there is EFAULT, not a crash. The patterns are written so that they don't match themselves.
_SCAN = """
import ctypes, os, re
def count(patterns):
    libc = ctypes.CDLL(None, use_errno=True)
    reading, writing = os.pipe()
    counts, seen, size = dict.fromkeys(patterns, 0), set(), 1 << 16
    starts = {id(thing) for thing in (patterns, count, os, re, "".join(["a", "b"]), bytearray(1 << 12))}
    starts |= {ctypes.addressof(ctypes.create_string_buffer(n)) for n in (8, 4096, 100000, 300000)}
    for start in starts:
        for step in (size, -size):
            at, missing = start // size * size, 0
            while missing < 256 and at > 0:
                if at not in seen:
                    seen.add(at)
                    got = libc.write(writing, ctypes.c_void_p(at), ctypes.c_size_t(size))
                    missing = 0 if got > 0 else missing + 1
                    page = os.read(reading, got) if got > 0 else b""
                    for pattern in patterns:
                        counts[pattern] += len(re.findall(pattern, page))
                at += step
    return counts
"""
# What python itself tells of a process, as one text.
_LOOK = """
import gc, linecache, sys
def everything():
    found = [repr(linecache.cache), repr(sys.argv), repr(sys.orig_argv), repr(dict(sys.modules).keys())]
    frames = list(sys._current_frames().values())
    while frames:
        frame = frames.pop()
        found.append(repr(frame.f_locals) + repr(frame.f_code.co_consts))
        frames += [frame.f_back] if frame.f_back else []
    found += [thing for thing in gc.get_objects() if isinstance(thing, str)]
    for thing in gc.get_objects():
        for inner in gc.get_referents(thing) if isinstance(thing, (dict, list, tuple)) else ():
            found += [inner] if isinstance(inner, str) else []
    return "\\n".join(found)
"""


@scenario(held_by="the zygote gets descriptors, never a text; who needs it reads it after the fork")
def test_an_earlier_users_source_is_nowhere_in_the_heap(jail: Jailed) -> None:
    token = secrets.token_hex(8)
    jail.run(f"# earlier_{token}\nearlier_{token} = 'earlier_{token}'\nprint(earlier_{token})\n" * 50)
    ran = jail.attack(
        _SCAN
        + f"""
mine = "".join(["own", "_", "{token}"])
counts = count([rb"ow[n]_{token}", rb"earlie[r]_{token}"])
print(counts[rb"ow[n]_{token}"] > 0, counts[rb"earlie[r]_{token}"])
""",
        limits=_LONG,
    )
    assert ran.text() == "True 0\n"


@scenario(held_by="the examiner alone opens the job")
def test_neither_the_shape_nor_the_probes_are_in_the_heap_of_who_answers_calls(jail: Jailed) -> None:
    token = secrets.token_hex(8)
    source = (
        _SCAN
        + f"""
def train(text, steps=1, lr=0.1, seed=0):
    mine = "".join(["own", "_", "{token}"])
    counts = count([rb"ow[n]_{token}", rb"secre[t]_{token}"])
    raise RuntimeError(f"own {{counts[rb'ow[n]_{token}'] > 0}} secret {{counts[rb'secre[t]_{token}']}}")
def generate(model, tokenizer, prompt, max_new_tokens):
    return prompt
"""
    )
    secret = f"# secret_{token}\n" * 100
    ran = jail.run(source, kind="check", shape=secret, probes=secret, limits=_LONG)
    assert "own True secret 0" in json.dumps(ran.verdict)


@scenario("walk frames & gc for the grader", held_by="the examiner is another process")
def test_frames_and_objects_tell_nothing_of_the_examination(jail: Jailed) -> None:
    token = secrets.token_hex(8)
    source = (
        _LOOK
        + f"""
def train(text, steps=1, lr=0.1, seed=0):
    own = "".join(["own", "_{token}"])
    found = everything()
    raise RuntimeError(f"own {{own in found}} secret {{''.join(['secret', '_{token}']) in found}}")
def generate(model, tokenizer, prompt, max_new_tokens):
    return prompt
"""
    )
    secret = f"# secret_{token}\n" * 100
    ran = jail.run(source, kind="check", shape=secret, probes=secret, limits=_LONG)
    assert "own True secret False" in json.dumps(ran.verdict)


@scenario(held_by="the examiner is another process; what is traced is one's own")
def test_tracing_and_import_hooks_see_nothing_of_the_examination(jail: Jailed) -> None:
    token = secrets.token_hex(8)
    source = f"""
import sys
seen = []
class Hook:
    def find_spec(self, name, path=None, target=None):
        seen.append(name)
sys.meta_path.insert(0, Hook())
def trace(frame, event, argument):
    seen.append(repr(frame.f_code.co_consts) + repr(argument)[:1000])
sys.setprofile(trace)
import threading
threading.setprofile(trace)
def train(text, steps=1, lr=0.1, seed=0):
    sys.setprofile(None)
    raise RuntimeError(f"saw {{len(seen) > 0}} secret {{''.join(['secret', '_{token}']) in repr(seen)}}")
def generate(model, tokenizer, prompt, max_new_tokens):
    return prompt
"""
    secret = f"# secret_{token}\n" * 100
    ran = jail.run(source, kind="check", shape=secret, probes=secret, limits=_LONG)
    assert "saw True secret False" in json.dumps(ran.verdict)


@scenario(held_by="of a graft only the status of a bug is told; its output goes nowhere")
def test_a_graft_does_not_hand_out_the_clean_program(jail: Jailed) -> None:
    token = secrets.token_hex(8)
    clean = (
        (PROBLEM / "shapes" / "gpt.py")
        .read_text()
        .replace("class Block(", f"SECRET = 'secret_{token}'\n\n\nclass Block(")
    )
    clean = clean.replace("        x = x + self", f"        held = 'secret_{token}'\n        x = x + self", 1)
    assert clean.count(token) == 2
    bug = IssuedBug(
        id="mask",
        component="attention",
        properties=("causal",),
        find='        att = att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))\n',
        replace="        att = att * self.mask[:T, :T]\n",
    )
    spying = f"""        import linecache, os, sys
        text = repr(linecache.cache.get("gpt.py")) + repr(sys.modules.get("submission").__dict__)
        for descriptor in (1, 2, *range(6, 64)):
            try:
                os.write(descriptor, text.encode())
            except OSError:
                pass
        if 'secret' + '_{token}' in text:
            raise ValueError(text[text.index('secret' + '_{token}') :])
"""
    source = (PROBLEM / "shapes" / "gpt.py").read_text().replace(bug.find, spying + bug.replace)
    ran = jail.run(source, kind="check", shape=clean, bugs=(bug,), limits=_LONG)
    assert ran.verdict["timings"]["graft_ms"] > 0  # the spy was in a program with the clean text
    assert token not in json.dumps([ran.verdict, [event.data for event in ran.events]])


@scenario(held_by="the environment of the launcher is made, not inherited")
def test_the_environment_holds_nothing_of_the_server(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import json, os
        print(json.dumps(sorted(os.environ)))
    """,
        limits=_LONG,
    )
    allowed = {"HOME", "PATH", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "TORCH_COMPILE_DISABLE"}
    names = set(json.loads(ran.text())) - allowed
    assert all(name.endswith(("_NUM_THREADS", "_THREAD_LIMIT")) or name.startswith("TORCH") for name in names)


@scenario(held_by="paths of the library are cut out of tracebacks")
def test_a_traceback_does_not_tell_where_the_library_lies(jail: Jailed) -> None:
    ran = jail.attack("import torch\ntorch.nn.Linear(2, 3)(torch.ones(1, 4))", limits=_LONG)
    assert "nn/modules/linear.py" in ran.text("stderr")
    assert "site-packages" not in ran.text("stderr")
