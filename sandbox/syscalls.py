"""The system calls that a jailed process may make, with their numbers on the two machines we know.

The list is what programs were seen to make behind the filter: `scripts/trace-calls` follows the ordinary
program of the tests and right programs of every problem with strace. What wasn't seen here and stays says
what it stands in for. A dash: that machine has no such call, or its C library has no use for it.

The numbers are facts of Linux that never change: arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h, which aarch64 takes as it is. tests/sandbox/test_syscalls.py compares them
with the headers of the machine that it runs on, and with libseccomp's own tables.
"""

from __future__ import annotations

from collections.abc import Mapping

MACHINES = ("x86_64", "aarch64")  # the columns

# In the order that the filter compares in: what a training loop calls first.
_ALLOWED = """
    # name             x86-64  aarch64

    # memory, and the lock of the interpreter
    futex                 202       98
    read                    0       63
    write                   1       64
    munmap                 11      215
    mprotect               10      226
    mremap                 25      216
    madvise                28      233
    brk                    12      214
    sched_yield            24      124   # spinning locks of BLAS and OpenMP, on a busy machine

    # files and pipes by descriptor
    newfstatat            262       79
    fstat                   5       80
    lseek                   8       62
    close                   3       57
    openat                257       56
    pread64                17       67
    writev                 20       66   # the last words of the C library, before it aborts
    poll                    7        -   # an examiner waits for a candidate with it
    ppoll                   -       73   # poll, where there is no poll
    dup2                   33        -
    dup3                  292       24   # dup2, where a descriptor shall not be inherited
    pipe2                 293       59
    ftruncate              77       46
    fsync                  74       82

    # files by name: Landlock and the jail's own root decide which
    stat                    4        -
    lstat                   6        -   # newfstatat, before glibc 2.33
    access                 21        -
    faccessat               -       48   # access
    faccessat2            439      439   # access with flags, since glibc 2.33
    readlink               89        -   # each link on the way of a path that is resolved
    readlinkat              -       78   # readlink
    getdents64            217       61
    getcwd                 79       17
    chdir                  80       49   # to the folder of its own file, as scripts do
    mkdir                  83        -
    mkdirat                 -       34   # mkdir
    rmdir                  84        -
    unlink                 87        -
    unlinkat              263       35
    rename                 82        -
    renameat                -       38   # rename

    # threads and signals to oneself
    set_robust_list       273       99
    rseq                  334      293
    rt_sigaction           13      134
    rt_sigprocmask         14      135
    rt_sigreturn           15      139   # the end of every signal handler
    sigaltstack           131      132
    restart_syscall       219      128   # the kernel's own, when a wait was interrupted
    exit                   60       93
    exit_group            231       94

    # time
    clock_gettime         228      113
    clock_getres          229      114   # read without a call here, as the time is
    clock_nanosleep       230      115
    nanosleep              35      101   # clock_nanosleep, before glibc 2.31
    gettimeofday           96      169   # the same
    times                 100      153

    # questions about oneself
    getpid                 39      172
    gettid                186      178
    getppid               110      173
    getuid                102      174
    geteuid               107      175   # beside getuid
    getgid                104      176
    getegid               108      177   # beside getgid
    getrandom             318      278
    getrusage              98      165
    sched_getaffinity     204      123
    sysinfo                99      179
    uname                  63      160
"""

# Allowed with some arguments and denied with others: sandbox/seccomp.py says with which.
_FILTERED = """
    # name             x86-64  aarch64
    clone                  56      220
    clone3                435      435
    mmap                    9      222
    prlimit64             302      261
    tgkill                234      131
    ioctl                  16       29
    prctl                 157      167
    fcntl                  72       25
    recvmsg                47      212
"""


def _column(table: str, machine: str) -> Mapping[str, int]:
    rows = (line.partition("#")[0].split() for line in table.splitlines())
    place = 1 + MACHINES.index(machine)
    return {row[0]: int(row[place]) for row in rows if row and row[place] != "-"}


ALLOWED = {machine: _column(_ALLOWED, machine) for machine in MACHINES}
FILTERED = {machine: _column(_FILTERED, machine) for machine in MACHINES}
