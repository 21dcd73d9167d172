"""Which machine code may be taken from the disk: numba's cache knows one file, not those it calls."""

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32


def version(files: Sequence[str]) -> int:
    """A checksum of `files` of this folder, for the key of the one function that is kept of them."""
    folder, checksum = Path(__file__).parent, 0
    for name in files:
        checksum = crc32((folder / name).read_bytes(), checksum)
    return checksum
