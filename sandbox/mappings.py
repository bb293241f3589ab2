"""Where a process's own memory is: what the kernel lists in /proc/self/maps."""

from __future__ import annotations

import re
from pathlib import Path

HEAP = "[heap]"
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw.p \S+ \S+ \d+ *(\[heap\])?$", re.MULTILINE)


def writable() -> list[tuple[range, str]]:
    """The addresses of each private mapping without a file, and HEAP or nothing; in ascending order."""
    maps = Path("/proc/self/maps").read_text()
    return [(range(int(m[1], 16), int(m[2], 16)), m[3] or "") for m in _MAPPING.finditer(maps)]
