"""The profile: every bound on what a run may take, in one place, each with its reason.

What an operator may change comes from the settings (app/engine/judge.py). Where a number was measured,
docs/sandbox.md says how. What no limit allows for (core files, locked memory, message queues, priorities) is
set to nothing in sandbox/jail.py.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one process of a run may take, and what all of them together."""

    # Time. Three clocks stand behind one another: the examiner's on each call, the supervisor's on each
    # process and on the whole run, the worker's on the sandbox itself.
    wall_s: float = 20.0  # one process of the submission, from fork to end; its RLIMIT_CPU is a second more
    examine_s: float = 60.0  # the whole run with its examiner, which has the submission train several times

    # Memory. Anonymous memory and page tables count, above what every child inherits from the warm process.
    memory_bytes: int = 1024 * MIB  # one process, measured every 25 ms: a fast writer gets some 40 MiB over
    run_bytes: int = 1536 * MIB  # all processes of a run together; past it the largest of them is stopped
    address_bytes: int = 2048 * MIB  # RLIMIT_AS: the wall that no private mapping gets around
    stack_bytes: int = 8 * MIB  # RLIMIT_STACK: also what each thread maps

    # Files. The one place to write is a tmpfs of each process's own; without namespaces there is none.
    file_bytes: int = 16 * MIB  # the size of that tmpfs, and RLIMIT_FSIZE, since it lies in memory
    scratch_files: int = 512  # its inodes: empty files take memory too
    open_files: int = 64  # RLIMIT_NOFILE: also bounds what can wait in pipes

    # Threads. No process can be forked at all.
    threads: int = 16  # RLIMIT_NPROC in a namespace of one's own, elsewhere watched by the supervisor
    pending_signals: int = 64  # RLIMIT_SIGPENDING: each waits in the kernel's memory

    # What goes in and what comes out.
    source_bytes: int = 64 * KIB  # one submission; a whole round takes a tenth of that
    output_bytes: int = 256 * KIB  # stdout and stderr together; then the process is stopped
    report_bytes: int = 1 * MIB  # the loss points that a script process reports; past it the curve stops
    report_line_bytes: int = 64 * KIB  # one such report; a longer one isn't our own code's doing
    answer_bytes: int = 64 * MIB  # one answer on the call channel: all parameters of a model, in float64
    finding_bytes: int = 8 * MIB  # one event or the verdict, from the examiner to the app
