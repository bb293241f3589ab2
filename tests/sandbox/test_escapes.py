"""What hostile submissions try, one test an attack; each is made from inside a real jail."""

from __future__ import annotations

import json
import platform
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from sandbox.job import MIB

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]

CHECKOUT = Path(__file__).parents[2]
DENIED, NOT_THERE = -1, -38  # EPERM, ENOSYS


# Processes


def test_a_fork_bomb_gets_no_first_child(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import os
        try:
            while True:
                os.fork()
        except PermissionError as error:
            print("stopped:", error)
    """)
    assert ran.text() == "stopped: [Errno 1] Operation not permitted\n"


def test_a_thread_bomb_is_stopped_by_a_limit(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import threading, time
        started = 0
        try:
            while started < 2000:
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                started += 1
        except (RuntimeError, MemoryError):
            print(started)
    """)
    assert 0 < int(ran.text()) < 500


def test_no_program_can_be_run(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import os, subprocess
        for attempt in (
            lambda: subprocess.run(["/bin/sh", "-c", "echo out"]),
            lambda: os.execv("/bin/sh", ["sh", "-c", "echo out"]),
            lambda: os.posix_spawn("/bin/sh", ["sh", "-c", "echo out"], {}),
            lambda: os.system("echo out") and 1 / 0,
        ):
            try:
                attempt()
                print("ran")
            except (OSError, ZeroDivisionError):
                print("denied")
    """)
    assert ran.text().split() == ["denied"] * 4


def test_no_other_process_can_be_signalled(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import os, signal
        for pid in (-1, 0, os.getppid(), *range(1, 2000)):
            try:
                os.kill(pid, signal.SIGKILL)
                print("killed", pid)
            except OSError:
                pass
        print("alive")
    """)
    assert ran.text() == "alive\n"
    assert jailed.sandbox.ready


def test_ignoring_every_signal_does_not_outlive_the_deadline(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import signal, time
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        print("ready")
        while True:
            time.sleep(1)
    """)
    assert (ran.text(), ran.failure) == ("ready\n", "timeout")


# Time, memory, output


def test_an_endless_loop_ends_at_the_deadline(jailed: Jailed) -> None:
    assert jailed.attack("while True: pass").failure == "timeout"


def test_a_loop_in_c_that_checks_no_signal_ends_at_the_deadline(jailed: Jailed) -> None:
    assert jailed.attack("print(len(str(7 ** (1 << 27) % 3 ** (1 << 26))))").failure in (
        "timeout",
        "exception",
    )


def test_a_memory_bomb_is_stopped(jailed: Jailed) -> None:
    ran = jailed.attack(
        """
        held = []
        while True:
            held.append(bytearray(16 << 20))
        """,
        limits=Limits(wall_s=10, memory_bytes=256 * MIB),
    )
    assert ran.failure == "memory"


def test_memory_shared_with_nobody_counts_all_the_same(jailed: Jailed) -> None:
    ran = jailed.attack(
        """
        import mmap
        held = []
        while True:
            held.append(mmap.mmap(-1, 16 << 20))
            held[-1].write(b"x" * (16 << 20))
        """,
        limits=Limits(wall_s=10, memory_bytes=256 * MIB),
    )
    assert ran.failure == "memory"


def test_one_huge_tensor_is_an_exception_with_a_line(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import torch
        torch.zeros(1 << 40)
    """)
    assert ran.failure in ("exception", "memory")
    assert ran.failure == "memory" or ran.verdict["failure"]["line"] > 20


def test_a_file_that_prints_for_ever_wherever_it_is_loaded_is_told_of_its_output(jailed: Jailed) -> None:
    ran = jailed.run("while True: print('x' * 1000)", limits=Limits(wall_s=3))
    assert ran.failure == "output"


def test_endless_output_is_cut_at_the_cap(jailed: Jailed) -> None:
    ran = jailed.attack("while True: print('x' * 1000)", limits=Limits(wall_s=10))
    assert ran.failure == "output"
    assert len(ran.text()) == Limits().output_bytes


def test_one_endless_line_is_cut_at_the_cap(jailed: Jailed) -> None:
    ran = jailed.attack(
        """
        import os
        while True:
            os.write(2, b"x" * 4096)
        """,
        limits=Limits(wall_s=10),
    )
    assert ran.failure == "output"
    assert len(ran.text("stderr")) == Limits().output_bytes


def test_endless_claims_of_losses_end_at_their_bound(jailed: Jailed) -> None:
    limits = Limits(wall_s=1, report_bytes=20_000)  # a thousand lines of twenty
    ran = jailed.attack(
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


def test_the_scratch_is_full_at_its_size(jailed: Jailed) -> None:
    ran = jailed.attack("""
        written = 0
        try:
            for number in range(100):
                with open(f"file-{number}", "wb") as file:
                    written += file.write(b"x" * (1 << 20))
        except OSError as error:
            print(written >> 20, error.errno)
    """)
    megabytes, _ = map(int, ran.text().split())
    assert megabytes <= Limits().file_bytes >> 20


# The network


_CONNECTIONS = {
    "loopback": "socket.create_connection(('127.0.0.1', 8000), timeout=0.2)",
    "outside": "socket.create_connection(('192.0.2.1', 80), timeout=0.2)",
    "a name": "socket.getaddrinfo('example.org', 80)",
    "unix": "socket.socket(socket.AF_UNIX)",
    "a pair": "socket.socketpair()",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "crypto": "socket.socket(38, socket.SOCK_SEQPACKET, 0)",
    "vsock": "socket.socket(40, socket.SOCK_STREAM, 0)",
}


@pytest.fixture(scope="module")
def connected(jailed: Jailed) -> dict[str, str]:
    """What each attempt at a connection came to, all made by one run."""
    attempts = ", ".join(f"{name!r}: lambda: {attempt}" for name, attempt in _CONNECTIONS.items())
    ran = jailed.attack(f"""
        import json, socket
        found = {{}}
        for name, attempt in {{{attempts}}}.items():
            try:
                found[name] = repr(attempt())
            except OSError:
                found[name] = "denied"
        print(json.dumps(found))
    """)
    found: dict[str, str] = json.loads(ran.text())
    return found


@pytest.mark.parametrize("to", _CONNECTIONS)
def test_there_is_no_network(connected: dict[str, str], to: str) -> None:
    assert connected[to] == "denied"


# Files


def _secrets(folder: Path) -> list[str]:
    """Files of the host that anybody there may read."""
    database = folder / "overfit.db"
    database.write_text("every attempt of everybody")
    database.chmod(0o644)
    checkout = [CHECKOUT / "pyproject.toml", *(CHECKOUT / "problems" / "gpt").glob("*.*")]
    return [str(path) for path in (database, *checkout, *(CHECKOUT / "app").glob("*.py"))]


def test_neither_the_database_nor_a_problem_nor_the_app_can_be_read(jailed: Jailed, tmp_path: Path) -> None:
    paths = _secrets(tmp_path)
    assert len(paths) > 5
    ran = jailed.attack(f"""
        for path in {paths!r}:
            try:
                print("read", path, open(path).read(8))
            except OSError:
                print("denied")
    """)
    assert set(ran.text().split()) == {"denied"}


_SYSTEM_FILES = (
    *("/proc/self/mem", "/proc/self/maps", "/proc/self/environ", "/proc/1/environ", "/proc/1/cmdline"),
    *("/proc/sys/kernel/hostname", "/sys/kernel/uevent_helper", "/dev/mem", "/dev/kmsg", "/dev/vda"),
    *("/dev/tty", "/etc/passwd", "/etc/shadow", "/etc/hostname", "/root/.bash_history", "/var/log/dpkg.log"),
)


@pytest.fixture(scope="module")
def opened(jailed: Jailed) -> dict[str, str]:
    """What opening each file came to, all tried by one run."""
    ran = jailed.attack(f"""
        import json
        found = {{}}
        for path in {_SYSTEM_FILES!r}:
            try:
                found[path] = repr(open(path, "rb").read(8))
            except OSError:
                found[path] = "denied"
        print(json.dumps(found))
    """)
    found: dict[str, str] = json.loads(ran.text())
    return found


@pytest.mark.parametrize("path", _SYSTEM_FILES)
def test_a_file_of_the_system_cannot_be_read(opened: dict[str, str], path: str) -> None:
    assert opened[path] == "denied"


def test_torch_cannot_be_changed_for_others(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import os, torch
        from pathlib import Path
        folder = Path(torch.__file__).parent
        for attempt in (
            lambda: (folder / "new.py").write_text("x"),
            lambda: (folder / "version.py").open("a"),
            lambda: (folder / "version.py").unlink(),
            lambda: (folder / "version.py").rename(folder / "v.py"),
            lambda: os.chmod(folder / "version.py", 0o777),
            lambda: os.link(folder / "version.py", "link"),
            lambda: os.symlink("/etc", folder / "link"),
        ):
            try:
                attempt()
                print("done")
            except OSError:
                print("denied")
    """)
    assert ran.text().split() == ["denied"] * 7


def test_the_environment_holds_nothing_of_the_server(jailed: Jailed, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = jailed.attack("""
        import json, os
        print(json.dumps(sorted(os.environ)))
    """)
    allowed = {"HOME", "PATH", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "TORCH_COMPILE_DISABLE"}
    names = set(json.loads(ran.text())) - allowed
    assert all(name.endswith(("_NUM_THREADS", "_THREAD_LIMIT")) or name.startswith("TORCH") for name in names)


# What another run leaves


def test_a_file_left_behind_is_gone_in_the_next_run(jailed: Jailed) -> None:
    first = jailed.attack("""
        for folder in (".", "/tmp", "/scratch", "/dev/shm", "/var/tmp"):
            try:
                open(folder + "/left", "w").write("left")
                print("left in", folder)
            except OSError:
                pass
    """)
    second = jailed.attack("""
        import os
        for folder in (".", "/tmp", "/scratch", "/dev/shm", "/var/tmp"):
            if os.path.exists(folder + "/left"):
                print("found in", folder)
    """)
    assert second.text() == ""
    assert jailed.sandbox.level != "namespaces" or "left in .\n" in first.text()


def test_torch_spoilt_in_memory_is_whole_in_the_next_run(jailed: Jailed) -> None:
    jailed.attack("""
        import torch, builtins
        torch.nn.Linear.forward = lambda self, x: 1 / 0
        torch.nn.functional.cross_entropy = None
        builtins.print = None
    """)
    ran = jailed.attack("""
        import torch
        print(torch.nn.Linear(2, 3)(torch.ones(1, 2)).shape, torch.nn.functional.cross_entropy is None)
    """)
    assert ran.text() == "torch.Size([1, 3]) False\n"


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


def test_an_earlier_users_source_is_nowhere_in_the_heap(jailed: Jailed) -> None:
    token = secrets.token_hex(8)
    jailed.run(f"# earlier_{token}\nearlier_{token} = 'earlier_{token}'\nprint(earlier_{token})\n" * 50)
    ran = jailed.attack(
        _SCAN
        + f"""
mine = "".join(["own", "_", "{token}"])
counts = count([rb"ow[n]_{token}", rb"earlie[r]_{token}"])
print(counts[rb"ow[n]_{token}"] > 0, counts[rb"earlie[r]_{token}"])
""",
        limits=Limits(wall_s=20),
    )
    assert ran.text() == "True 0\n"


def test_neither_the_shape_nor_the_probes_are_in_the_heap_of_who_answers_calls(jailed: Jailed) -> None:
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
    ran = jailed.run(source, kind="check", shape=secret, probes=secret, limits=Limits(wall_s=20))
    assert "own True secret 0" in json.dumps(ran.verdict)


# How a run may end


def test_leaving_at_once_with_status_0_passes_nothing(jailed: Jailed) -> None:
    clean = (CHECKOUT / "problems" / "gpt" / "shapes" / "gpt.py").read_text()
    ran = jailed.run("import os\nos._exit(0)\n" + clean)
    assert ran.verdict["outcome"] == "failed"


def test_closing_every_descriptor_hurts_only_itself(jailed: Jailed) -> None:
    ran = jailed.attack("""
        import os
        print("before", flush=True)
        os.closerange(0, 256)
    """)
    assert ran.text() == "before\n"
    assert ran.verdict["outcome"] == "failed"
    assert jailed.attack("print('next')").text() == "next\n"


def test_a_verdict_cannot_be_written_from_inside(jailed: Jailed) -> None:
    forged = json.dumps({"verdict": {"outcome": "passed"}})
    ran = jailed.run(f"""
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


@pytest.mark.parametrize(
    "body",
    [
        "import ctypes\nctypes.string_at(0)",
        "import os\nos.abort()",
        "import sys\nsys.setrecursionlimit(1 << 30)\nf = lambda: f()\nf()",
        "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E",
        "raise Exception('x' * (1 << 27))",
        "import atexit, time\natexit.register(time.sleep, 60)\nprint('done')",
        "import sys\nsys.exit(1 << 70)",
        "import sys\nsys.stdout = sys.stderr = None\nraise ValueError",
        "import os\nos.write(1, bytes(range(256)))",
        "print('\\ud800')",
        "del __builtins__.__dict__['print']\nprint(1)",
        "import gc, types\nnothing = (lambda *a, **k: None).__code__\nfor thing in gc.get_objects():\n"
        "    if isinstance(thing, types.FunctionType) and not thing.__closure__: thing.__code__ = nothing",
    ],
)
def test_a_violent_end_is_a_verdict_and_never_our_fault(jailed: Jailed, body: str) -> None:
    assert jailed.attack(body, limits=Limits(wall_s=2)).verdict["outcome"] == "failed"


@pytest.mark.parametrize(
    "source", ["\x00", "(" * 5000, "a = 1\n\x00\n", "-" * 60_000 + "1", "\ufeff", "x = '\\N{DIGIT'"]
)
def test_a_source_that_is_no_program_is_a_verdict(jailed: Jailed, source: str) -> None:
    assert jailed.run(source).verdict["outcome"] == "failed"


# System calls, by their numbers on x86-64 and aarch64

_CALLS: dict[str, tuple[int, int]] = {
    "fork": (57, 220),
    "vfork": (58, 220),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "recvmsg": (47, 212),
    "sendmsg": (46, 211),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "mknodat": (259, 33),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "linkat": (265, 37),
    "symlinkat": (266, 36),
    "fchmodat": (268, 53),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "io_uring_setup": (425, 425),
    "io_setup": (206, 0),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "seccomp": (317, 277),
    "landlock_restrict_self": (446, 446),
    "capset": (126, 91),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setresuid": (117, 147),
    "setgroups": (116, 159),
    "sethostname": (170, 161),
    "reboot": (169, 142),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "setpriority": (141, 140),
    "mlockall": (151, 230),
    "mbind": (237, 235),
    "swapon": (167, 224),
    "fanotify_init": (300, 262),
    "inotify_init1": (294, 26),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "timer_create": (222, 107),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "flock": (73, 32),
}
# The same with arguments that decide: these are allowed in another form.
_ARGUED: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "clone a process": (56, 220, (17,)),
    "clone a thread into a namespace": (56, 220, (0x00010000 | 0x10000000,)),
    "prlimit64 with new limits": (302, 261, (0, 7, 1)),
    "tgkill of another process": (234, 131, (2, 2, 9)),
    "prctl PR_SET_PDEATHSIG": (157, 167, (1, 0)),
    "prctl PR_SET_DUMPABLE": (157, 167, (4, 1)),
    "prctl PR_SET_SECCOMP": (157, 167, (22, 2)),
    "fcntl F_SETLK": (72, 25, (0, 6)),
    "fcntl F_SETPIPE_SZ": (72, 25, (1, 1031, 1 << 20)),
    "ioctl TIOCSTI": (16, 29, (0, 0x5412)),
}


@pytest.fixture(scope="module")
def answers(jailed: Jailed) -> dict[str, int]:
    """What the kernel answers to each call from inside, all made by one run."""
    column = 0 if platform.machine() == "x86_64" else 1
    calls: dict[str, tuple[int, tuple[int, ...]]] = {"clone3": (435, ())}
    calls |= {name: (numbers[column], ()) for name, numbers in _CALLS.items()}
    calls |= {name: ((x86_64, aarch64)[column], given) for name, (x86_64, aarch64, given) in _ARGUED.items()}
    ran = jailed.attack(f"""
        import ctypes, json
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        answers = {{}}
        for name, (number, given) in {calls!r}.items():
            result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, (*given, 0, 0, 0, 0)[:5]))
            answers[name] = result if result >= 0 else -ctypes.get_errno()
        print(json.dumps(answers))
    """)
    found: dict[str, int] = json.loads(ran.text())
    return found


@pytest.mark.parametrize("name", [*_CALLS, *_ARGUED])
def test_a_system_call_is_denied(answers: dict[str, int], name: str) -> None:
    assert answers[name] == DENIED


def test_clone3_is_not_there_so_that_glibc_takes_clone(answers: dict[str, int]) -> None:
    assert answers["clone3"] == NOT_THERE


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only this machine has other calling conventions")
@pytest.mark.parametrize(
    "call",
    [
        "libc.syscall(ctypes.c_long(0x40000000 | 39))",
        "run(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))",  # mov eax, 20 (getpid); int 0x80; ret
    ],
    ids=["x32", "int 0x80"],
)
def test_a_foreign_calling_convention_kills(jailed: Jailed, call: str) -> None:
    ran = jailed.attack(f"""
        import ctypes, mmap
        libc = ctypes.CDLL(None)
        def run(code):
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(code)
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        print("before", flush=True)
        {call}
        print("after")
    """)
    assert (ran.text(), ran.failure) == ("before\n", "killed")
