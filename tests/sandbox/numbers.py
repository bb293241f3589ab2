"""Where this machine keeps the numbers of system calls: its kernel headers, and libseccomp's tables."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping
from pathlib import Path

_INCLUDE = Path("/usr/include")
_X86_64_HEADERS = ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h")  # Debian's folder, Fedora's
_GENERIC_HEADER = "asm-generic/unistd.h"  # aarch64 takes it as it is, and it lies on every machine
_DEFINED = re.compile(r"^#define\s+__NR(?:3264)?_(\w+)\s+(\w+)", re.MULTILINE)
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def from_headers(machine: str) -> Mapping[str, int]:
    """Every call that the kernel headers number for a machine; empty when they aren't installed."""
    names = _X86_64_HEADERS if machine == "x86_64" else (_GENERIC_HEADER,)
    header = next((path for name in names if (path := _INCLUDE / name).exists()), None)
    if header is None:
        return {}
    found: dict[str, int] = {}
    for name, value in _DEFINED.findall(header.read_text()):
        if value.isdigit():
            found.setdefault(name, int(value))
    if "fstatat" in found:  # the header's own names of the calls that 32-bit machines have twice
        found.setdefault("newfstatat", found["fstatat"])
    return found


def from_libseccomp() -> Callable[[str, str], int] | None:
    """number(machine, name) by libseccomp, negative where there is no such call; None without the library."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None

    def number(machine: str, name: str) -> int:
        arch = ctypes.c_uint32(_AUDIT_ARCH[machine])
        return int(library.seccomp_syscall_resolve_name_arch(arch, name.encode()))

    return number
