"""The C library's heap, told to give back at once what large columns took.

glibc takes larger and larger blocks from its heap once such a block was freed, where what is still
in use keeps what was freed around it; and each thread may get a heap of its own. With 100,000
monitors that is 300 MB after the start. `man 3 mallopt`.
"""

import ctypes
from typing import Final

LARGE: Final = 4 << 20
"""Bytes: blocks of this size are mapped one by one. The columns of one view, which come and go by
the thousand, are smaller."""
HEAPS: Final = 2

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def bound() -> bool:
    """Whether there was a heap to be bound: other C libraries have no such settings."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(
        mallopt(which, to) for which, to in ((_M_MMAP_THRESHOLD, LARGE), (_M_ARENA_MAX, HEAPS))
    )
