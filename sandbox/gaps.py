"""Fills the gaps in the zygote's heaps, so that what a child makes lies side by side in pages of its own.

An allocator serves from its gaps first. Those that importing leaves are strewn over all of the heap, and each
first write into one copies a page: measured, a quarter of a verdict's page faults, 7 in 100 of its time.
What is taken here is never given back: some 10 MB, once.
"""

from __future__ import annotations

import bisect
import ctypes
from collections.abc import Callable, Iterable
from ctypes import c_size_t, c_ssize_t, c_void_p
from typing import Any

from sandbox import mappings

_MOST = 64 << 20  # bytes: an allocator unlike the two that we know may never come to an end
_SMALL_OBJECTS = range(512, 0, -16)  # the largest first: it takes Python's pools that are free as a whole
_LARGEST, _SMALLEST = 64 << 10, 24  # of glibc's: from 128 KiB on it maps, and unmapping moves its thresholds


class _Mallinfo(ctypes.Structure):
    """mallinfo2(3); the last field is the free piece at the heap's end, which grows as a child needs."""

    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, c_size_t) for name in _names.split()]


def fill_gaps() -> int:
    """Fills those of Python's heap and of glibc's; tells how many bytes. 0 without glibc 2.33 or later."""
    libc = ctypes.CDLL(None)
    if not all(hasattr(libc, name) for name in ("mallinfo2", "sbrk")):
        return 0
    return fill_python() + fill_glibc(libc)


def fill_python() -> int:
    """Takes small objects of each size until one comes from memory that was not there before."""
    heap = _Heap(ctypes.pythonapi.PyObject_Malloc, ctypes.pythonapi.PyObject_Free)
    places = [place for place, _ in mappings.writable()]
    starts = [place.start for place in places]

    def is_gap(address: int) -> bool:
        return address in places[bisect.bisect(starts, address) - 1]

    for size in _SMALL_OBJECTS:
        heap.take(size, while_=is_gap)
    return heap.taken


def fill_glibc(libc: ctypes.CDLL) -> int:
    """Takes chunks of falling sizes until each comes from the free piece at the heap's end."""
    libc.mallinfo2.restype = _Mallinfo
    libc.sbrk.restype, libc.sbrk.argtypes = c_void_p, [c_ssize_t]
    heap = _Heap(libc.malloc, libc.free)
    start = min((place.start for place, name in mappings.writable() if name == mappings.HEAP), default=None)
    if start is None:
        return 0
    for size in _chunks():
        gaps = range(start, libc.sbrk(0) - libc.mallinfo2().keepcost)
        heap.take(size, while_=gaps.__contains__)
    return heap.taken


def _chunks() -> Iterable[int]:
    """Sizes that fill a chunk with its head to a byte: all of the small ones, fewer of the large."""
    size = _LARGEST - 8
    while size >= _SMALLEST:
        yield size
        size = size - 16 if size <= 4096 else size * 7 // 8 // 16 * 16 + 8


class _Heap:
    """An allocator by two functions of C, and how much was taken of it."""

    def __init__(self, allocate: Any, free: Any):
        allocate.restype, allocate.argtypes, free.argtypes = c_void_p, [c_size_t], [c_void_p]
        self._allocate, self._free = allocate, free
        self.taken = 0

    def take(self, size: int, *, while_: Callable[[int], bool]) -> None:
        address = self._allocate(size)
        while address is not None and while_(address) and self.taken < _MOST:
            self.taken += size
            address = self._allocate(size)
        self._free(address)
