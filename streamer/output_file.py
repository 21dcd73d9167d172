"""Files that are written: each appears when it is complete, and what had its name stays until then."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # their errors don't name the file


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A name beside `path` to write to; it becomes `path` at the end, and vanishes after an error.

    A link keeps pointing to its file, and a file that is replaced keeps its mode. What is no regular file
    (a FIFO, a device, standard output) is written to as it is.
    ValueError, or OSError that names `path`, where it can't be written.
    """
    target = Path(os.path.realpath(path))
    _refuse_unfit(Path(path), target)
    if _is_stream(Path(path), target):
        with _named(path, target):
            yield Path(path)
        return
    # The ending stays, because it tells some writers what to write.
    partial = target.with_name(f".{secrets.token_hex(6)}{target.suffix}")
    with _named(path, partial):
        try:
            partial.touch(exist_ok=False)
            mode = stat.S_IMODE((target if target.exists() else partial).stat().st_mode)
            yield partial
            partial.chmod(mode)  # some writers make a file of their own, for the owner alone
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` in UTF-8, as `replacing` does; what stands for other bytes of a file name becomes them."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write `content`, as `replacing` does."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def _refuse_unfit(path: Path, target: Path) -> None:
    if target.is_dir():
        raise ValueError(f"{path} is a folder; name a file")
    if not target.parent.is_dir():
        raise ValueError(f"{path.parent} is no folder; {path.name} can't be written there")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _is_stream(path: Path, target: Path) -> bool:
    """Whether a file is no regular one, or a name of one that is already open, such as /dev/stdout."""
    folder = path.absolute().parent.resolve()
    opened = folder in (Path("/dev"), Path("/dev/fd")) or folder.is_relative_to("/proc")
    return opened or (target.exists() and not target.is_file())


@contextmanager
def _named(path: Path | str, written: Path) -> Iterator[None]:
    """An error of `written`, or of a full disk, names `path`."""
    try:
        yield
    except OSError as error:
        if error.filename == str(written) or (error.errno in FULL and error.filename is None):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
