"""What a candidate's file may well do beside training: each feature prints its name once it has worked.

Run inside the jail by test_ordinary.py, and under strace by scripts/trace-calls: the filter's list is trimmed
to what programs like this one use.
"""

import collections
import contextlib
import copy
import datetime
import faulthandler
import io
import json
import logging
import math
import os
import pathlib
import pickle
import random
import sys
import tempfile
import threading
import time
import traceback
import warnings

import numpy
import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):  # (B, T, C)
        y = self.norm(x)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        x = x + self.attention(y, y, y, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.norm(x))


def trained(optimizer, steps=2):
    layer = nn.Linear(4, 4)
    made = optimizer(layer.parameters())
    for _ in range(steps):
        made.zero_grad()
        functional.mse_loss(layer(torch.ones(2, 4)), torch.zeros(2, 4)).backward()
        made.step()
    return made


def optimizers():
    for name in ("AdamW", "Adam", "RMSprop", "Adagrad", "NAdam", "RAdam"):
        trained(getattr(torch.optim, name))
    made = trained(lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(made, T_max=4)
    made.step()
    schedule.step()


def transformer():
    block = Block()
    loss = block(torch.randn(2, 8, 16)).square().mean()
    loss.backward()
    nn.utils.clip_grad_norm_(block.parameters(), 1.0)
    x = torch.randn(2, 2, 8, 8)  # (B, H, T, D)
    functional.scaled_dot_product_attention(x, x, x, is_causal=True)
    torch.einsum("bhtd,bhsd->bhts", x, x).softmax(-1)
    copy.deepcopy(block)


def data_loader():
    dataset = torch.utils.data.TensorDataset(torch.arange(8).view(8, 1))
    list(torch.utils.data.DataLoader(dataset, batch_size=2, shuffle=True, num_workers=0))


def autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        nn.Linear(4, 4)(torch.ones(1, 4))


def compiled():
    torch.compile(nn.Linear(2, 2))(torch.ones(1, 2))


def two_threads():
    torch.set_num_threads(2)
    (torch.randn(300, 300) @ torch.randn(300, 300)).sum()
    torch.set_num_threads(1)


def profiled():
    with torch.profiler.profile() as profile:
        torch.ones(4).sum()
    profile.key_averages().table(row_limit=2)


def linear_algebra():
    torch.linalg.svd(torch.randn(8, 8))
    torch.linalg.solve(torch.eye(4), torch.ones(4))
    numpy.linalg.eigh(numpy.eye(4))
    torch.fft.fft(torch.ones(8))


def big_tensors():
    held = [torch.zeros(1 << 22) for _ in range(4)]  # 16 MiB each: mapped and given back
    held[0].resize_(1 << 23)
    del held


def python_threads():
    counted = collections.Counter()
    threads = [threading.Thread(target=counted.update, args=("ab",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    event = threading.Event()
    event.wait(0.01)
    assert counted["a"] == 4


def clocks():
    time.sleep(0.01)
    time.perf_counter(), time.process_time(), time.thread_time(), time.monotonic(), time.time()
    time.get_clock_info("monotonic")
    datetime.datetime.now()
    os.times()


def random_numbers():
    random.seed(1)
    numpy.random.default_rng().random(3)
    os.urandom(8)
    torch.Generator().seed()
    torch.multinomial(torch.ones(4), 2)
    torch.manual_seed(0)


def scratch_files():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "below").mkdir()
        path = folder / "below" / "text"
        path.write_text("one\n")
        with path.open("a") as file:
            file.write("two\n")
            file.flush()
        assert path.read_text() == "one\ntwo\n"
        with path.open("r+") as file:
            file.truncate(2)
            os.fsync(file.fileno())
        assert os.access(path, os.R_OK)
        assert path.resolve().name == "text"
        assert not path.is_symlink()
        path.rename(folder / "other")
        assert [entry.name for entry in sorted(folder.iterdir())] == ["below", "other"]
        os.path.getsize(folder / "other")
        (folder / "other").unlink()
        (folder / "below").rmdir()
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"bytes")


def checkpoint():
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name, "model.pt")
        torch.save(nn.Linear(4, 4).state_dict(), path)
        nn.Linear(4, 4).load_state_dict(torch.load(path))
        torch.load(path, mmap=True)
        numpy.save(pathlib.Path(name, "array.npy"), numpy.ones(3))
        numpy.load(pathlib.Path(name, "array.npy"))
        with pathlib.Path(name, "pickle").open("wb") as file:
            pickle.dump({"a": 1}, file)


def printed():
    print("out", end=" ", flush=True)
    print("error", file=sys.stderr)
    sys.stdout.isatty()
    logging.getLogger().warning("logged")
    with contextlib.redirect_stdout(io.StringIO()):
        print("nowhere")
    warnings.warn("warned", stacklevel=1)
    try:
        raise ValueError("shown")
    except ValueError:
        traceback.print_exc()


def asked_about_itself():
    os.getpid(), os.getcwd(), os.cpu_count(), threading.get_native_id()
    sys.getsizeof([]), sys.version, os.environ.get("HOME")
    json.dumps({"torch": torch.__version__, "pi": math.pi})
    import platform

    platform.platform()
    import resource

    resource.getrusage(resource.RUSAGE_SELF)
    os.path.exists("/etc/passwd")
    os.uname(), os.getuid(), os.getgid(), os.getppid(), os.sysconf("SC_PHYS_PAGES")
    os.sched_getaffinity(0)
    torch.get_num_threads()


def redirected():
    copied = os.dup(1)
    reading, writing = os.pipe()
    os.dup2(writing, 1)
    os.write(1, b"caught")
    os.dup2(copied, 1)
    assert os.read(reading, 6) == b"caught"
    for descriptor in (copied, reading, writing):
        os.close(descriptor)


def faults_watched():
    faulthandler.enable()
    faulthandler.disable()


def imported_late():
    import difflib
    import heapq
    import unittest

    import torch.nn.attention
    from torch.utils import checkpoint

    difflib.SequenceMatcher(None, "a", "b").ratio()
    heapq.nlargest(1, [1, 2])
    unittest.TestCase().assertTrue(True)
    checkpoint.checkpoint(nn.Linear(2, 2), torch.ones(1, 2), use_reentrant=False)


FEATURES = (
    *(optimizers, transformer, data_loader, autocast, compiled, two_threads, profiled, linear_algebra),
    *(big_tensors, python_threads, clocks, random_numbers, scratch_files, checkpoint, printed),
    *(asked_about_itself, redirected, faults_watched, imported_late),
)

if __name__ == "__main__":
    for feature in FEATURES:
        try:
            feature()
            print("worked:", feature.__name__)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            print("failed:", feature.__name__, repr(error), f"{frame.filename}:{frame.lineno}")
