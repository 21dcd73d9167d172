"""What decoders in C write to standard error, kept off it."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0  # threads that are inside `quiet_libraries`
_kept: int | None = None  # C's own `stderr` meanwhile


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Inside, what C code prints to its `stderr` goes nowhere.

    The file descriptor stays, so what Python prints is seen, from every thread. With another C library than
    glibc nothing changes.
    """
    _turn(+1)
    try:
        yield
    finally:
        _turn(-1)


def _turn(step: int) -> None:
    """Count a thread in or out; the first one swaps C's stream, the last one puts it back."""
    global _inside, _kept
    if _NOWHERE is None:
        return
    with _lock:
        _inside += step
        stream = ctypes.c_void_p.in_dll(_LIBC, "stderr")
        if _inside == 1 and step > 0:
            _kept, stream.value = stream.value, _NOWHERE
        elif _inside == 0:
            stream.value = _kept


def _nowhere() -> int | None:
    """An open C stream to the null device; None where C's `stderr` can't be swapped."""
    if not hasattr(_LIBC, "gnu_get_libc_version"):
        return None
    _LIBC.fopen.restype = ctypes.c_void_p
    opened: int | None = _LIBC.fopen(os.fsencode(os.devnull), b"w")
    return opened


_LIBC = ctypes.CDLL(None)
_NOWHERE = _nowhere()
