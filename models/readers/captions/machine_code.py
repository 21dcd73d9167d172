"""Which machine code may be taken from the disk: numba's cache knows one file, not those it calls."""

from pathlib import Path
from types import ModuleType

from numba.core.dispatcher import Dispatcher


def source_stamp(function: Dispatcher) -> tuple[int, ...]:
    """The times and sizes of all files that `function` is compiled from, for the key of its machine code.

    That is what numba compares of a function's own file; here it is asked of all files of that folder
    whose functions it calls or whose constants it reads.
    """
    stamp: list[int] = []
    for path in sorted(sources(function)):
        status = path.stat()
        stamp += [status.st_mtime_ns, status.st_size]
    return tuple(stamp)


def sources(function: Dispatcher) -> set[Path]:
    """The files that `function` is compiled from, of its own folder."""
    called, pending, files = {function}, [function], set()
    folder = Path(function.py_func.__code__.co_filename).resolve().parent
    while pending:
        python = pending.pop().py_func
        files.add(Path(python.__code__.co_filename).resolve())
        for name in python.__code__.co_names:
            value = python.__globals__.get(name)
            if isinstance(value, Dispatcher) and value not in called:
                called.add(value)
                pending.append(value)
            elif isinstance(value, ModuleType) and value.__file__:
                files.add(Path(value.__file__).resolve())
    return {path for path in files if path.parent == folder}
