"""What the headers of sound files promise, in bytes, and what is there."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

UNKNOWN_BYTES = (
    0x7FFFF000  # a header that was written to a pipe gives this size of its samples, or a larger one
)
LARGEST = 0xFFFFFFFF
W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
OGG_PAGE_BYTES = 27  # of a page's header before its table
MOST_PAGE_BYTES = OGG_PAGE_BYTES + 255 + 255 * 255
FIRST_PAGE = b"OggS\0\2"  # how a stream's first page begins
SEARCHED_BYTES = 1 << 20  # at once
LAST = 4  # the flag of a stream's last page


class Chunk(NamedTuple):
    """A part of a file: its name, where its content starts and how many bytes it says that it has."""

    name: bytes
    start: int
    size: int


class Promise(NamedTuple):
    """What a header and what follows it say of a file as a whole."""

    share: float  # of the promised samples that are there, of a WAV, RF64, W64, AIFF, CAF or AU; else 1
    lacks_end: bool  # an Ogg without the last page of its stream
    is_chain: bool  # an Ogg of streams one after the other


def promise(file: BinaryIO) -> Promise:
    """What `file` promises; it is left at its start."""
    read = Promise(_share(file), _lacks_end(file), _is_chain(file))
    file.seek(0)
    return read


def _share(file: BinaryIO) -> float:
    promised = _samples(file)
    if promised is None or promised.size <= 0:
        return 1.0
    held = file.seek(0, os.SEEK_END) - promised.start
    return min(1.0, max(0, held) / promised.size)


def _lacks_end(file: BinaryIO) -> bool:
    if _head(file, 4) != b"OggS":
        return False
    page = _last_page(file)
    table = page[OGG_PAGE_BYTES:][: page[26]] if len(page) >= OGG_PAGE_BYTES else b""
    complete = bool(table) and len(page) >= OGG_PAGE_BYTES + len(table) + sum(table)
    return not (complete and page[5] & LAST)


def _is_chain(file: BinaryIO) -> bool:
    # Streams that play together begin together, each with a first page; another one begins later.
    at = 0
    while (page := _read(file, at, MOST_PAGE_BYTES))[:6] == FIRST_PAGE:
        at += OGG_PAGE_BYTES + page[26] + sum(page[OGG_PAGE_BYTES:][: page[26]])
    while at and (part := _read(file, at, SEARCHED_BYTES)):
        if FIRST_PAGE in part:
            return True
        at += max(1, len(part) - len(FIRST_PAGE))
        if len(part) < SEARCHED_BYTES:
            break
    return False


def _last_page(file: BinaryIO) -> bytes:
    """The last page of an Ogg, and what follows it."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 2 * MOST_PAGE_BYTES))
    tail = file.read()
    return tail[max(0, tail.rfind(b"OggS")) :]


def finished_wav(file: BinaryIO) -> bytes | None:
    """The header, with its sizes, of a WAV whose recorder was killed before it wrote them; else None."""
    riff = _head(file, 8)
    samples = _samples(file) if riff[:4] == b"RIFF" else None
    if samples is None or samples.size or int.from_bytes(riff[4:], "little") + 8 > samples.start:
        return None
    end = file.seek(0, os.SEEK_END)
    header = bytearray(_head(file, samples.start))
    header[4:8] = struct.pack("<I", min(end - 8, LARGEST))
    header[-4:] = struct.pack("<I", min(end - samples.start, LARGEST))
    return bytes(header)


def _samples(file: BinaryIO) -> Chunk | None:
    """The chunk of the samples; None where there is none or its size was not known when it was written."""
    head = _head(file, 16)
    if head[:4] == b"RF64":
        return _long_samples(file)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _sized(_first(_chunks(file, 12, "<4sI"), b"data"))
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _sized(_first(_chunks(file, 12, ">4sI"), b"SSND"))
    if head[:4] == b"caff":
        return _first(_chunks(file, 8, ">4sq", even=1), b"data")
    if head == W64_RIFF:
        # A size counts the chunk's own 24 bytes here.
        return _first(_chunks(file, 40, "<4s12xQ", even=8, own=24), b"data")
    if head[:4] == b".snd":
        return _sized(Chunk(b"data", *struct.unpack(">II", head[4:12])))
    return None


def _long_samples(file: BinaryIO) -> Chunk | None:
    """The samples of an RF64, whose sizes stand in a chunk of their own."""
    sizes = _first(_chunks(file, 12, "<4sI"), b"ds64")
    if sizes is None:
        return None
    file.seek(sizes.start + 8)
    size = int.from_bytes(file.read(8), "little")
    data = _first(_chunks(file, 12, "<4sI"), b"data")
    return data and data._replace(size=size)


def _chunks(file: BinaryIO, at: int, form: str, even: int = 2, own: int = 0) -> Iterator[Chunk]:
    """The chunks from `at` on; each starts at a multiple of `even`."""
    length = struct.calcsize(form)
    while True:
        file.seek(at)
        head = file.read(length)
        if len(head) < length:
            return
        name, size = struct.unpack(form, head)
        chunk = Chunk(name, at + length, max(0, size - own))
        yield chunk
        at = chunk.start + chunk.size
        at += -at % even


def _first(chunks: Iterator[Chunk], name: bytes) -> Chunk | None:
    return next((chunk for chunk in chunks if chunk.name == name), None)


def _sized(chunk: Chunk | None) -> Chunk | None:
    return chunk if chunk and chunk.size < UNKNOWN_BYTES else None


def _head(file: BinaryIO, size: int) -> bytes:
    return _read(file, 0, size)


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
